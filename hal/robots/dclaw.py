"""D'Claw: three fingers of three joints over a valve; ranges and order as in the ROBEL benchmark.

The ranges are those of the benchmark's commands. The simulated top joints themselves travel
[-0.45, 1.35] rad, so a measurement may lie outside the range of commands.
"""

from math import inf, pi

from hal.types import JointSpec, RobotSpec

_TOP_MAX_RAD = 0.48
_MIDDLE_MAX_RAD = pi / 3
_BOTTOM_MAX_RAD = pi / 2
VELOCITY_MAX_RAD_S = 2 * pi / 3

# The benchmark bounds only position and velocity; rows stay comparable with it as long as these
# two do not bind.
ACCELERATION_MAX_RAD_S2 = inf
# 70 % of an XM430's stall current, 2.3 A at 12 V: what a joint draws at a stop 0.15 rad from its
# target. Its register for a current limit (factory: 3.2 A) bounds current modes only, and no motor
# on 12 V draws that much. The temperature is 10 degrees below the servo's own shutdown at 80.
CURRENT_MAX_MA = 1610.0
TEMPERATURE_MAX_C = 70.0


def _joint(name: str, half_range_rad: float) -> JointSpec:
    return JointSpec(
        name=name,
        position_min_rad=-half_range_rad,
        position_max_rad=half_range_rad,
        velocity_max_rad_s=VELOCITY_MAX_RAD_S,
        acceleration_max_rad_s2=ACCELERATION_MAX_RAD_S2,
        current_max_ma=CURRENT_MAX_MA,
        temperature_max_c=TEMPERATURE_MAX_C,
    )


def _finger(prefix: str, number: int) -> tuple[JointSpec, ...]:
    return (
        _joint(f"{prefix}J{number}0", _TOP_MAX_RAD),
        _joint(f"{prefix}J{number}1", _MIDDLE_MAX_RAD),
        _joint(f"{prefix}J{number}2", _BOTTOM_MAX_RAD),
    )


DCLAW = RobotSpec(
    model="dclaw",
    joints=(*_finger("FF", 1), *_finger("MF", 2), *_finger("TH", 3)),
    objects=("valve",),
    home_position_rad=(0.0, -pi / 3, pi / 3) * 3,
)
