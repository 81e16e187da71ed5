"""What a robot with servos needs of the loop between two steps, and beside them."""

import pytest

from hal.errors import RobotReadError
from hal.health import JointHealth, RobotHealth
from hal.lifecycle import Lifecycle
from services.controller.control.exit_codes import ROBOT_LOST
from services.controller.control.loop import LOST_REASONS
from services.ipc.words import Word


def test_a_robot_is_tended_between_steps_in_every_state(make_rig):
    rig = make_rig(tend_period_s=0.02)
    rig.cycle(5)
    assert len(rig.robot.tends) == pytest.approx(5 * 5, abs=6)
    assert rig.call("activate")["ok"]
    before = len(rig.robot.tends)
    rig.cycle(5)
    assert len(rig.robot.tends) - before == 5 * 4
    gaps = [b - a for a, b in zip(rig.robot.tends, rig.robot.tends[1:], strict=False)]
    assert max(gaps) <= 40_000_000


def test_lockstep_and_other_robots_are_left_alone(make_rig):
    for rig in (make_rig("lockstep", tend_period_s=0.02), make_rig()):
        rig.call("activate")
        rig.run_episodes()
        rig.finish()
        assert rig.robot.tends == []


def test_what_tending_finds_is_a_fault_like_any_other(make_rig):
    rig = make_rig(tend_period_s=0.02)
    rig.call("activate")
    assert rig.run_episodes()["ok"]
    rig.cycle_until(lambda: len(rig.rows) >= 3)
    reads = rig.robot.reads
    rig.robot.fail_tend = "WATCHDOG_TRIPPED"
    rig.cycle(1)
    assert rig.robot.reads == reads, "before the next step"
    assert not rig.robot.torque
    (fault,) = rig.of_type("fault")
    assert (fault["reason"], fault["message"]) == ("WATCHDOG_TRIPPED", "found while tending")
    assert rig.of_type("episodes_done")[-1]["reason"] == "WATCHDOG_TRIPPED"
    rig.cycle(20)
    assert len(rig.of_type("fault")) == 1
    rig.robot.fail_tend = ""
    assert rig.call("clear_fault")["ok"]


@pytest.mark.parametrize("reason", sorted(LOST_REASONS))
def test_a_robot_out_of_reach_ends_the_process_with_its_fault(make_rig, reason):
    rig = make_rig(tend_period_s=0.02)
    rig.call("activate")
    rig.robot.fail_tend = reason
    assert rig.loop.run({}) == ROBOT_LOST
    rig.drain()
    assert not rig.robot.torque
    assert rig.of_type("fault")[-1]["reason"] == reason
    assert rig.of_type("stopped")[-1]["cause"] == "ROBOT_LOST"


@pytest.mark.parametrize("reason", sorted(LOST_REASONS))
def test_a_robot_out_of_reach_that_held_nothing_is_no_fault(make_rig, reason):
    rig = make_rig(tend_period_s=0.02)
    rig.robot.fail_tend = reason
    assert rig.loop.run({}) == ROBOT_LOST
    rig.drain()
    assert rig.of_type("fault") == []
    assert rig.of_type("robot_lost")[-1]["reason"] == reason
    assert rig.of_type("robot_lost")[-1]["message"] == "found while tending"


def test_one_that_is_lost_after_an_emergency_stop_is_no_death_of_the_process(make_rig):
    rig = make_rig(tend_period_s=0.02)
    rig.call("activate")
    rig.words.set(Word.ESTOP_REQUESTED, 1)
    rig.cycle(1)
    rig.robot.fail_tend = "BUS_LOST"
    assert rig.loop.run({}) == ROBOT_LOST
    rig.drain()
    assert rig.of_type("robot_lost")[-1]["reason"] == "BUS_LOST"


