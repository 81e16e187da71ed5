"""Algorithm names to settings and to learners. Importing it does not import torch."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from mbctl.algorithms.br_settings import BrSettings
from mbctl.algorithms.ddppo_settings import DdppoSettings
from mbctl.algorithms.gda_settings import GdaSettings
from mbctl.algorithms.maac_settings import MaacSettings
from mbctl.algorithms.mal_settings import MalSettings
from mbctl.algorithms.mbctl_settings import MbctlSettings
from mbctl.algorithms.mbpo_settings import MbpoSettings
from mbctl.algorithms.memb_settings import MembSettings
from mbctl.algorithms.pal_settings import PalSettings
from mbctl.algorithms.planned_settings import (
    MaacMpcSettings,
    MalMpcSettings,
    PalMpcSettings,
    PlannedSettings,
)
from mbctl.algorithms.sac_settings import SacSettings
from mbctl.tasks.task import Task

if TYPE_CHECKING:
    from mbctl.algorithms.algorithm import Algorithm

_SETTINGS: dict[str, type[BaseModel]] = {
    "pal": PalSettings,
    "mal": MalSettings,
    "gda": GdaSettings,
    "br": BrSettings,
    "sac": SacSettings,
    "maac": MaacSettings,
    "mbpo": MbpoSettings,
    "memb": MembSettings,
    "pal-mpc": PalMpcSettings,
    "mal-mpc": MalMpcSettings,
    "maac-mpc": MaacMpcSettings,
    "ddppo": DdppoSettings,
    "mbctl": MbctlSettings,
}
ALGORITHM_NAMES = tuple(_SETTINGS)


class UnknownAlgorithmError(ValueError):
    """No algorithm has this name; the message lists those that exist."""


def algorithm_config(name: str, settings: Mapping[str, Any]) -> BaseModel:
    """Check `settings` against the algorithm's own; what is not given keeps its default.

    Raises:
        UnknownAlgorithmError: no algorithm is called `name`.
        pydantic.ValidationError: a setting is unknown or out of its range.
    """
    if name not in _SETTINGS:
        close = get_close_matches(name, ALGORITHM_NAMES, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        known = ", ".join(ALGORITHM_NAMES)
        raise UnknownAlgorithmError(f"unknown algorithm {name!r}{hint} Algorithms: {known}")
    return _SETTINGS[name].model_validate(dict(settings))


def build_algorithm(name: str, settings: Mapping[str, Any], task: Task, seed: int) -> "Algorithm":
    """A fresh learner.

    Raises:
        UnknownAlgorithmError, pydantic.ValidationError: as `algorithm_config`.
    """
    config = algorithm_config(name, settings)
    learner = _learner(name, config, task, seed)
    if not isinstance(config, PlannedSettings):
        return learner
    from mbctl.algorithms.planned import planned

    return planned(learner, config)


def _learner(name: str, config: BaseModel, task: Task, seed: int) -> "Algorithm":
    if isinstance(config, PalSettings):
        from mbctl.algorithms.pal import Pal

        return Pal(task, config, seed)
    if isinstance(config, MalSettings):
        from mbctl.algorithms.mal import Mal

        return Mal(task, config, seed)
    if isinstance(config, GdaSettings):
        from mbctl.algorithms.gda import Gda

        return Gda(task, config, seed)
    if isinstance(config, BrSettings):
        from mbctl.algorithms.br import Br

        return Br(task, config, seed)
    if isinstance(config, SacSettings):
        from mbctl.algorithms.sac import Sac

        return Sac(task, config, seed)
    if isinstance(config, MaacSettings):
        from mbctl.algorithms.maac import Maac

        return Maac(task, config, seed)
    if isinstance(config, MbpoSettings):
        from mbctl.algorithms.mbpo import Mbpo

        return Mbpo(task, config, seed)
    if isinstance(config, MembSettings):
        from mbctl.algorithms.memb import Memb

        return Memb(task, config, seed)
    if isinstance(config, DdppoSettings):
        from mbctl.algorithms.ddppo import Ddppo

        return Ddppo(task, config, seed)
    raise UnknownAlgorithmError(f"algorithm {name!r} has settings but no learner")
