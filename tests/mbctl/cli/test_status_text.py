"""What an operator has to see of the servos is in `mbctl robot status`."""

import math

from mbctl.cli.status_text import status_text
from protos.controller_pb2 import GetStatusResponse


def status() -> GetStatusResponse:
    answer = GetStatusResponse(robot="dclaw0", model="dclaw", backend="dynamixel", clock="wall")
    answer.health.watchdog_s = 0.1
    for joint, servo_id, voltage_v, temperature_c in (
        ("FFJ10", 10, 12.1, 31.0),
        ("FFJ11", 11, 10.4, 58.0),
        ("FFJ12", 12, math.nan, math.nan),
    ):
        answer.health.joints.add(
            joint=joint, servo_id=servo_id, voltage_v=voltage_v, temperature_c=temperature_c
        )
    return answer


def lines(answer: GetStatusResponse) -> dict[str, str]:
    pairs = (line.split("  ", 1) for line in status_text(answer).splitlines())
    return {key.strip(): value.strip() for key, value in pairs}


def test_the_weakest_servos_are_named():
    shown = lines(status())
    assert shown["servo watchdog"] == "0.1 s"
    assert shown["servos"] == "2, lowest 10.4 V (FFJ11), hottest 58 degC (FFJ11)"
    assert "servo error" not in shown
    assert "connection" not in shown


def test_errors_and_warnings_are_in_words():
    answer = status()
    answer.health.watchdog_s = 0.0
    answer.health.joints[0].hardware_error = 0b100100
    answer.health.warnings.append("VOLTAGE_LOW: FFJ11 has 10.4 V")
    answer.health.counters["crc_errors"] = 3
    answer.connection_error = "PORT_MISSING: /dev/ttyUSB0 is not there"
    shown = lines(answer)
    assert shown["servo watchdog"] == "not armed"
    assert shown["servo error"] == "FFJ10 (10): overheating, overload"
    assert shown["warning"] == "VOLTAGE_LOW: FFJ11 has 10.4 V"
    assert shown["servo bus"] == "3 crc errors"
    assert shown["connection"].startswith("PORT_MISSING: /dev/ttyUSB0 is not there; trying again")


def test_tracked_bodies_are_where_they_are_seen():
    answer = status()
    pose = [0.1, -0.25, -0.056, math.radians(5), math.radians(-3), math.radians(90)]
    answer.state.bodies.add(name="torso", pose=pose, valid=True)
    seen = "x 0.100 y -0.250 z -0.056 m, turned 5 -3 90 degrees about its x, y, z"
    assert lines(answer)["torso"] == seen
    answer.state.bodies[0].valid = False
    assert lines(answer)["torso"] == f"LOST by the tracker; last seen {seen}"
    del answer.state.bodies[0].pose[:]
    assert lines(answer)["torso"] == "LOST by the tracker"


def test_a_robot_without_servos_says_nothing_of_them():
    shown = lines(GetStatusResponse(backend="mujoco", clock="lockstep"))
    assert not {"servo watchdog", "servos", "servo bus", "warning"} & shown.keys()


def test_a_spool_that_goes_on_under_another_id_says_why():
    answer = status()
    assert "spool id" not in lines(answer)
    answer.spool.continuity = "TRAINER_BEHIND: 80 rows are gone"
    assert lines(answer)["spool id"] == "TRAINER_BEHIND: 80 rows are gone"
