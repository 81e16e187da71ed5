"""Jog and RebootServo over the wire; a real daemon with the simulated claw in lockstep."""

import math

import grpc
import pytest

from hal.lifecycle import Lifecycle
from services.errors import ServiceError


def refused(call, *arguments) -> ServiceError:
    with pytest.raises(ServiceError) as caught:
        call(*arguments)
    return caught.value


def test_a_jog_moves_one_joint_and_says_where_it_was_and_is(client):
    with client.lease("tester", window_s=5.0) as lease:
        client.activate(lease)
        moved = client.jog(lease, "MFJ20", -0.2, 0.5)
        assert moved.position_rad - moved.start_rad == pytest.approx(-0.2, abs=0.03)
        back = client.jog(lease, "MFJ20", 0.2, 0.5)
        assert back.start_rad == pytest.approx(moved.position_rad, abs=0.01)
        assert client.status().lifecycle == Lifecycle.ACTIVE


@pytest.mark.parametrize(
    ("joint", "delta_rad", "speed_rad_s", "field"),
    [
        ("", 0.1, 0.1, "joint"),
        ("FFJ10\n", 0.1, 0.1, "joint"),
        ("FFJ10", 0.6, 0.1, "delta_rad"),
        ("FFJ10", math.nan, 0.1, "delta_rad"),
        ("FFJ10", 0.1, 0.51, "speed_rad_s"),
        ("FFJ10", 0.1, -0.1, "speed_rad_s"),
        ("FFJ10", 0.1, math.inf, "speed_rad_s"),
    ],
)
def test_a_wrong_field_is_named(client, joint, delta_rad, speed_rad_s, field):
    with client.lease("tester") as lease:
        error = refused(client.jog, lease, joint, delta_rad, speed_rad_s)
    assert (error.code, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "FIELD_INVALID")
    assert error.message.startswith(field)


def test_what_the_robot_refuses_comes_with_its_reason(client):
    with client.lease("tester", window_s=5.0) as lease:
        assert refused(client.jog, lease, "FFJ10", 0.1).reason == "NOT_ACTIVE"
        client.activate(lease)
        unknown = refused(client.jog, lease, "FFJ99", 0.1)
        assert (unknown.code, unknown.reason) == (grpc.StatusCode.NOT_FOUND, "UNKNOWN_JOINT")
        assert "FFJ10" in unknown.message


def test_a_simulated_robot_has_no_servos_to_reboot(client):
    for _ in range(4):  # an attempt that reaches no servo does not count
        assert refused(client.reboot_servo, "FFJ10").reason == "NO_SERVOS"
    assert refused(client.reboot_servo, "").reason == "FIELD_INVALID"
    assert refused(client.reboot_latched_servos).reason == "NO_SERVOS"
