"""Which scripted reset a robot model has."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from hal.dynamixel.dclaw_reset import DClawReset
from hal.dynamixel.dkitty_reset import DKittyReset
from hal.dynamixel.reset import ResetSequence
from hal.errors import UnknownRobotError
from hal.types import ResetTarget, RobotSpec

_RESETS: Mapping[str, Callable[[RobotSpec, ResetTarget], ResetSequence]] = MappingProxyType(
    {
        "dclaw": DClawReset,
        "dkitty": lambda spec, target: DKittyReset(spec, target.joint_position_rad),
    }
)


def reset_sequence(spec: RobotSpec, target: ResetTarget) -> ResetSequence:
    """A fresh reset of this robot model to `target`.

    Raises:
        UnknownRobotError: no reset is written for this model.
    """
    if spec.model not in _RESETS:
        raise UnknownRobotError(
            f"robot model {spec.model!r} has no scripted reset; there is one for: "
            f"{', '.join(_RESETS)}"
        )
    return _RESETS[spec.model](spec, target)
