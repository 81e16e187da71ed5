"""A backend's name leads to its robot; what is configured reaches the bus unchanged."""

from dataclasses import fields

from hal.dynamixel.settings import DynamixelSettings
from mbctl.config import BusConfig


def test_what_is_configured_are_the_bus_s_own_settings_with_its_own_defaults():
    defaults = {field.name: field.default for field in fields(DynamixelSettings)}
    for name, value in BusConfig().model_dump().items():
        assert defaults[name] == value, name
    DynamixelSettings("/dev/ttyUSB0", **BusConfig().model_dump())
