"""What one count of a register is in SI units, for the X430 families.

Inside hal everything is SI and radians; these factors are used only where registers are read or
written. Source: ROBOTIS e-Manual, XM430-W350, control table.
"""

from math import pi
from types import MappingProxyType

TICKS_PER_TURN = 4096

POSITION_RAD = 2 * pi / TICKS_PER_TURN
VELOCITY_RAD_S = 0.229 * 2 * pi / 60
CURRENT_A = 2.69e-3
VOLTAGE_V = 0.1
TEMPERATURE_C = 1.0
PWM_FRACTION = 1 / 885
LOAD_FRACTION = 1e-3  # XL430 in place of a current
PROFILE_ACCELERATION_RAD_S2 = 214.577 * 2 * pi / 3600  # 1 count is 214.577 turns per minute^2
PROFILE_TIME_S = 1e-3  # of both profile registers while the drive mode is time-based
RETURN_DELAY_S = 2e-6
WATCHDOG_S = 0.02
REALTIME_TICK_S = 1e-3
REALTIME_TICK_MODULUS = 32768

VELOCITY_P_DIVISOR = 128
VELOCITY_I_DIVISOR = 65536
POSITION_P_DIVISOR = 128
POSITION_I_DIVISOR = 65536
POSITION_D_DIVISOR = 16
FEEDFORWARD_DIVISOR = 4

DEFAULT_BAUD_RATE = 1_000_000
"""Bits per second of servos that were set to no other rate; the robots are built with it."""

BITS_PER_BYTE = 10  # start, eight data, stop

BAUD_RATES = MappingProxyType(
    {
        0: 9_600,
        1: 57_600,
        2: 115_200,
        3: 1_000_000,
        4: 2_000_000,
        5: 3_000_000,
        6: 4_000_000,
        7: 4_500_000,
    }
)
"""Bits per second for each value of the Baud Rate register; 1 is the factory's."""

PORT_BAUD_RATES = tuple(rate for rate in BAUD_RATES.values() if rate != 4_500_000)
"""Those that a serial port of Linux can be set to as well."""
