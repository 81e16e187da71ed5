"""Control table of the XL430, the light servo without current control.

Source: ROBOTIS e-Manual, XL430-W250, control table.
"""

from hal.dynamixel.x430 import read_only, writable, x430_table

XL430_W250 = 1060

XL430_W250_TABLE = x430_table(
    XL430_W250,
    "XL430-W250",
    (
        writable("temperature_limit", 31, 1, 72, 100),
        writable("max_voltage_limit", 32, 2, 140, 140, 60),
        writable("min_voltage_limit", 34, 2, 60, 140, 60),
        writable("velocity_limit", 44, 4, 265, 1023),
        writable("velocity_i_gain", 76, 2, 1000, 16_383),
        writable("position_d_gain", 80, 2, 4000, 16_383),
        writable("position_p_gain", 84, 2, 640, 16_383),
        read_only("present_load", 126, 2, 1000, -1000),
    ),
)
