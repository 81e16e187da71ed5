"""Which servo is which joint, and how its angle becomes the joint's, as the ROBEL benchmark has it.

A servo in position mode counts 0 to 4095 ticks for one turn. The joint angle is

    q = scale * raw * 2 pi / 4096 + offset

These are the factory values of the robot model; what was measured on one robot is a calibration.
"""

from collections.abc import Collection
from dataclasses import dataclass
from math import pi

from hal.errors import UnknownRobotError


@dataclass(frozen=True, slots=True)
class ServoJoint:
    """One servo on the bus.

    Attributes:
        name: of the joint, object or guide that it moves or senses.
        servo_id: 0 to 252.
        scale: +1 or -1.
        offset_rad: joint angle at servo angle zero.
        travel_min_rad, travel_max_rad: joint angles that may ever be commanded, resets included;
            at least the range of the robot's specification.
    """

    name: str
    servo_id: int
    scale: float
    offset_rad: float
    travel_min_rad: float
    travel_max_rad: float


@dataclass(frozen=True, slots=True)
class ServoLayout:
    """All servos of a robot model.

    Attributes:
        model: name of the robot model.
        joints: actuated joints, in the order of the robot's specification.
        objects: servos that sense an object and may place it in a reset.
        guides: servos that only a person turns (D'Claw's goal guide); a robot may lack them.
    """

    model: str
    joints: tuple[ServoJoint, ...]
    objects: tuple[ServoJoint, ...] = ()
    guides: tuple[ServoJoint, ...] = ()

    @property
    def ids(self) -> frozenset[int]:
        """Of all its servos."""
        return frozenset(s.servo_id for s in (*self.joints, *self.objects, *self.guides))

    @property
    def required_ids(self) -> frozenset[int]:
        """Of those that a robot cannot lack."""
        return frozenset(s.servo_id for s in (*self.joints, *self.objects))


# The top joints stop at [-0.45, 1.35] rad; resets raise them out of each other's way.
_CLAW_TOP = (-0.50, 1.40)
_CLAW_MIDDLE_BOTTOM = (-2.0, 2.0)
# Angles outwards count up on the left, down on the right. Flipping over takes a hip 5 pi / 4 out.
_HIP_OUT_RAD, _HIP_IN_RAD = 3.98, 0.83
_THIGH = (-2.45, 2.45)
_KNEE = (-2.55, 2.55)


def _finger(prefix: str, number: int) -> tuple[ServoJoint, ...]:
    first = 10 * number
    return (
        ServoJoint(f"{prefix}J{first}", first, 1.0, -pi / 2, *_CLAW_TOP),
        ServoJoint(f"{prefix}J{first + 1}", first + 1, 1.0, -pi, *_CLAW_MIDDLE_BOTTOM),
        ServoJoint(f"{prefix}J{first + 2}", first + 2, 1.0, -pi, *_CLAW_MIDDLE_BOTTOM),
    )


def _leg(
    prefix: str, number: int, hip: tuple[float, float], scale: float
) -> tuple[ServoJoint, ...]:
    first = 10 * number
    is_left = prefix.endswith("L")
    travel = (-_HIP_IN_RAD, _HIP_OUT_RAD) if is_left else (-_HIP_OUT_RAD, _HIP_IN_RAD)
    return (
        ServoJoint(f"A:{prefix}J{first}", first, *hip, *travel),
        ServoJoint(f"A:{prefix}J{first + 1}", first + 1, scale, -scale * pi, *_THIGH),
        ServoJoint(f"A:{prefix}J{first + 2}", first + 2, scale, -scale * pi, *_KNEE),
    )


_LAYOUTS = {
    "dclaw": ServoLayout(
        model="dclaw",
        joints=(*_finger("FF", 1), *_finger("MF", 2), *_finger("TH", 3)),
        objects=(ServoJoint("valve", 50, 1.0, -pi, -pi, pi),),
        guides=(ServoJoint("guide", 60, 1.0, -pi, -pi, pi),),
    ),
    "dkitty": ServoLayout(
        model="dkitty",
        joints=(
            *_leg("FR", 1, (1.0, -1.5 * pi), -1.0),
            *_leg("FL", 2, (1.0, -0.5 * pi), 1.0),
            *_leg("BL", 3, (-1.0, 1.5 * pi), 1.0),
            *_leg("BR", 4, (-1.0, 0.5 * pi), -1.0),
        ),
    ),
}


def servo_layout(model: str) -> ServoLayout:
    """The servos of robot model `model`.

    Raises:
        UnknownRobotError: a model that is not made of Dynamixel servos.
    """
    if model not in _LAYOUTS:
        raise UnknownRobotError(
            f"robot model {model!r} has no Dynamixel servos; known: {', '.join(_LAYOUTS)}"
        )
    return _LAYOUTS[model]


Ids = Collection[int]


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
    for layout in _LAYOUTS.values():
        missing, strange = layout.required_ids - there, there - layout.ids
        if strangers and strangers <= layout.ids and len(missing) + len(strange) < own:
            return layout.model
    return ""
