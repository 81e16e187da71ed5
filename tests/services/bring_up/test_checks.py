"""Servos with the same complaint share a line."""

from collections.abc import Callable

from services.bring_up.checks import Check, Complaint, run_check
from services.bring_up.finding import Level
from services.bring_up.readout import Readout
from services.bring_up.target import Target


def judge(readout: Readout, target: Target) -> Complaint | None:
    delay = readout.values["return_delay_time"]
    if delay == 0:
        return None
    level = Level.FAIL if delay > 100 else Level.WARN
    return Complaint(level, "waits", "tell JOINT to hurry", f"{delay}")


CHECK = Check("delay", judge, lambda readouts: f"{len(readouts)} are quick")


def test_nothing_wrong_is_one_line(claw: Target, readout: Callable[..., Readout]):
    (finding,) = run_check(CHECK, [readout(10), readout(11)], claw)
    assert (finding.level, finding.message) == (Level.OK, "2 are quick")


def test_one_servo_is_named_with_its_joint(claw: Target, readout: Callable[..., Readout]):
    (finding,) = run_check(CHECK, [readout(10), readout(11, return_delay_time=7)], claw)
    assert finding.message == "servo 11 (FFJ11): 7; waits"
    assert finding.remedy == "tell FFJ11 to hurry"


def test_equal_complaints_share_a_line_with_a_few_values(
    claw: Target, readout: Callable[..., Readout]
):
    readouts = [readout(i, return_delay_time=i) for i in (10, 11, 12, 20, 21)]
    readouts.append(readout(22, return_delay_time=250))
    warned, failed = run_check(CHECK, readouts, claw)
    assert warned.message == (
        "servos 10, 11, 12, 20 and 21: waits (10: 10; 11: 11; 12: 12; 2 more)"
    )
    assert warned.remedy == "tell JOINT to hurry"
    assert failed.level is Level.FAIL


def test_all_servos_are_said_to_be_all(claw: Target, readout: Callable[..., Readout]):
    readouts = [readout(s.servo_id, return_delay_time=9) for s in claw.servos]
    (finding,) = run_check(CHECK, readouts, claw)
    assert finding.message.startswith("all 11 servos: waits")
