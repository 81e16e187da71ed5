"""What one run is to do: both daemons' configurations, the budget and the evaluations."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict

from hal.backends import BACKENDS
from hal.registry import meant
from hal.robots.registry import ROBOTS, robot_spec
from mbctl.config import ConfigError, ControllerConfig, TrainerConfig, load_controller, load_trainer
from mbctl.config.check import check_algorithm_name, preset_observation
from mbctl.config.load import validated
from mbctl.config.models import Frozen, Rhythm, RobotConfig
from mbctl.config.overrides import apply_assignments
from mbctl.tasks.registry import TASKS, make_task

_DAEMONS = ("controller", "trainer")
_ALGORITHM = "algorithm"
_TASK = "task"
_OBSERVATION = ("controller.task.observation", "trainer.task.observation")
# What differs, and what then differs because of it.
_FOLLOW = {
    "controller.task.name": ("controller.robot.", "trainer.robot_model", *_OBSERVATION),
    "trainer.algorithm.name": ("trainer.algorithm.settings.", *_OBSERVATION),
    "trainer.algorithm.preset": ("trainer.algorithm.settings.", *_OBSERVATION),
    "controller.robot.backend": (
        "controller.robot.bus.",
        "controller.robot.tracker",
        "controller.clock",
    ),
}
PORT_LINK = "servo-bus"  # in the run's directory, to the virtual bus
# Its servos share processors with the learner: they answer late where real ones do not.
_PATIENT_TRACKER = {"kind": "udp", "stale_s": 0.4}
_PATIENT_BUS = {
    "watchdog_s": 1.0,
    "comm_fault_s": 1.0,
    "cycle_budget_s": 0.04,
    "turnaround_s": 0.02,
}


class Plan(Frozen):
    """A complete run; stored as run.json, so that a later session knows whether it is its own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    rhythm: Rhythm
    controller: ControllerConfig
    trainer: TrainerConfig


@dataclass(frozen=True)
class Choices:
    """What the user chose on the command line."""

    task: str
    algorithm: str
    preset: str
    samples: int
    seed: int
    run_dir: Path
    backend: str
    clock: str = ""  # lockstep where the backend can, else wall
    device: str = "cpu"  # of learner and planner


def make_plan(
    choices: Choices, assignments: Sequence[str], environment: Mapping[str, str] | None = None
) -> Plan:
    """Resolve and check everything.

    Assignments go to controller.KEY, trainer.KEY, task.KEY (of both), algorithm.SETTING, or to a
    key of the rhythm. The preset brings the observation that it is made for.

    Raises:
        ConfigError: something is unknown, out of range or contradictory.
    """
    run_dir = choices.run_dir.absolute()
    check_algorithm_name(choices.algorithm)
    observation = preset_observation(choices.algorithm, choices.preset)
    common = {"task": {"name": choices.task, "observation": observation}, "seed": choices.seed}
    model = _robot_model(choices.task)
    robot = {"name": f"{model}0", "model": model, "backend": choices.backend}
    if choices.backend == "virtual-bus":
        robot |= _on_virtual_bus(model, run_dir)
    algorithm = {"name": choices.algorithm, "preset": choices.preset}
    sorted_out = _sort_out(assignments)
    plan = Plan(
        rhythm=_rhythm(choices.samples, sorted_out["rhythm"]),
        controller=load_controller(
            None,
            sorted_out["controller"],
            environment,
            {
                **common,
                "robot": robot,
                "clock": choices.clock or _clock(choices.backend),
                "run_dir": str(run_dir / "controller"),
                "planner_device": choices.device,
            },
        ),
        trainer=load_trainer(
            None,
            sorted_out["trainer"],
            environment,
            {
                **common,
                "robot_model": model,
                "algorithm": algorithm,
                "run_dir": str(run_dir / "trainer"),
                "device": choices.device,
            },
        ),
    )
    if plan.controller.task != plan.trainer.task:
        raise ConfigError(
            f"controller.task is {plan.controller.task!r}, trainer.task is {plan.trainer.task!r}: "
            "both must be the same; set task.KEY for both"
        )
    return plan


def _robot_model(task: str) -> str:
    """The robot model that a task is for; the configuration's check reports one without a robot."""
    model = make_task(task).robot.model if task in TASKS else ""
    return model if model in ROBOTS else RobotConfig().model


def _clock(backend: str) -> str:
    """As fast as it can, where that is possible; the configuration's check reports a bad name."""
    able = backend in BACKENDS and BACKENDS[backend].has_virtual_time
    return "lockstep" if able else "wall"


def _on_virtual_bus(model: str, run_dir: Path) -> dict[str, Any]:
    """The port that the run's own bus will have, patience with it, and who sees the torso."""
    robot = {"port": str(run_dir / PORT_LINK), "bus": _PATIENT_BUS}
    return {**robot, "tracker": _PATIENT_TRACKER} if robot_spec(model).bodies else robot


def _rhythm(samples: int, assignments: list[str]) -> Rhythm:
    return validated(Rhythm, apply_assignments({"samples": samples}, assignments), "configuration")


def _sort_out(assignments: Sequence[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {"rhythm": [], "controller": [], "trainer": []}
    for text in assignments:
        head, dot, rest = text.partition("=")[0].strip().partition(".")
        tail = text[text.index("=") :] if "=" in text else ""
        if dot and head in _DAEMONS:
            found[head].append(rest + tail)
        elif dot and head == _TASK:
            for daemon in _DAEMONS:
                found[daemon].append(text)
        elif dot and head == _ALGORITHM:
            found["trainer"].append(f"algorithm.settings.{rest}{tail}")
        elif head in Rhythm.model_fields and not dot:
            found["rhythm"].append(text)
        else:
            raise ConfigError(
                f"--set {text!r}: unknown key; {meant(head, sorted(_top_level()), show_all=True)}"
            )
    return found


def _top_level() -> list[str]:
    return [*Rhythm.model_fields, "controller.KEY", "trainer.KEY", "task.KEY", "algorithm.SETTING"]


def differences(stored: Plan, wanted: Plan) -> list[str]:
    """The keys in which two plans are different runs, with both values; causes come first.

    The budget may grow, and addresses, directory, devices and who looks on may change: it stays the
    same run. What only follows from another difference is left out.
    """
    a, b = _flat(stored.model_dump(mode="json")), _flat(wanted.model_dump(mode="json"))
    keys = {k for k in a.keys() | b.keys() if a.get(k) != b.get(k) and not _may_differ(k)}
    followers = tuple(prefix for key in keys for prefix in _FOLLOW.get(key, ()))
    return [
        f"{key} is {a.get(key)!r} there and {b.get(key)!r} here"
        for key in sorted(keys, key=lambda key: (key not in _FOLLOW, key))
        if not key.startswith(followers)
    ]


def _may_differ(key: str) -> bool:
    last = key.rpartition(".")[2]
    moving = ("listen", "run_dir", "trainer", "metrics_listen", "port", "device", "planner_device")
    looks_on = key.startswith("controller.subscribers.")
    return key == "rhythm.samples" or looks_on or last in moving


def _flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            flat.update(_flat(value, f"{prefix}{key}."))
        else:
            flat[prefix + key] = value
    return flat
