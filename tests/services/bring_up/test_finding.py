"""Findings: nothing is wrong without a remedy."""

import pytest

from services.bring_up.finding import Finding, Level, count, fail, ids, ok, warn, worst

FOUND = [ok("port", "is there"), warn("delay", "long", "cut it"), fail("servos", "none", "plug in")]


@pytest.mark.parametrize("level", [Level.WARN, Level.FAIL])
def test_what_is_wrong_has_a_remedy(level: Level):
    with pytest.raises(ValueError, match="needs a remedy"):
        Finding(level, "port", "is gone")


def test_the_worst_decides():
    assert worst(FOUND) is Level.FAIL
    assert worst(FOUND[:2]) is Level.WARN
    assert worst(FOUND[:1]) is Level.OK
    assert worst([]) is Level.OK
    assert [count(FOUND, level) for level in Level] == [1, 1, 1]


def test_plain_is_what_programs_read():
    assert FOUND[1].plain() == {
        "level": "warn",
        "subject": "delay",
        "message": "long",
        "remedy": "cut it",
    }


@pytest.mark.parametrize(
    ("servo_ids", "text"),
    [
        ([], "no servo"),
        ([11], "servo 11"),
        ([12, 10], "servos 10 and 12"),
        ([3, 1, 2, 2], "servos 1, 2 and 3"),
    ],
)
def test_ids_read_as_people_say_them(servo_ids: list[int], text: str):
    assert ids(servo_ids) == text
