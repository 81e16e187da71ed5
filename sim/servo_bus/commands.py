"""Requests on the control socket of the bus, and the answers."""

from collections.abc import Callable, Collection
from typing import Any

from hal.dynamixel.errors import RegisterError
from hal.dynamixel.units import BAUD_RATES
from sim.servo.regulator import OperatingMode
from sim.servo.servo import VirtualServo
from sim.servo_bus.bus import VirtualBus
from sim.servo_bus.fault_kinds import (
    LATCHED_BITS,
    STRIKE_KINDS,
    FaultError,
    InjectedFault,
    parse_fault,
)
from sim.servo_bus.state import bus_state, servo_table

_SECOND_NS = 1_000_000_000
# Beyond these the physics diverge, or the number means nothing.
_ANGLE_MAX = 1_000.0  # rad
_POSE_MAX = 100.0  # m and rad
_TORQUE_MAX_NM = 20.0
_DURATION_MAX_S = 86_400.0
_LATEST_NS = 2**62


class Commands:
    """Answers requests about one bus; each request has exactly one of the keys below."""

    def __init__(self, bus: VirtualBus) -> None:
        self._bus = bus
        self._verbs: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "fault": self._fault,
            "clear": self._clear,
            "get": self._get,
            "set_register": self._set_register,
            "set_joint": self._set_joint,
            "set_body": self._set_body,
            "disturb": self._disturb,
        }

    def __call__(self, request: dict[str, Any]) -> dict[str, Any]:
        """Carry out `request`.

        Raises:
            FaultError: not a request, or a fault that cannot be.
            KeyError, TypeError, ValueError: a value is missing or of no use.
        """
        verbs = [verb for verb in self._verbs if verb in request]
        if len(verbs) != 1:
            raise FaultError(
                f"request {request!r}: expected exactly one of: {', '.join(self._verbs)}",
                reason="REQUEST_INVALID",
            )
        return self._verbs[verbs[0]](request)

    def strike(self, fault: InjectedFault) -> None:
        """Put a fault in force, or do at once what it stands for.

        Raises:
            FaultError: no servo of that ID.
        """
        bus = self._bus
        bus.note({"fault": fault.kind, "id": fault.servo_id, **fault.values, **fault.words})
        if fault.kind not in STRIKE_KINDS:
            self._check_id(fault)
            bus.faults.add(fault, bus.clock.now_ns())
            bus.apply_line_faults()
        elif fault.kind == "unplug":
            bus.unplug()
        elif fault.kind == "replug":
            bus.port.replug()
        else:
            self._strike_servo(fault)

    def _strike_servo(self, fault: InjectedFault) -> None:
        now_ns = self._bus.clock.now_ns()
        for servo in self._check_id(fault):
            if fault.kind == "brownout":
                silence_ns = int(fault.values["silence_s"] * _SECOND_NS)
                servo.power_cycle(now_ns)
                servo.booted_ns = now_ns + silence_ns
            else:
                servo.trip(1 << LATCHED_BITS[fault.kind], now_ns)

    def _check_id(self, fault: InjectedFault) -> list[VirtualServo]:
        servos = self._bus.network.servos
        if fault.servo_id is None:
            return servos
        found = [servo for servo in servos if servo.servo_id == fault.servo_id]
        if not found:
            ids = ", ".join(str(servo.servo_id) for servo in servos)
            raise FaultError(
                f"{fault.kind}: no servo {fault.servo_id} on this bus; there are: {ids}"
            )
        return found

    def _fault(self, request: dict[str, Any]) -> dict[str, Any]:
        self.strike(parse_fault(request))
        return {}

    def _clear(self, request: dict[str, Any]) -> dict[str, Any]:
        self._bus.note({"clear": True})
        self._bus.faults.clear()
        self._bus.apply_line_faults()
        return {}

    def _get(self, request: dict[str, Any]) -> dict[str, Any]:
        what, now_ns = request["get"], self._bus.clock.now_ns()
        if what == "state":
            return {"state": bus_state(self._bus)}
        if what == "motion":
            since_ns = _number("since_ns", request["since_ns"], 0, _LATEST_NS)
            return {"motion": self._bus.trace.since(int(since_ns))}
        if what == "faults":
            return {"faults": self._bus.faults.describe()}
        if what == "table":
            return {"table": servo_table(self._servo(request["id"]), now_ns)}
        raise FaultError(
            f"get {what!r}: expected one of: state, motion, faults, table", reason="REQUEST_INVALID"
        )

    def _set_register(self, request: dict[str, Any]) -> dict[str, Any]:
        wanted = request["set_register"]
        servo, now_ns = self._servo(wanted["id"]), self._bus.clock.now_ns()
        name, value = str(wanted["name"]), int(_number("value", wanted["value"], -(2**31), 2**32))
        _check_meaning(servo, name, value)
        servo.set_register(name, value, now_ns)
        return {}

    def _set_joint(self, request: dict[str, Any]) -> dict[str, Any]:
        wanted = request["set_joint"]
        position_rad = _number("position_rad", wanted["position_rad"], -_ANGLE_MAX, _ANGLE_MAX)
        self._bus.plant.set_joint(str(wanted["name"]), position_rad)
        self._bus.wake()
        return {}

    def _set_body(self, request: dict[str, Any]) -> dict[str, Any]:
        pose = [
            _number("pose", number, -_POSE_MAX, _POSE_MAX) for number in request["set_body"]["pose"]
        ]
        self._bus.plant.set_body_pose(pose)
        self._bus.wake()
        return {}

    def _disturb(self, request: dict[str, Any]) -> dict[str, Any]:
        wanted = request["disturb"]
        now_ns = self._bus.clock.now_ns()
        duration_s = _number("duration_s", wanted["duration_s"], 0.0, _DURATION_MAX_S)
        torque_nm = _number("torque_nm", wanted["torque_nm"], -_TORQUE_MAX_NM, _TORQUE_MAX_NM)
        until_ns = now_ns + int(duration_s * _SECOND_NS)
        self._bus.plant.disturb(str(wanted["name"]), torque_nm, until_ns)
        self._bus.wake()
        return {}

    def _servo(self, servo_id: object) -> VirtualServo:
        for servo in self._bus.network.servos:
            if servo.servo_id == servo_id:
                return servo
        raise RegisterError(f"no servo {servo_id!r} on this bus", reason="UNKNOWN_SERVO")


def _number(what: str, value: object, low: float, high: float) -> float:
    """A number from outside that is fit to be reckoned with.

    Raises:
        FaultError: none, or out of its range.
    """
    if isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high:
        return value  # NaN compares false
    raise FaultError(
        f"{what} is {str(value)[:40]}, expected a number from {low:g} to {high:g}",
        reason="REQUEST_INVALID",
    )


def _check_meaning(servo: VirtualServo, name: str, value: int) -> None:
    """Nothing is checked of a register that is set so, but that the servo can live with it.

    Raises:
        FaultError: a mode, rate or address that there is not.
    """
    allowed: Collection[int] | None = None
    if name == "operating_mode":
        allowed = [int(mode) for mode in OperatingMode]
    elif name == "baud_rate":
        allowed = list(BAUD_RATES)
    elif name.startswith("indirect_address") and name in servo.memory:
        register = servo.memory.register(name)
        allowed = range(register.minimum, register.maximum + 1)
    if allowed is not None and value not in allowed:
        raise FaultError(f"{name} cannot be {value}", reason="REQUEST_INVALID")
