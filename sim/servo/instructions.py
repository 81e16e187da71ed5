"""The instructions of Protocol 2.0 that go to one servo, with the errors it answers by.

Source: e-manual, Protocol 2.0, Instruction Details.
"""

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType

from hal.dynamixel.packet import Instruction
from hal.dynamixel.status import StatusErrorNumber
from sim.servo import sensing
from sim.servo.state import ResetScope, ServoState

_CLEAR_POSITION = bytes([0x01, 0x44, 0x58, 0x4C, 0x22])
_BACKUP_KEY = b"CTRL"
_STORE, _RESTORE = 0x01, 0x02
_CLEAR_FIRMWARE = 42
_NO_BROADCAST_RESET_FIRMWARE = 42
_BACKUP_FIRMWARE = 45

Result = tuple[int, bytes]
"""Error number, 0 for none, and parameters of the status."""

_DONE: Result = (0, b"")


@dataclass(frozen=True, slots=True)
class Request:
    """One instruction as it came in."""

    parameters: bytes
    now_ns: int
    is_broadcast: bool
    is_shadow: bool


def execute(
    servo: ServoState,
    instruction: int,
    parameters: bytes,
    now_ns: int,
    is_broadcast: bool,
    is_shadow: bool,
) -> Result | None:
    """Carry out an instruction; None where no status follows in any case."""
    handler = _HANDLERS.get(instruction)
    if handler is None:
        return _error(StatusErrorNumber.INSTRUCTION)
    return handler(servo, Request(parameters, now_ns, is_broadcast, is_shadow))


def read(servo: ServoState, address: int, length: int, now_ns: int) -> Result:
    """Data of a read, sync read or bulk read."""
    if length == 0:
        return _error(StatusErrorNumber.DATA_LENGTH)
    sensing.refresh(servo, now_ns)
    data = servo.memory.read(address, length)
    return _error(StatusErrorNumber.ACCESS) if data is None else (0, data)


def _ping(servo: ServoState, _request: Request) -> Result:
    return 0, servo.memory["model_number"].to_bytes(2, "little") + bytes([servo.firmware])


def _read(servo: ServoState, request: Request) -> Result:
    if len(request.parameters) != 4:
        return _error(StatusErrorNumber.DATA_LENGTH)
    address = int.from_bytes(request.parameters[:2], "little")
    length = int.from_bytes(request.parameters[2:], "little")
    return read(servo, address, length, request.now_ns)


def _write(servo: ServoState, request: Request) -> Result:
    if len(request.parameters) < 3:
        return _error(StatusErrorNumber.DATA_LENGTH)
    address, data = _split(request)
    return _result(servo.write(address, data, request.now_ns, is_shadow=request.is_shadow))


def _reg_write(servo: ServoState, request: Request) -> Result:
    """Checked now, written at Action."""
    if len(request.parameters) < 3:
        return _error(StatusErrorNumber.DATA_LENGTH)
    address, data = _split(request)
    writes = servo.check(address, data, is_shadow=request.is_shadow)
    if isinstance(writes, StatusErrorNumber):
        return _error(writes)
    servo.registered = address, data
    servo.memory.set("registered_instruction", 1)
    return _DONE


def _action(servo: ServoState, request: Request) -> Result:
    if servo.registered is None:
        return _error(StatusErrorNumber.INSTRUCTION)
    address, data = servo.registered
    servo.registered = None
    servo.memory.set("registered_instruction", 0)
    return _result(servo.write(address, data, request.now_ns))


def _factory_reset(servo: ServoState, request: Request) -> Result:
    if len(request.parameters) != 1:
        return _error(StatusErrorNumber.DATA_LENGTH)
    try:
        scope = ResetScope(request.parameters[0])
    except ValueError:
        return _error(StatusErrorNumber.DATA_RANGE)
    is_barred = request.is_broadcast and servo.firmware >= _NO_BROADCAST_RESET_FIRMWARE
    if is_barred and scope is ResetScope.ALL:
        return _error(StatusErrorNumber.RESULT_FAIL)
    servo.factory_reset(scope)
    servo.power_cycle(request.now_ns)
    return _DONE


def _reboot(servo: ServoState, request: Request) -> Result | None:
    servo.power_cycle(request.now_ns)
    return _DONE if servo.reboot_status else None


def _clear(servo: ServoState, request: Request) -> Result:
    """Bring the position into one turn; only at rest."""
    if servo.firmware < _CLEAR_FIRMWARE:
        return _error(StatusErrorNumber.INSTRUCTION)
    if request.parameters != _CLEAR_POSITION:
        return _error(StatusErrorNumber.DATA_RANGE)
    if sensing.is_moving(servo, request.now_ns):
        return _error(StatusErrorNumber.RESULT_FAIL)
    servo.shift_position(servo.encoder.forget_turns(), request.now_ns)
    return _DONE


def _backup(servo: ServoState, request: Request) -> Result:
    if servo.firmware < _BACKUP_FIRMWARE:
        return _error(StatusErrorNumber.INSTRUCTION)
    what, key = request.parameters[:1], request.parameters[1:]
    if what not in (bytes([_STORE]), bytes([_RESTORE])) or key != _BACKUP_KEY:
        return _error(StatusErrorNumber.DATA_RANGE)
    if servo.is_torque_on:
        return _error(StatusErrorNumber.RESULT_FAIL)
    if what[0] == _STORE:
        servo.store()
        return _DONE
    if not servo.restore():
        return _error(StatusErrorNumber.RESULT_FAIL)
    servo.power_cycle(request.now_ns)
    return _DONE


def _split(request: Request) -> tuple[int, bytes]:
    return int.from_bytes(request.parameters[:2], "little"), request.parameters[2:]


def _result(number: StatusErrorNumber | None) -> Result:
    return _DONE if number is None else _error(number)


def _error(number: StatusErrorNumber) -> Result:
    return int(number), b""


_HANDLERS: MappingProxyType[int, Callable[[ServoState, Request], Result | None]]
_HANDLERS = MappingProxyType(
    {
        Instruction.PING: _ping,
        Instruction.READ: _read,
        Instruction.WRITE: _write,
        Instruction.REG_WRITE: _reg_write,
        Instruction.ACTION: _action,
        Instruction.FACTORY_RESET: _factory_reset,
        Instruction.REBOOT: _reboot,
        Instruction.CLEAR: _clear,
        Instruction.BACKUP: _backup,
    }
)
