"""A servo as the robot's builder set it up: ID, line rate and return delay; the rest factory."""

from hal.dynamixel.control_table import control_table_of
from hal.dynamixel.units import BAUD_RATES
from sim.servo.servo import VirtualServo
from sim.servo_bus.settings import BusSettings

_BAUD_INDEX = {baud: index for index, baud in BAUD_RATES.items()}
_RETURN_DELAY_UNIT_US = 2


def build_servo(settings: BusSettings, servo_id: int) -> VirtualServo:
    """A servo for a bus of `settings`."""
    table = control_table_of(settings.model)
    servo = VirtualServo(servo_id, table, settings.firmware, settings.feed)
    servo.set_register("baud_rate", _BAUD_INDEX[settings.baud], 0)
    delay = round(settings.return_delay_us / _RETURN_DELAY_UNIT_US)
    servo.set_register("return_delay_time", delay, 0)
    return servo
