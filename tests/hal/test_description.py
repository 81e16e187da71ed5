"""What a description refuses: parts that do not fit together."""

from dataclasses import replace
from functools import partial

import pytest

from hal.description import (
    DescriptionError,
    InitialPose,
    ReferencePose,
    RobotDescription,
    SceneSource,
    ServoJoint,
    ServoLayout,
)
from hal.errors import UnknownRobotError
from hal.reset import WaypointReset
from hal.types import JointSpec, RobotSpec

SPEC = RobotSpec(
    "arm", (JointSpec("a", -1.0, 1.0, 2.0), JointSpec("b", -1.0, 1.0, 2.0)), ("lid",), (0.0, 0.0)
)
A, B = (ServoJoint(name, 1 + i, 1.0, 0.0, -2.0, 2.0) for i, name in enumerate("ab"))
LID = ServoJoint("lid", 3, 1.0, 0.0, -3.0, 3.0)
SERVOS = ServoLayout((A, B), (LID,), model_number=1030, model_numbers={"b": 1060})
SCENE = SceneSource("arm.xml", object_joints={"lid": "lid_hinge"})


def test_what_fits_together_is_taken():
    robot = RobotDescription(SPEC, SCENE, SERVOS, reference=ReferencePose("Hang it.", {"b": 0.5}))
    assert robot.reference_pose.position_rad == {"a": 0.0, "b": 0.5}
    assert robot.servo_layout is SERVOS
    assert list(robot.initial_poses) == ["home"]


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        ({"servos": replace(SERVOS, joints=(B, A))}, r"servos\.joints are \('b', 'a'\), expected"),
        ({"servos": replace(SERVOS, objects=())}, r"servos\.objects are \(\), expected \('lid',\)"),
        (
            {"servos": replace(SERVOS, guides=(replace(A, name="knob"),))},
            r"ids \[1\] are used more",
        ),
        (
            {"servos": replace(SERVOS, objects=(replace(LID, servo_id=253),))},
            r"\[253\] are outside",
        ),
        (
            {"servos": replace(SERVOS, joints=(replace(A, travel_max_rad=0.9), B))},
            r"travel of servo 'a', \[-2, 0\.9\] rad, does not hold its joint's range \[-1, 1\] rad",
        ),
        ({"scene": SceneSource("arm.xml")}, r"scene\.object_joints are \(\), expected \('lid',\)"),
        (
            {"scene": replace(SCENE, free_bodies={"base": "x"})},
            r"scene\.free_bodies are \('base',\)",
        ),
        ({"reference": ReferencePose("", {"c": 0.0})}, r"names \['c'\], which are no joints"),
        ({"reset": partial(WaypointReset, via=((0.0,),))}, r"reset cannot be made: pose \[0\.0\]"),
        ({"reset": lambda spec: None}, "reset cannot be made: .*positional argument"),
        ({"spec": replace(SPEC, home_position_rad=(0.0,))}, "home_position_rad has 1 angles"),
        ({"initial_poses": {}}, "initial_poses is empty"),
        ({"initial_poses": {"lie": InitialPose(((0.0,) * 6,))}}, "'lie' has 1 bodies, expected 0"),
    ],
)
def test_parts_that_do_not_fit_are_named(parts: dict, says: str):
    with pytest.raises(DescriptionError, match=says) as caught:
        RobotDescription(**{"spec": SPEC, "scene": SCENE, "servos": SERVOS, **parts})
    assert "'arm'" in str(caught.value)


def test_a_robot_without_servos_says_so():
    with pytest.raises(UnknownRobotError, match="'arm' has no servos on a bus"):
        _ = RobotDescription(SPEC, SCENE).servo_layout


def test_servos_tell_of_their_own_models():
    assert [SERVOS.model_of(servo_id) for servo_id in (1, 2, 3, 99)] == [1030, 1060, 1030, 1030]


@pytest.mark.parametrize("model", ["Lab Arm", "arm.v2", "", "-arm", "a" * 64])
def test_a_name_that_no_configuration_could_hold_is_refused(model: str):
    with pytest.raises(DescriptionError, match=rf"robot model '{model}': .* small letters, digits"):
        RobotDescription(replace(SPEC, model=model))