@pytest.mark.parametrize("first", ["SERVO_SILENT", "STATE_INVALID", "READ_FAILED"])
def test_a_silence_is_told_anew_once_it_is_explained_and_no_other_fault_is(make_rig, first):
    rig = make_rig(tend_period_s=0.02)
    rig.call("activate")
    rig.robot.fail_tend = first
    rig.cycle_until(lambda: rig.lifecycle == Lifecycle.FAULT)
    rig.robot.fail_tend = ""
    told = rig.of_type("fault")[-1]
    assert told["reason"] == first
    rig.cycle(3)
    assert len(rig.of_type("fault")) == 1
    rig.robot.explained = RobotReadError("MFJ21: brown-out", reason="SERVO_REBOOTED")
    rig.cycle(3)
    if first == "READ_FAILED":
        assert len(rig.of_type("fault")) == 1
        return
    assert len(rig.of_type("fault")) == 2, "once, not in every cycle"
    anew = rig.of_type("fault")[-1]
    assert anew["reason"] == "SERVO_REBOOTED"
    assert anew["message"].startswith("MFJ21: brown-out; at first told as " + first)
    assert (anew["stamp_ns"], anew["cycles"]) == (told["stamp_ns"], told["cycles"])
    assert rig.lifecycle == Lifecycle.FAULT
    assert rig.call("clear_fault")["ok"]
    rig.cycle(3)
    assert len(rig.of_type("fault")) == 2


def test_a_fault_outlives_its_process(make_rig):
    latched = {"reason": "PORT_LOST", "message": "unplugged", "stamp_ns": 1, "wall_time_ns": 2}
    rig = make_rig(latched=latched)
    rig.cycle(3)
    assert rig.lifecycle == Lifecycle.FAULT
    assert rig.call("activate")["reason"] == "WRONG_LIFECYCLE"
    assert rig.of_type("fault") == [], "it was told when it happened"
    assert rig.call("clear_fault")["ok"]
    assert rig.lifecycle == Lifecycle.INACTIVE


def test_a_loop_that_stood_still_with_torque_on_stops_the_servos(make_rig):
    rig = make_rig(robot={"backend": "virtual-bus", "port": "/dev/null"})
    assert rig.call("activate")["ok"]
    rig.cycle(3)
    assert rig.lifecycle == Lifecycle.ACTIVE
    rig.suspended_ns = 101_000_000
    rig.cycle(1)
    assert rig.of_type("fault")[-1]["reason"] == "STATE_STALE"
    assert not rig.robot.torque


@pytest.mark.parametrize("had_answers", [False, True])
def test_a_loop_that_stood_still_while_it_tended_says_so_whatever_the_servos_say(
    make_rig, had_answers: bool
):
    rig = make_rig(robot={"backend": "virtual-bus", "port": "/dev/null"}, tend_period_s=0.02)
    assert rig.call("activate")["ok"]
    rig.cycle(3)

    def suspended() -> None:
        rig.suspended_ns = 101_000_000
        if not had_answers:  # those from before were sound
            raise RobotReadError("it stopped by itself", reason="WATCHDOG_TRIPPED")

    rig.robot._tend = suspended
    rig.cycle(1)
    assert rig.of_type("fault")[-1]["reason"] == "STATE_STALE"
    assert not rig.robot.torque


def test_health_is_told_when_it_changes_and_not_more_than_once_a_second(make_rig):
    rig = make_rig()
    rig.cycle(3)
    assert rig.of_type("health") == []
    joint = JointHealth("FFJ10", 10, 12.0, 30.0, 0, 0.01)
    rig.robot.told_health = RobotHealth(0.1, (joint,), ("VOLTAGE_LOW: 9.9 V",), {"retries": 3})
    rig.cycle(3)
    assert rig.of_type("health") == []
    rig.loop._publisher._second_ns = 0
    rig.cycle(3)
    (event,) = rig.of_type("health")
    assert event["watchdog_s"] == 0.1
    assert event["joints"] == [
        {
            "name": "FFJ10",
            "servo_id": 10,
            "voltage_v": 12.0,
            "temperature_c": 30.0,
            "hardware_error": 0,
            "age_s": 0.01,
        }
    ]
    assert (event["warnings"], event["counters"]) == (["VOLTAGE_LOW: 9.9 V"], {"retries": 3})
    rig.loop._publisher._second_ns = 0
    rig.cycle(3)
    assert len(rig.of_type("health")) == 1, "nothing has changed"


def test_a_servo_is_rebooted_only_without_torque(make_rig):
    rig = make_rig()
    assert rig.call("reboot_servo", joint="FFJ10")["ok"]
    assert rig.call("reboot_servo", joint="FFJ99")["reason"] == "UNKNOWN_JOINT"
    rig.call("activate")
    assert rig.call("reboot_servo", joint="FFJ10")["reason"] == "WRONG_LIFECYCLE"
    rig.robot.fail_read = True
    rig.cycle(1)
    assert rig.lifecycle == Lifecycle.FAULT
    assert rig.call("reboot_servo", joint="FFJ11")["ok"]
    assert rig.robot.reboots == ["FFJ10", "FFJ11"]
