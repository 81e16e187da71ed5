"""Whether each servo is fit to move right now: errors, heat, supply, torque, where it stands."""

from collections.abc import Sequence

from hal.dynamixel.angles import ServoAngles
from hal.dynamixel.servo_faults import LATCH_CAUSES
from hal.dynamixel.settings import BusSettings
from hal.dynamixel.status import WATCHDOG_TRIPPED, HardwareError, error_names
from services.bring_up.checks import Check, Complaint
from services.bring_up.finding import Level
from services.bring_up.readout import Readout
from services.bring_up.target import Target

VOLTAGE_MIN_V = BusSettings().voltage_min_v
TEMPERATURE_MAX_C = BusSettings().enable_temperature_max_c
TEMPERATURE_WARM_C = TEMPERATURE_MAX_C - 5
VOLTAGE_SPREAD_V = 0.7

_REBOOT = (
    "switch the servos' supply off and on; with the controller running, which reboots all that "
    "latched with --all: mbctl robot reboot-servo JOINT"
)


def _error(readout: Readout, target: Target) -> Complaint | None:
    """The latch stays until a reboot; torque cannot be switched on before."""
    error = HardwareError(readout.values["hardware_error_status"])
    if not error:
        return None
    cures = [cause.cure for cause in LATCH_CAUSES if cause.bit in error]
    is_shut_down = bool(error & HardwareError(readout.values["shutdown"]))
    effect = "it takes no torque before a reboot" if is_shut_down else "it stays until a reboot"
    text = f"{', '.join(error_names(error))}; {effect}"
    return Complaint(Level.FAIL, text, f"{'; '.join(cures)}; then {_REBOOT}")


def _temperature(readout: Readout, target: Target) -> Complaint | None:
    heat_c = readout.temperature_c
    if heat_c < TEMPERATURE_WARM_C:
        return None
    if heat_c < TEMPERATURE_MAX_C:
        text = f"from {TEMPERATURE_MAX_C:g} C on it gets no torque"
        return Complaint(Level.WARN, text, "let it rest, torque off", f"{heat_c:g} C")
    text = f"it gets no torque before it is below {TEMPERATURE_MAX_C:g} C"
    remedy = f"leave torque off and wait, then again: {target.command('doctor')}"
    return Complaint(Level.FAIL, text, remedy, f"{heat_c:g} C")


def _voltage(readout: Readout, target: Target) -> Complaint | None:
    volts = readout.voltage_v
    low, high = VOLTAGE_MIN_V, readout.values["max_voltage_limit"] / 10
    if low <= volts <= high:
        return None
    text = f"expected {low:g} to {high:g} V at the servo"
    remedy = "measure the supply (12 V) and check plugs and cables up to it"
    return Complaint(Level.FAIL, text, remedy, f"{volts:.1f} V")


def _torque(readout: Readout, target: Target) -> Complaint | None:
    if not readout.torque_is_on:
        return None
    relax = target.command("calibrate", "--torque-off")
    remedy = (
        f"hold what it carries, then: {relax}; to have the controller do it: "
        "mbctl controller --set robot.bus.relax_on_connect=true"
    )
    return Complaint(
        Level.WARN, "torque is on: a program that held it is gone, or another runs", remedy
    )


def _watchdog(readout: Readout, target: Target) -> Complaint | None:
    if readout.values["bus_watchdog"] != WATCHDOG_TRIPPED:
        return None
    text = "bus watchdog has tripped: whoever drove it fell silent. It takes no goals"
    remedy = "mbctl robot activate clears it, from where the robot then stands"
    return Complaint(Level.WARN, text, remedy)


def _position(readout: Readout, target: Target) -> Complaint | None:
    servo = next(s for s in target.servos if s.servo_id == readout.servo_id)
    angles = ServoAngles((servo,))
    ticks = readout.values["present_position"]
    if angles.travel_min_ticks[0] <= ticks <= angles.travel_max_ticks[0]:
        return None
    value = f"at {ticks} ticks, travel {angles.travel_min_ticks[0]} to {angles.travel_max_ticks[0]}"
    again = target.command("calibrate", "--out", f"{target.robot}.json")
    remedy = f"bring it in by hand; if the joint is where it may be: {again}"
    return Complaint(Level.FAIL, "stands outside its travel", remedy, value)


def _span(values: Sequence[float], unit: str, digits: int) -> str:
    return f"{min(values):.{digits}f} to {max(values):.{digits}f} {unit}"


STATE_CHECKS = (
    Check("hardware error", _error, lambda readouts: "none"),
    Check("torque", _torque, lambda readouts: "off everywhere"),
    Check("bus watchdog", _watchdog, lambda readouts: "none tripped"),
    Check("voltage", _voltage, lambda rs: _span([r.voltage_v for r in rs], "V", 1)),
    Check("temperature", _temperature, lambda rs: _span([r.temperature_c for r in rs], "C", 0)),
    Check("position", _position, lambda readouts: "every joint stands inside its travel"),
)
