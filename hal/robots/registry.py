"""Robot models by name."""

from difflib import get_close_matches

from hal.errors import UnknownRobotError
from hal.robots.dclaw import DCLAW
from hal.robots.dkitty import DKITTY
from hal.types import RobotSpec

_SPECS = {spec.model: spec for spec in (DCLAW, DKITTY)}
ROBOT_NAMES = tuple(_SPECS)


def robot_spec(name: str) -> RobotSpec:
    """The specification of the robot model called `name`.

    Raises:
        UnknownRobotError: there is none; the message names those there are.
    """
    if name in _SPECS:
        return _SPECS[name]
    near = get_close_matches(name, ROBOT_NAMES, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise UnknownRobotError(
        f"unknown robot model {name!r}; {hint}known models: {', '.join(ROBOT_NAMES)}"
    )
