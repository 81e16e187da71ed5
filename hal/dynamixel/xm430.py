"""Control tables of the XM430 servos.

The velocity limit is the one of present firmware; earlier manuals say 350, so a driver reads it.
Source: ROBOTIS e-Manual, XM430-W350 and XM430-W210, control tables.
"""

from hal.dynamixel.registers import ControlTable
from hal.dynamixel.x430 import read_only, writable, x430_table

XM430_W350 = 1020
XM430_W210 = 1030

_CURRENT_LIMIT = 1193


def _table(model_number: int, model_name: str, velocity_limit: int) -> ControlTable:
    return x430_table(
        model_number,
        model_name,
        (
            writable("temperature_limit", 31, 1, 80, 100),
            writable("max_voltage_limit", 32, 2, 160, 160, 95),
            writable("min_voltage_limit", 34, 2, 95, 160, 95),
            writable("current_limit", 38, 2, _CURRENT_LIMIT, _CURRENT_LIMIT),
            writable("velocity_limit", 44, 4, velocity_limit, 1023),
            writable("velocity_i_gain", 76, 2, 1920, 16_383),
            writable("position_d_gain", 80, 2, 0, 16_383),
            writable("position_p_gain", 84, 2, 800, 16_383),
            writable("goal_current", 102, 2, _CURRENT_LIMIT, _CURRENT_LIMIT, -_CURRENT_LIMIT),
            read_only("present_current", 126, 2, 32_767, -32_768),
        ),
    )


XM430_W350_TABLE = _table(XM430_W350, "XM430-W350", 200)
XM430_W210_TABLE = _table(XM430_W210, "XM430-W210", 330)
