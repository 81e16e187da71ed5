"""What is printed: JSON that any parser takes, aligned text."""

import json
import math

import pytest

from mbctl.cli import printer


def test_json_has_null_for_what_json_cannot_say(capsys: pytest.CaptureFixture[str]):
    printer.result({"a": math.nan, "b": [math.inf, 1.5], "c": {"d": -math.inf}}, "", True)
    out = capsys.readouterr().out
    assert json.loads(out, parse_constant=pytest.fail) == {
        "a": None,
        "b": [None, 1.5],
        "c": {"d": None},
    }


def test_failures_go_to_both_streams(capsys: pytest.CaptureFixture[str]):
    printer.failure("NOT_FOUND", "UNKNOWN_VERSION", "version 9 does not exist", True)
    streams = capsys.readouterr()
    assert streams.err == "error: version 9 does not exist [UNKNOWN_VERSION]\n"
    assert json.loads(streams.out)["error"]["reason"] == "UNKNOWN_VERSION"


def test_columns_are_aligned_numbers_to_the_right():
    text = printer.table(("name", "count"), [("a", 5), ("long", 1234)])
    assert text.splitlines() == ["name  count", "a         5", "long   1234"]


def test_a_table_without_rows_is_its_heading():
    assert printer.table(("name", "count"), []) == "name  count"


def test_values_are_shown_as_people_read_them():
    assert printer.key_values([("ok", True), ("rate", 0.123456)]) == "ok    yes\nrate  0.1235"


@pytest.mark.parametrize(
    ("fraction", "text"),
    [(0.0, "0%"), (0.001, "1%"), (0.354, "35%"), (0.996, "99%"), (1.0, "100%")],
)
def test_a_rate_is_told_in_percent(fraction: float, text: str):
    assert printer.percent(fraction) == text
    assert printer.measured("success", fraction) == text
    assert printer.measured("return", 2.5) == "2.5"


def test_percents_stand_to_the_right():
    assert printer.table(("a", "success"), [("x", "5%"), ("y", "100%")]).splitlines()[1] == (
        "x       5%"
    )
