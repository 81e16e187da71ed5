"""D'Kitty: four legs of three joints under a torso; ranges and order as in the ROBEL benchmark.

The ranges are those of the benchmark's commands. The simulated knees stop at -pi/2 rad, so the last
fifth of their range commands no more than the stop. The robot looks along its own y axis; all
joints at zero is standing upright with straight legs.
"""

from math import inf, pi

from hal.types import JointSpec, RobotSpec

HIP_OUT_RAD = 0.5
HIP_IN_RAD = 0.279
THIGH_MAX_RAD = pi / 2
KNEE_MIN_RAD = -2.0
VELOCITY_MAX_RAD_S = pi

# The benchmark bounds only position and velocity; rows stay comparable with it as long as these
# do not bind.
ACCELERATION_MAX_RAD_S2 = inf
# 70 % of an XM430's stall current, 2.3 A at 12 V: what a joint draws at a stop 0.15 rad from its
# target. Its register for a current limit (factory: 3.2 A) bounds current modes only, and no motor
# on 12 V draws that much. The temperature is 10 degrees below the servo's own shutdown at 80.
CURRENT_MAX_MA = 1610.0
TEMPERATURE_MAX_C = 70.0


def _joint(name: str, low_rad: float, high_rad: float) -> JointSpec:
    return JointSpec(
        name=name,
        position_min_rad=low_rad,
        position_max_rad=high_rad,
        velocity_max_rad_s=VELOCITY_MAX_RAD_S,
        acceleration_max_rad_s2=ACCELERATION_MAX_RAD_S2,
        current_max_ma=CURRENT_MAX_MA,
        temperature_max_c=TEMPERATURE_MAX_C,
    )


def _leg(prefix: str, number: int) -> tuple[JointSpec, ...]:
    # Hip angles that lead outwards count up on the left and down on the right.
    hip = (-HIP_IN_RAD, HIP_OUT_RAD) if prefix.endswith("L") else (-HIP_OUT_RAD, HIP_IN_RAD)
    return (
        _joint(f"A:{prefix}J{number}0", *hip),
        _joint(f"A:{prefix}J{number}1", 0.0, THIGH_MAX_RAD),
        _joint(f"A:{prefix}J{number}2", KNEE_MIN_RAD, 0.0),
    )


DKITTY = RobotSpec(
    model="dkitty",
    joints=(*_leg("FR", 1), *_leg("FL", 2), *_leg("BL", 3), *_leg("BR", 4)),
    objects=(),
    home_position_rad=(0.0,) * 12,
    bodies=("torso",),
)
