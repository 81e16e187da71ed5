"""One virtual servo: its answers on the bus, the command of its motor, its measurements.

Everything happens in calls that carry the time; there is no clock, thread or I/O in here. Registers
are raw counts; the physics side is in SI units in the frame of the shaft, whose angle 0 is where a
servo in factory settings reads 0.
"""

from dataclasses import dataclass
from enum import Enum, auto

from hal.dynamixel import units
from hal.dynamixel.packet import BROADCAST_ID, MAX_SERVO_ID, Instruction
from hal.dynamixel.status import ALERT
from sim.servo import instructions, sensing
from sim.servo.motor import MotorCommand
from sim.servo.regulator import OFF, motor_command
from sim.servo.state import Measurement, ServoState

FAST_READ_FIRMWARE = 45
_PROTOCOL_2 = 2


@dataclass(frozen=True, slots=True)
class Reply:
    """Content of a status packet.

    Attributes:
        error: error byte, with the alert bit.
        parameters: what follows it.
    """

    error: int
    parameters: bytes = b""


class Addressing(Enum):
    """How the ID of a packet addresses a servo."""

    OWN = auto()
    SHADOW = auto()  # by its secondary ID: obeyed without a status, EEPROM excluded
    ALL = auto()
    OTHER = auto()


class VirtualServo(ServoState):
    """A servo in memory; arguments as of `ServoState`."""

    # --- the bus side

    @property
    def servo_id(self) -> int:
        """ID that it answers to now."""
        return self.memory["id"]

    @property
    def baud_rate(self) -> int:
        """Bits per second that it understands now."""
        return units.BAUD_RATES[self.memory["baud_rate"]]

    @property
    def return_delay_s(self) -> float:
        """Pause before each of its statuses."""
        return self.memory["return_delay_time"] * units.RETURN_DELAY_S

    @property
    def has_fast_reads(self) -> bool:
        """Whether it takes part in fast sync and bulk reads."""
        return self.firmware >= FAST_READ_FIRMWARE

    def addressed(self, packet_id: int) -> Addressing:
        """Whether and how a packet with this ID is for it."""
        if self.memory["protocol_type"] != _PROTOCOL_2:
            return Addressing.OTHER
        if packet_id == BROADCAST_ID:
            return Addressing.ALL
        if packet_id == self.memory["id"]:
            return Addressing.OWN
        secondary = self.memory["secondary_id"]
        return Addressing.SHADOW if packet_id == secondary <= MAX_SERVO_ID else Addressing.OTHER

    def hear(self, now_ns: int) -> None:
        """An instruction packet for anyone has passed on the bus."""
        if self.watchdog.feed == "any" and not self.is_silent(now_ns):
            self.advance(now_ns)
            self.watchdog.restart(now_ns)

    def handle(
        self,
        instruction: int,
        parameters: bytes,
        now_ns: int,
        broadcast: bool = False,
        *,
        is_shadow: bool = False,
    ) -> Reply | None:
        """Carry out an instruction for this servo; not sync, bulk and fast ones.

        Args:
            broadcast: it went to all: carried out without a status, and reads not at all.
            is_shadow: it went to the secondary ID.

        Returns:
            The status; None where the servo sends none.
        """
        if not self._listen(now_ns):
            return None
        level = self.memory["status_return_level"]
        alert = self._alert
        result = instructions.execute(self, instruction, parameters, now_ns, broadcast, is_shadow)
        is_ping = instruction == Instruction.PING
        if result is None or is_shadow or (broadcast and not is_ping):
            return None
        needed = 0 if is_ping else 1 if instruction == Instruction.READ else 2
        return Reply(result[0] | alert, result[1]) if level >= needed else None

    def read_for_sync(self, address: int, length: int, now_ns: int) -> Reply | None:
        """Its part of a sync or bulk read, fast or not; None where it sends no answer."""
        if not self._listen(now_ns):
            return None
        if self.memory["status_return_level"] < 1:
            return None
        number, data = instructions.read(self, address, length, now_ns)
        return Reply(number | self._alert, data)

    def write_for_sync(
        self, address: int, data: bytes, now_ns: int, *, is_shadow: bool = False
    ) -> None:
        """Its part of a sync or bulk write; a refused one is ignored, without a status."""
        if self._listen(now_ns):
            self.write(address, data, now_ns, is_shadow=is_shadow)

    def _listen(self, now_ns: int) -> bool:
        if self.is_silent(now_ns):
            return False
        self.advance(now_ns)
        self.watchdog.restart(now_ns)
        return True

    @property
    def _alert(self) -> int:
        return ALERT if self.protection.latched else 0

    def register(self, name: str, now_ns: int) -> int:
        """Value of a register as a read at this time would give it. Raises: KeyError, none such."""
        self.advance(now_ns)
        sensing.refresh(self, now_ns)
        return self.memory[name]

    # --- the physics side

    def motor_command(self, now_ns: int) -> MotorCommand:
        """Command of the motor now."""
        self.advance(now_ns)
        if not self.is_torque_on or self.is_silent(now_ns):
            return OFF
        return motor_command(self.settings, self.motion, self.encoder, now_ns)

    def sense(
        self,
        position_rad: float,
        velocity_rad_s: float,
        current_a: float,
        temperature_c: float,
        voltage_v: float,
        now_ns: int,
        pwm: float | None = None,
    ) -> None:
        """Measure the shaft and the motor; latches what is out of bounds.

        Args:
            position_rad: continuous, not wrapped.
            pwm: duty cycle, -1 to 1; estimated from the current if not given.
        """
        self.advance(now_ns)
        self.encoder.shaft_rad = position_rad
        if pwm is None:
            pwm = current_a / self.stall_current_a
        self.measurement = Measurement(velocity_rad_s, current_a, temperature_c, voltage_v, pwm)
        if not self.has_measured:
            self._take_initial_angle(now_ns)
        found = self.protection.detect(self.limits, current_a, temperature_c, voltage_v, now_ns)
        if found:
            self.trip(found, now_ns)

    def _take_initial_angle(self, now_ns: int) -> None:
        """Take the first measurement as the angle at power-on."""
        self.has_measured = True
        if not self.is_torque_on:
            self.encoder.forget_turns()
            self.seed_goals(now_ns)
