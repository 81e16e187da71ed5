"""Error numbers of status packets, and error bits in the registers of a servo."""

from enum import IntEnum, IntFlag

ALERT = 0x80
"""Bit of a status packet's error byte: Hardware Error Status is not zero."""

WATCHDOG_TRIPPED = 0xFF
"""Value of the Bus Watchdog register after it stopped the servo (the manual writes -1)."""


class StatusErrorNumber(IntEnum):
    """Bits 0 to 6 of a status packet's error byte.

    Source: ROBOTIS e-Manual, Protocol 2.0, Status Packet, Error.
    """

    RESULT_FAIL = 1
    INSTRUCTION = 2
    CRC = 3
    DATA_RANGE = 4
    DATA_LENGTH = 5
    DATA_LIMIT = 6
    ACCESS = 7

    @property
    def text(self) -> str:
        """In words."""
        return self.name.lower().replace("_", " ")


class HardwareError(IntFlag):
    """Bits of Hardware Error Status (70) and of the Shutdown mask (63).

    Source: ROBOTIS e-Manual, XM430-W350, Shutdown.
    """

    INPUT_VOLTAGE = 0x01
    OVERHEATING = 0x04
    ENCODER = 0x08
    ELECTRICAL_SHOCK = 0x10
    OVERLOAD = 0x20


def error_names(errors: HardwareError) -> list[str]:
    """The set bits in words."""
    return [
        bit.name.lower().replace("_", " ") for bit in HardwareError if bit in errors and bit.name
    ]
