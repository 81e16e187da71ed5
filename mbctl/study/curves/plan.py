"""What one run learns, and how a user names an algorithm, its preset and what differs from it."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal

from pydantic import AliasChoices, Field

from mbctl.config import ConfigError
from mbctl.config.check import (
    check_algorithm_name,
    check_settings_for_task,
    check_task_name,
    preset_observation,
    resolve_algorithm,
)
from mbctl.config.models import AlgorithmConfig, DeviceName, Frozen, Rhythm
from mbctl.config.overrides import assign
from mbctl.config.typed import structure
from mbctl.study.shift import Shift, world_task
from mbctl.tasks.registry import make_task

_UNSAFE = re.compile(r"[^A-Za-z0-9.=+_-]+")
_NAME_MAX = 200  # characters of a folder's name, before what tells long ones apart


class StudyRhythm(Rhythm):
    """How long to learn and how often to look; it does not change what is learned."""

    evaluation_episodes: int = Field(
        default=20,
        ge=1,
        le=1_000,
        validation_alias=AliasChoices("evaluation_episodes", "episodes"),  # runs of version 0.1.0
    )
    """Episodes of an evaluation on the way."""
    keep_stages: bool = False
    """Keep the learner as it was at each evaluation, in a file of its own."""


class Identity(Frozen):
    """Everything that the learned numbers depend on."""

    format: Literal[1] = 1
    task: str
    observation: str
    algorithm: str
    settings: dict[str, Any]
    seed: int = Field(ge=0)
    device: DeviceName = "cpu"
    shift: Shift | None = None


class RunPlan(Frozen):
    """One run.

    Attributes:
        variant: how the user named the algorithm; runs with the same differ in seed or task.
    """

    variant: str
    identity: Identity
    rhythm: StudyRhythm

    @property
    def directory(self) -> str:
        """Name of its folder."""
        shift = self.identity.shift
        parts = [self.identity.task, self.variant]
        parts += [] if shift is None else [f"{shift.kind} at {shift.at}"]
        name = "__".join(_UNSAFE.sub("-", part) for part in parts)
        if len(name) > _NAME_MAX:  # file systems take 255 bytes
            name = f"{name[:_NAME_MAX]}-{hashlib.sha256(name.encode()).hexdigest()[:12]}"
        return f"{name}__seed{self.identity.seed}"

    @property
    def title(self) -> str:
        return f"{self.identity.task} {self.variant} seed {self.identity.seed}"


@dataclass(frozen=True)
class Variant:
    """`NAME[:PRESET][,KEY=VALUE...]`, such as "pal:paper,npg_steps=8".

    A key may be a path, such as "planner.horizon".

    Attributes:
        text: as the user wrote it.
    """

    text: str
    algorithm: str
    preset: str
    settings: dict[str, Any]


def parse_variant(text: str) -> Variant:
    """Take an algorithm's name apart.

    Raises:
        ConfigError: it is not of the form that `Variant` tells.
    """
    head, *assignments = _split(text)
    algorithm, _, preset = head.partition(":")
    settings: dict[str, Any] = {}
    for assignment in assignments:
        key, separator, value = assignment.partition("=")
        if not separator or not key.strip():
            raise ConfigError(
                f"--algorithm {text!r}: {assignment!r} is no KEY=VALUE; "
                "expected NAME[:PRESET][,KEY=VALUE...]"
            )
        path, where = key.strip().split("."), f"--algorithm {text!r}"
        settings = assign(settings, path, structure(value.strip()), where)
    return Variant(text, algorithm.strip(), preset.strip() or "default", settings)


def _split(text: str) -> list[str]:
    """At commas outside brackets, so that a value may be a list."""
    parts, depth = [""], 0
    for character in text:
        depth += (character in "[{") - (character in "]}")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return parts


def plan_runs(
    tasks: Iterable[str],
    variants: Iterable[Variant],
    seeds: Iterable[int],
    rhythm: StudyRhythm,
    shift: Shift | None = None,
    device: str = "cpu",
) -> list[RunPlan]:
    """Every task with every algorithm and seed; all of one seed come before those of the next.

    Args:
        shift: changes the world of all of them.
        device: where they learn and plan.

    Raises:
        ConfigError: a task, algorithm, preset or setting is unknown or does not go with the task,
            two runs are the same, or the change comes after the last sample.
    """
    if shift is not None and shift.at >= rhythm.samples:
        raise ConfigError(
            f"--at {shift.at}: must be below --samples {rhythm.samples}, or nothing ever changes"
        )
    pairs = list(product(tasks, variants))
    plans = [_plan(task, v, seed, rhythm, shift, device) for seed in seeds for task, v in pairs]
    names = [plan.directory for plan in plans]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ConfigError(f"the run {twice} was asked for twice")
    return plans


def _plan(
    task: str, variant: Variant, seed: int, rhythm: StudyRhythm, shift: Shift | None, device: str
) -> RunPlan:
    check_task_name(task, "--task")
    check_algorithm_name(variant.algorithm)
    observation = _observation(task, variant)
    world_task(make_task(task, observation), shift, shifted=True)  # it can be shifted
    config = AlgorithmConfig(
        name=variant.algorithm, preset=variant.preset, settings=variant.settings
    )
    resolved = resolve_algorithm(config)
    check_settings_for_task(resolved, task)
    identity = Identity(
        task=task,
        observation=observation,
        algorithm=variant.algorithm,
        settings=resolved.settings,
        seed=seed,
        device=device,
        shift=shift,
    )
    return RunPlan(variant=variant.text, identity=identity, rhythm=rhythm)


def _observation(task: str, variant: Variant) -> str:
    """The preset's where the task has it; a preset may be made for another robot's task."""
    wanted = preset_observation(variant.algorithm, variant.preset)
    try:
        make_task(task, wanted)
    except ValueError:
        return "default"
    return wanted
