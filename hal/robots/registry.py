"""Robot models by name: each file beside this one defines one, other packages bring more."""

from collections.abc import Collection
from pathlib import Path
from pkgutil import iter_modules

from hal.description import RobotDescription, ServoLayout
from hal.errors import UnknownRobotError
from hal.registry import Registry
from hal.types import RobotSpec

_OWN = tuple(
    f"{__package__}.{module.name}"
    for module in iter_modules([str(Path(__file__).parent)])
    if module.name != "registry"
)
ROBOTS = Registry[RobotDescription]("robot model", _OWN, "mbctl.robots", UnknownRobotError)

Ids = Collection[int]


def define_robot(description: RobotDescription, module: str) -> None:
    """Register a robot model, which stands in `module`, under its name.

    Raises:
        DuplicateNameError: another module has defined one of that name.
    """
    ROBOTS.define(description.spec.model, description, module)


def robot_spec(name: str) -> RobotSpec:
    """The specification of the robot model called `name`.

    Raises:
        UnknownRobotError: there is none; the message names the nearest, or those there are.
    """
    return ROBOTS[name].spec


def servo_layout(name: str) -> ServoLayout:
    """The servos of the robot model called `name`.

    Raises:
        UnknownRobotError: there is no such model, or it has no servos on a bus.
    """
    return ROBOTS[name].servo_layout


def other_model_of(found: Ids, required: Ids, known: Ids) -> str:
    """The robot model whose ids these are, where they are another's than was looked for; or "".

    Ids that both models have tell nothing; there must be some that only the other one has.

    Args:
        found: ids that answered.
        required, known: of the robot that was looked for: ids that it needs, and all of its ids.
    """
    there = frozenset(found)
    strangers = there - frozenset(known)
    own = len(frozenset(required) - there) + len(strangers)
    for name in ROBOTS.names():
        if (layout := ROBOTS[name].servos) is None:
            continue
        missing, strange = layout.required_ids - there, there - layout.ids
        if strangers and strangers <= layout.ids and len(missing) + len(strange) < own:
            return name
    return ""
