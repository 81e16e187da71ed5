"""What a servo must have been set to, and what is said of one that has not."""

import pytest

from hal.dynamixel.control_table import XM430_W350_TABLE
from hal.dynamixel.registers import Register
from hal.dynamixel.setting import Range, Setting, Severity


def current_limit(low: int, high: int) -> Setting:
    def legal(register: Register) -> Range:
        return low, high

    return Setting(
        register="current_limit",
        subject="current",
        reason="CURRENT_LIMIT",
        severity=Severity.UNSAFE,
        legal=legal,
        consequence="it pushes too hard",
        shown="{} mA".format,
    )


@pytest.mark.parametrize(
    ("low", "high", "expected"), [(300, 300, "300 mA"), (100, 300, "100 to 300")]
)
def test_what_is_wrong_names_value_and_what_would_be_right(low: int, high: int, expected: str):
    misfit = current_limit(low, high).judge(XM430_W350_TABLE, {"current_limit": 400})
    assert misfit is not None
    assert misfit.text == f"current limit 400 mA, expected {expected}: it pushes too hard"


def test_both_ends_of_a_range_are_legal():
    setting = current_limit(100, 300)
    for value in (100, 300):
        assert setting.judge(XM430_W350_TABLE, {"current_limit": value}) is None
    for value in (99, 301):
        assert setting.judge(XM430_W350_TABLE, {"current_limit": value}) is not None
