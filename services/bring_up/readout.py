"""Settings and state of a servo, read and never written."""

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass

from hal.dynamixel.bus import ServoBus
from hal.dynamixel.control_table import MODEL_NUMBERS, control_table_of
from hal.dynamixel.errors import BadStatusError, BusTimeoutError, ServoStatusError
from hal.dynamixel.registers import ControlTable, Register, runs
from hal.dynamixel.replies import Ping
from hal.dynamixel.servo import WATCHDOG_FIRMWARE
from hal.dynamixel.servo_setup import SETTINGS as JUDGED
from hal.dynamixel.units import POSITION_RAD, VOLTAGE_V
from hal.errors import HalError
from services.bring_up.target import Target

PING_TIMEOUT_S = 0.06  # an answer that an adapter holds back for 16 ms still counts

_TRIES = 3
_SINCE_FIRMWARE = {"bus_watchdog": WATCHDOG_FIRMWARE} | {s.register: s.firmware for s in JUDGED}

STATE = (
    "torque_enable",
    "status_return_level",
    "hardware_error_status",
    "bus_watchdog",
    "present_position",
    "present_input_voltage",
    "present_temperature",
)
_ALL_SETTINGS = (
    "protocol_type",
    "max_position_limit",
    "min_position_limit",
    *(s.register for s in JUDGED if s.register not in STATE),
)
SETTINGS = tuple(n for n in _ALL_SETTINGS if all(n in control_table_of(m) for m in MODEL_NUMBERS))
SETTINGS_OF_SOME = tuple(name for name in _ALL_SETTINGS if name not in SETTINGS)
"""Settings that some models have."""


class MissingServosError(HalError):
    """Servos of the robot that do not answer."""

    reason = "MISSING_SERVO"


@dataclass(frozen=True, slots=True)
class Readout:
    """One servo as it is now.

    Attributes:
        servo_id: on the bus.
        name: joint that it moves or senses.
        model_number, firmware: from its answer to a ping.
        values: register name to raw value.
    """

    servo_id: int
    name: str
    model_number: int
    firmware: int
    values: dict[str, int]

    @property
    def position_rad(self) -> float:
        """Angle of the servo itself, before calibration."""
        return self.values["present_position"] * POSITION_RAD

    @property
    def voltage_v(self) -> float:
        return self.values["present_input_voltage"] * VOLTAGE_V

    @property
    def temperature_c(self) -> float:
        return float(self.values["present_temperature"])

    @property
    def torque_is_on(self) -> bool:
        return self.values["torque_enable"] != 0


def read_registers(bus: ServoBus, servo_id: int, registers: Iterable[Register]) -> dict[str, int]:
    """Raw values by register name.

    Raises:
        HalError: the servo did not answer, or not with what was asked for.
    """
    values = {}
    for group in runs(registers):
        start = group[0].address
        length = group[-1].address + group[-1].size - start
        data = _read_block(bus, servo_id, start, length)
        for r in group:
            values[r.name] = r.decode(data[r.address - start : r.address - start + r.size])
    return values


def find_servo(bus: ServoBus, servo_id: int) -> Ping:
    """The answer of one servo to a ping; noise or a busy machine may cost the first tries.

    Raises:
        BusTimeoutError, BadStatusError: no answer, or a strange one, each time.
    """
    for _ in range(_TRIES - 1):
        with contextlib.suppress(BadStatusError, BusTimeoutError):
            return bus.ping(servo_id, PING_TIMEOUT_S)
    return bus.ping(servo_id, PING_TIMEOUT_S)


def _read_block(bus: ServoBus, servo_id: int, address: int, length: int) -> bytes:
    """Noise may spoil an answer; what is looked for here is whether there is one at all."""
    for _ in range(_TRIES - 1):
        with contextlib.suppress(BadStatusError, BusTimeoutError):
            return bus.read_block(servo_id, address, length)
    return bus.read_block(servo_id, address, length)


def read_servo(bus: ServoBus, ping: Ping, name: str) -> Readout:
    """Everything that the checks look at, of the servo that answered with `ping`.

    A register that its firmware does not have yet counts as at its default.

    Raises:
        HalError: it did not answer; UnknownServoModelError: a model without a control table.
    """
    table = control_table_of(ping.model_number)
    wanted = [table[n] for n in (*SETTINGS, *SETTINGS_OF_SOME, *STATE) if n in table]
    there = [r for r in wanted if ping.firmware >= _SINCE_FIRMWARE.get(r.name, 0)]
    values = {r.name: r.default for r in wanted}
    values.update(read_registers(bus, ping.servo_id, there))
    return Readout(ping.servo_id, name, ping.model_number, ping.firmware, values)


def read_servos(bus: ServoBus, target: Target) -> list[Readout]:
    """Every servo of the robot; an optional one that does not answer is left out.

    Raises:
        MissingServosError: names all that are needed and do not answer.
        HalError: as `read_servo`.
    """
    readouts, missing = [], []
    for servo in target.servos:
        try:
            ping = find_servo(bus, servo.servo_id)
            readouts.append(read_servo(bus, ping, servo.name))
        except BusTimeoutError:
            if servo.servo_id in target.required_ids:
                missing.append(f"{servo.name} (servo {servo.servo_id})")
    if missing:
        raise MissingServosError(
            f"no answer from {', '.join(missing)} at {target.baud_rate} baud; "
            f"{target.command('doctor')} tells more"
        )
    return readouts


def read_table(bus: ServoBus, servo_id: int) -> tuple[ControlTable, dict[str, int]]:
    """The whole control table of one servo, without what its firmware does not have.

    Raises:
        HalError: as `read_servo`.
    """
    table = control_table_of(find_servo(bus, servo_id).model_number)
    values: dict[str, int] = {}
    for group in runs([table[name] for name in table.names]):
        try:
            values.update(read_registers(bus, servo_id, group))
        except ServoStatusError:  # one of them is not in this firmware
            values.update(_read_one_by_one(bus, servo_id, group))
    return table, values


def _read_one_by_one(bus: ServoBus, servo_id: int, registers: Iterable[Register]) -> dict[str, int]:
    values: dict[str, int] = {}
    for register in registers:
        with contextlib.suppress(ServoStatusError):
            values.update(read_registers(bus, servo_id, [register]))
    return values
