"""Algorithms by name: settings, presets, and the learner. Importing it does not import torch.

A settings class registers itself where it is defined, and names its learner, which is imported when
one is built:

    @algorithm("mbpo", learner="mbctl.algorithms.branched.mbpo:Mbpo")
    class MbpoSettings(AlgorithmSettings): ...

Ours stand in the `settings` module of each folder beside this file, those of other packages in the
modules that their entry points of the group `mbctl.algorithms` name.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from hal.errors import ReasonedError
from hal.registry import NAME_PATTERN, NAME_RULE, Registry
from mbctl.algorithms.settings import AlgorithmSettings
from mbctl.tasks.task import Task

if TYPE_CHECKING:
    from mbctl.algorithms.algorithm import Algorithm

S = TypeVar("S", bound=type[AlgorithmSettings])


class UnknownAlgorithmError(ReasonedError, ValueError):
    """No algorithm has this name; the message lists those that exist."""

    reason = "UNKNOWN_ALGORITHM"


class LearnerError(ReasonedError, ValueError):
    """What an algorithm names as its learner is none; the message says who names it."""

    reason = "LEARNER_INVALID"


@dataclass(frozen=True)
class AlgorithmDefinition:
    """One algorithm.

    Attributes:
        name: what users call it.
        settings: checks what users set; its defaults are the algorithm's own.
        learner: "module:callable", which makes a learner of (task, settings, seed, device).
        package: the installed package that the settings come from.
    """

    name: str
    settings: type[AlgorithmSettings]
    learner: str
    package: str

    def build(
        self, settings: AlgorithmSettings, task: Task, seed: int, device: str = "cpu"
    ) -> "Algorithm":
        """A fresh learner, on `device`: "cpu", "cuda", "cuda:N" or "auto".

        Raises:
            LearnerError: `learner` cannot be imported, or what it makes lacks a method.
        """
        from mbctl.algorithms.algorithm import Algorithm

        learner = self._learner()(task, settings, seed, device)
        if not isinstance(learner, Algorithm):
            needed = {n for n in vars(Algorithm) if not n.startswith("_")}
            lacking = ", ".join(sorted(n for n in needed if not hasattr(learner, n)))
            raise LearnerError(f"algorithm {self.name!r}: {self.learner} lacks {lacking}")
        return learner

    def presets(self) -> dict[str, Traversable]:
        """Files of the presets by name, of the folder `configs` in `package`.

        `default` is `{algorithm}.toml`, another one `{algorithm}-{preset}.toml`. A package that is
        a single module has none.
        """
        if not hasattr(import_module(self.package), "__path__"):
            return {}
        others = (n for n in ALGORITHMS.names() if ALGORITHMS[n].package == self.package)
        longer = tuple(n for n in others if n.startswith(f"{self.name}-"))
        folder, found = files(self.package) / "configs", dict[str, Traversable]()
        for file in folder.iterdir() if folder.is_dir() else ():
            stem, _, suffix = file.name.rpartition(".")
            if suffix != "toml":
                continue
            if stem == self.name:
                found["default"] = file
            elif stem.startswith(f"{self.name}-") and not _belongs_to(stem, longer):
                found[stem.removeprefix(f"{self.name}-")] = file
        return dict(sorted(found.items()))

    def _learner(self) -> Callable[[Task, AlgorithmSettings, int, str], object]:
        module, _, name = self.learner.partition(":")
        try:
            return getattr(import_module(module), name)
        except (ImportError, AttributeError, ValueError) as error:
            raise LearnerError(
                f"algorithm {self.name!r} of {self.settings.__module__} names {self.learner!r} as "
                f"its learner, must be 'module:callable': {error}"
            ) from error


_FOLDERS = sorted(Path(__file__).parent.glob("*/settings.py"))
ALGORITHMS: Registry[AlgorithmDefinition] = Registry(
    "algorithm",
    [f"{__package__}.{folder.parent.name}.settings" for folder in _FOLDERS],
    "mbctl.algorithms",
    UnknownAlgorithmError,
)


def algorithm(name: str, *, learner: str) -> Callable[[S], S]:
    """Register the settings class behind this decorator as those of algorithm `name`.

    Args:
        learner: "module:callable" that makes a learner of (task, settings, seed, device); device
            is the name of one, which `mbctl.nn.device.torch_device` understands.

    Raises:
        DuplicateNameError: another module has an algorithm of this name.
        ValueError: no configuration could hold the name.
    """
    if not re.fullmatch(NAME_PATTERN, name):
        raise ValueError(f"algorithm {name!r}: the name must be at most 64 {NAME_RULE}")

    def register(settings: S) -> S:
        module = settings.__module__
        package = module.partition(".")[0]
        ALGORITHMS.define(name, AlgorithmDefinition(name, settings, learner, package), module)
        return settings

    return register


def algorithm_config(name: str, settings: Mapping[str, Any]) -> AlgorithmSettings:
    """Check `settings` against the algorithm's own; what is not given keeps its default.

    Raises:
        UnknownAlgorithmError: no algorithm is called `name`.
        pydantic.ValidationError: a setting is unknown or out of its range.
    """
    return ALGORITHMS[name].settings.model_validate(dict(settings))


def build_algorithm(
    name: str, settings: Mapping[str, Any], task: Task, seed: int, device: str = "cpu"
) -> "Algorithm":
    """A fresh learner, on `device`: "cpu", "cuda", "cuda:N" or "auto".

    Raises:
        UnknownAlgorithmError, pydantic.ValidationError: as `algorithm_config`.
        LearnerError: it is registered without a learner that can be built.
    """
    return ALGORITHMS[name].build(algorithm_config(name, settings), task, seed, device)


def _belongs_to(stem: str, names: tuple[str, ...]) -> bool:
    """Whether a preset's file is that of one of these algorithms."""
    return any(stem == name or stem.startswith(f"{name}-") for name in names)
