"""Which registers a servo has, by the model number that it reports: never assumed."""

from types import MappingProxyType

from hal.dynamixel.errors import UnknownServoModelError
from hal.dynamixel.registers import Access, ControlTable, Register
from hal.dynamixel.xl430 import XL430_W250_TABLE
from hal.dynamixel.xm430 import XM430_W210_TABLE, XM430_W350_TABLE

__all__ = ["MODEL_NUMBERS", "Access", "ControlTable", "Register", "control_table_of"]

_TABLES = MappingProxyType(
    {table.model_number: table for table in (XM430_W350_TABLE, XM430_W210_TABLE, XL430_W250_TABLE)}
)
MODEL_NUMBERS = tuple(_TABLES)


def control_table_of(model_number: int) -> ControlTable:
    """The registers of a model.

    Raises:
        UnknownServoModelError: a model that this package has no table of.
    """
    try:
        return _TABLES[model_number]
    except KeyError:
        known = ", ".join(f"{table.model_name} ({number})" for number, table in _TABLES.items())
        raise UnknownServoModelError(
            f"servo model number {model_number} is not known; known: {known}"
        ) from None
