"""What it means who answers: which line, which remedy."""

from dataclasses import replace

import pytest

from hal.dynamixel.calibration import default_calibration
from hal.dynamixel.errors import BusTimeoutError
from hal.dynamixel.replies import Ping
from services.bring_up.finding import Level
from services.bring_up.presence import Presence
from services.bring_up.presence_findings import (
    presence_findings,
    silent_finding,
    unreadable_finding,
)
from services.bring_up.scan import Sighting
from services.bring_up.target import Target

CLAW = (10, 11, 12, 20, 21, 22, 30, 31, 32, 50, 60)


def presence(models: dict[int, int] | None = None, **parts: tuple[int, ...]) -> Presence:
    absent = (*parts.get("missing", ()), *parts.get("doubled", ()))
    there = [i for i in (*CLAW, *parts.get("unexpected", ())) if i not in absent]
    found = {i: Ping(i, (models or {}).get(i, 1020), 45) for i in there}
    given = {name: parts.get(name, ()) for name in ("missing", "unexpected", "doubled")}
    return Presence(found=found, **given)


def test_all_there_is_one_line(claw: Target):
    (finding,) = presence_findings(presence(), claw)
    assert finding.level is Level.OK
    assert "all 11" in finding.message


def test_a_missing_servo_is_sought_behind_the_one_before(claw: Target):
    (finding,) = presence_findings(presence(missing=(21,)), claw)
    assert finding.level is Level.FAIL
    assert "servo 21 (MFJ21)" in finding.message
    assert "between servo 20 (MFJ20) and it" in finding.remedy
    assert "mbctl scan" in finding.remedy


def test_the_guide_may_be_missing(claw: Target):
    (finding,) = presence_findings(presence(missing=(60,)), claw)
    assert finding.level is Level.WARN


def test_a_stranger_beside_a_gap_may_be_the_missing_one(claw: Target):
    missing, stranger = presence_findings(presence(missing=(32,), unexpected=(33,)), claw)
    assert missing.level is stranger.level is Level.FAIL
    assert "perhaps the missing servo 32 (THJ32)" in stranger.message


def test_one_doubled_id_is_a_servo_and_many_are_noise(claw: Target):
    (one,) = presence_findings(presence(doubled=(21,)), claw)
    assert (one.subject, one.level) == ("servo ids", Level.FAIL)
    (many,) = presence_findings(presence(doubled=CLAW[:5]), claw)
    assert (many.subject, many.level) == ("bus noise", Level.FAIL)


def test_an_unknown_model_is_refused_and_a_mixture_is_warned_of(claw: Target):
    (strange,) = presence_findings(presence({12: 350}), claw)
    assert (strange.subject, strange.level) == ("model", Level.FAIL)
    assert "servo 12 (FFJ12): unknown model 350" in strange.message
    (mixed,) = presence_findings(presence({12: 1060}), claw)
    assert (mixed.subject, mixed.level) == ("model", Level.WARN)
    assert "XL430-W250: servo 12" in mixed.message


def test_silence_is_explained_by_who_answers_elsewhere(claw: Target):
    dark = silent_finding([], claw)
    assert "supply" in dark.remedy
    slow = silent_finding([Sighting(57_600, 10, 1020, 45), Sighting(57_600, 11, 1020, 45)], claw)
    assert slow.subject == "baud rate"
    assert "at 57600: servos 10 and 11" in slow.message
    assert slow.remedy.startswith("mbctl doctor --robot dclaw --port /dev/ttyUSB0 --baud 57600")
    both = silent_finding([Sighting(57_600, 10, 1020, 45), Sighting(4_000_000, 11, 1020, 45)], claw)
    assert "one baud rate" in both.remedy


@pytest.mark.parametrize("servo_ids", [(11,), (11, 12)])
def test_servos_that_cannot_be_read_share_a_line(claw: Target, servo_ids: tuple[int, ...]):
    errors = [BusTimeoutError(f"servo {i} did not answer", servo_id=i) for i in servo_ids]
    finding = unreadable_finding(errors, claw)
    assert finding.level is Level.FAIL
    assert all(str(i) in finding.message for i in servo_ids)


KITTY = tuple(10 * leg + joint for leg in (1, 2, 3, 4) for joint in (0, 1, 2))


def seen(target: Target, there: tuple[int, ...]) -> Presence:
    expected = [servo.servo_id for servo in target.servos]
    return Presence(
        found={i: Ping(i, 1020, 45) for i in there},
        missing=tuple(i for i in expected if i not in there),
        unexpected=tuple(i for i in there if i not in expected),
        doubled=(),
    )


@pytest.mark.parametrize(
    ("robot", "there", "named"),
    [
        ("dkitty", CLAW, "dclaw"),
        ("dkitty", CLAW[:-1], "dclaw"),  # without the guide
        ("dclaw", KITTY, "dkitty"),
        ("dclaw", KITTY[:-1], "dkitty"),
        ("dclaw", (*CLAW, 40), ""),
        ("dclaw", (*CLAW[:-1], 33), ""),
        ("dclaw", CLAW[:3], ""),
        ("dkitty", CLAW[:3], ""),  # a leg or a finger: nobody can tell
        ("dkitty", CLAW[:9], ""),
        ("dkitty", KITTY, ""),
        ("dclaw", CLAW, ""),
    ],
)
def test_another_robot_is_told_as_that_and_no_id_shall_be_changed(robot, there, named):
    target = Target(default_calibration(robot), port="/dev/ttyUSB0")
    found = presence_findings(seen(target, there), target)
    if not named:
        assert "robot" not in {f.subject for f in found}
        return
    (finding,) = found
    assert (finding.subject, finding.level) == ("robot", Level.FAIL)
    assert f"these ids are a {named}'s" in finding.message
    assert f"--robot {named} --port /dev/ttyUSB0" in finding.remedy
    assert "Wizard" not in finding.remedy


def test_a_baud_rate_is_set_by_its_index(claw: Target):
    def remedy(baud_rate: int, *elsewhere: int) -> str:
        target = replace(claw, baud_rate=baud_rate)
        return silent_finding([Sighting(rate, 10, 1020, 45) for rate in elsewhere], target).remedy

    assert "register 8 of all servos to 3 (1000000 baud)" in remedy(1_000_000, 57_600)
    assert "register 8 of all servos to 6 (4000000 baud)" in remedy(4_000_000, 57_600)
    assert "register 8 = 3: 1 Mbps" in remedy(1_000_000, 57_600, 2_000_000)
    assert "register 8" not in remedy(500_000, 57_600), "servos have no such rate"
    for rate in (57_600, 1_000_000, 3_000_000):
        assert f"to {rate} " not in remedy(rate, 2_000_000)
