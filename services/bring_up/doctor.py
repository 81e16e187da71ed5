"""Checks everything between this program and a robot that moves, with a remedy for each finding.

Read-only: it pings and reads servos, and writes nothing to them, whatever it finds.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from hal.dynamixel.bus import ServoBus
from hal.dynamixel.control_table import MODEL_NUMBERS
from hal.dynamixel.errors import BadStatusError, BusTimeoutError, PortError, ServoStatusError
from hal.dynamixel.port_users import port_users
from services.bring_up.bus_rate import measure_rate, rate_findings
from services.bring_up.checks import run_check
from services.bring_up.finding import Finding, Level, count, ok, warn, worst
from services.bring_up.host import host_findings
from services.bring_up.presence import Presence, look_for
from services.bring_up.presence_findings import (
    is_another_robot,
    presence_findings,
    silent_finding,
    unreadable_finding,
)
from services.bring_up.readout import Readout, read_servo
from services.bring_up.scan import SCAN_BAUD_RATES, scan
from services.bring_up.serial_ports import (
    SerialPorts,
    choose_port,
    latency_findings,
    port_findings,
)
from services.bring_up.session import (
    opened_bus,
    port_failure,
    shared_port_finding,
    stolen_finding,
)
from services.bring_up.settings_checks import SETTINGS_CHECKS
from services.bring_up.state_checks import STATE_CHECKS
from services.bring_up.target import Target

Say = Callable[[str], None]


@dataclass(frozen=True)
class Report:
    """What the doctor found.

    Attributes:
        target: what was looked at, with the port that was chosen.
        findings: in the order in which they were looked at: machine, port, bus, servos.
        servos: as they are, those that could be read.
    """

    target: Target
    findings: tuple[Finding, ...]
    servos: tuple[Readout, ...]

    @property
    def level(self) -> Level:
        """The worst of all findings."""
        return worst(self.findings)

    @property
    def is_fit(self) -> bool:
        """Whether nothing keeps the robot from moving."""
        return self.level is not Level.FAIL

    def summary(self) -> list[str]:
        """What it comes to, and what to do next."""
        fails, warns = (count(self.findings, level) for level in (Level.FAIL, Level.WARN))
        numbers = f"{fails} to be put right, {warns} to be looked at, "
        numbers += f"{len(self.findings) - fails - warns} in order"
        if fails:
            first = next(f for f in self.findings if f.level is Level.FAIL)
            return [numbers, f"not fit to move; begin with: {first.subject}"]
        return [numbers, "fit to move"]

    def plain(self) -> dict[str, object]:
        """For JSON."""
        return {
            "fit": self.is_fit,
            "level": self.level.value,
            "robot": self.target.robot,
            "port": self.target.port,
            "baud_rate": self.target.baud_rate,
            "calibration": self.target.calibration.version,
            "findings": [f.plain() for f in self.findings],
            "servos": [_plain_servo(s) for s in self.servos],
        }


def _plain_servo(servo: Readout) -> dict[str, object]:
    return {
        "id": servo.servo_id,
        "joint": servo.name,
        "model_number": servo.model_number,
        "firmware": servo.firmware,
        **servo.values,
    }


def examine(target: Target, say: Say) -> Report:
    """Look at everything that can be looked at; what cannot is a finding too.

    Args:
        target: the robot; an empty port means the only one there is.
        say: told what is looked at next.
    """
    return _Examination(target, say).run()


class _Examination:
    """What is known so far; each step adds to it."""

    def __init__(self, target: Target, say: Say) -> None:
        self._target = target
        self._say = say
        self._findings: list[Finding] = []
        self._servos: list[Readout] = []

    def run(self) -> Report:
        self._say("looking at the machine")
        self._findings += host_findings(self._target.run_dir)
        self._findings.append(_calibration_finding(self._target))
        if self._port_is_usable():
            self._open()
        return Report(self._target, tuple(self._findings), tuple(self._servos))

    def _port_is_usable(self) -> bool:
        ports = SerialPorts.look()
        port, finding = choose_port(self._target.port, ports)
        self._target = replace(self._target, port=port)
        found = [finding]
        if port:
            found += port_findings(port, ports)
        self._findings += [f for f in found if f.level is not Level.OK] or found
        return worst(found) is not Level.FAIL

    def _open(self) -> None:
        port, baud_rate = self._target.port, self._target.baud_rate
        self._say(f"looking for servos on {port} at {baud_rate} baud")
        try:
            with opened_bus(port, baud_rate) as bus:
                latency_ms = bus.port.latency_timer_ms()
                self._findings += latency_findings(port, latency_ms, bus.port.low_latency)
                if users := port_users(port):  # what servos seem to say then is not to be judged
                    self._findings.append(shared_port_finding(users, port))
                    return
                presence = look_for(bus, [s.servo_id for s in self._target.servos])
                if presence.found or presence.doubled:
                    self._findings += presence_findings(presence, self._target)
                    if not is_another_robot(presence, self._target):
                        self._examine_servos(bus, presence)
                if bus.counters.stolen_reads:
                    self._findings.append(stolen_finding(bus.counters.stolen_reads, port))
                    return
            if not (presence.found or presence.doubled):
                self._findings.append(self._silence())
        except PortError as error:
            self._findings.append(port_failure(error, port))

    def _silence(self) -> Finding:
        """Nobody answered: at another baud rate, perhaps."""
        self._say("nobody answers; looking at other baud rates")
        others = [rate for rate in SCAN_BAUD_RATES if rate != self._target.baud_rate]
        return silent_finding(scan(self._target.port, others), self._target)

    def _examine_servos(self, bus: ServoBus, presence: Presence) -> None:
        self._say("reading the servos' settings and state")
        unreadable = []
        for servo in self._target.servos:
            ping = presence.found.get(servo.servo_id)
            if ping is None or ping.model_number not in MODEL_NUMBERS:
                continue
            try:
                self._servos.append(read_servo(bus, ping, servo.name))
            except (BadStatusError, BusTimeoutError, ServoStatusError) as error:
                unreadable.append(error)
        if unreadable:
            self._findings.append(unreadable_finding(unreadable, self._target))
        if self._servos:
            for check in (*SETTINGS_CHECKS, *STATE_CHECKS):
                self._findings += run_check(check, self._servos, self._target)
            self._say("measuring the bus")
            rate = measure_rate(bus, [s.servo_id for s in self._servos], self._target.baud_rate)
            self._findings += rate_findings(rate, self._target)


def _calibration_finding(target: Target) -> Finding:
    if target.calibration_path is not None:
        return ok("calibration", f"{target.calibration.version}, from {target.calibration_path}")
    message = f"none: the usual values of a {target.robot} are taken, which may be some degrees off"
    remedy = target.command("calibrate", "--out", f"{target.robot}.json")
    return warn("calibration", message, remedy)
