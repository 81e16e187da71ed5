"""All that a servo holds, and what changes it: writes with their effects, time, errors, restarts.

The manual leaves open what a backup holds; here it is every writable register but the ID, the baud
rate, the goals and Torque Enable. Source: e-manual, Torque Enable (64), Operating Mode (11), Bus
Watchdog (98), Drive Mode (10), Startup Configuration (60); Protocol 2.0, Factory Reset, Reboot,
Control Table Backup.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

from hal.dynamixel import units
from hal.dynamixel.registers import ControlTable, Register
from hal.dynamixel.status import HardwareError, StatusErrorNumber
from sim.servo.encoder import Encoder
from sim.servo.memory import GOALS, Locks, Memory, refusal
from sim.servo.motion import Motion, ProfileLimits
from sim.servo.motor import MOTORS
from sim.servo.protection import BusWatchdog, Feed, Limits, Protection
from sim.servo.regulator import DriveSettings, OperatingMode

_TIMED_PROFILE = 0x04  # bits of Drive Mode
_TORQUE_ON_BY_GOAL = 0x08
_TORQUE_ON_AT_START = 0x01  # bits of Startup Configuration
_RESTORE_RAM_AT_START = 0x02
_NOT_BACKED_UP = frozenset({"id", "baud_rate", "torque_enable", "bus_watchdog", *GOALS})

_GAINS = (
    "velocity_i_gain",
    "velocity_p_gain",
    "position_d_gain",
    "position_i_gain",
    "position_p_gain",
    "feedforward_2nd_gain",
    "feedforward_1st_gain",
)
_SETTINGS = frozenset(
    {
        *_GAINS,
        "goal_pwm",
        "goal_current",
        "pwm_limit",
        "temperature_limit",
        "max_voltage_limit",
        "min_voltage_limit",
    }
)


class ResetScope(IntEnum):
    """Parameter of Factory Reset."""

    ALL_BUT_ID = 0x01
    ALL_BUT_ID_AND_BAUD_RATE = 0x02
    ALL = 0xFF


@dataclass(frozen=True, slots=True)
class Measurement:
    """State of shaft and motor besides the angle; before the first, a servo at rest on 12 V.

    Attributes:
        pwm: duty cycle, -1 to 1.
    """

    velocity_rad_s: float = 0.0
    current_a: float = 0.0
    temperature_c: float = 25.0
    voltage_v: float = 12.0
    pwm: float = 0.0


class ServoState:
    """State of one servo.

    Args:
        servo_id: 0 to 252; stays changeable over the bus.
        table: control table of its model.
        firmware: version, which decides what it can do.
        feed: which packets feed the bus watchdog.
        reboot_silence_s: for how long after a reboot it neither receives nor answers.
        reboot_status: whether the status that announces a reboot arrives; XL430 often lacks it.
        goal_on_torque: what torque-on makes of an older goal: "keep" moves there at once, "present"
            replaces it by the present position. The manual does not say; "keep" is the harder case.
    """

    def __init__(
        self,
        servo_id: int,
        table: ControlTable,
        firmware: int = 45,
        feed: Feed = "any",
        *,
        reboot_silence_s: float = 0.3,
        reboot_status: bool = True,
        goal_on_torque: Literal["keep", "present"] = "keep",
    ) -> None:
        self.table = table
        self.firmware = firmware
        self.memory = Memory(table, firmware)
        self.encoder = Encoder()
        self.motion = Motion()
        self.watchdog = BusWatchdog(feed)
        self.protection = Protection()
        self.measurement = Measurement()
        self.has_measured = False
        self.reboot_status = reboot_status
        self.goal_on_torque = goal_on_torque
        self.registered: tuple[int, bytes] | None = None
        self.backup: dict[str, int] | None = None
        self.booted_ns = 0
        self.is_torque_on = False
        self._reboot_silence_ns = round(reboot_silence_s * 1e9)
        self.stall_current_a = MOTORS[table.model_number].stall_current_a
        self.memory.set("firmware_version", firmware)
        self.memory.set("id", servo_id)
        self.refresh_settings()
        self._boot(0)

    def write(
        self, address: int, data: bytes, now_ns: int, *, is_shadow: bool = False
    ) -> StatusErrorNumber | None:
        """Write as the host does: everything or, with an error number, nothing."""
        writes = self.check(address, data, is_shadow=is_shadow)
        if isinstance(writes, StatusErrorNumber):
            return writes
        for register, value in writes:
            self.set_register(register.name, value, now_ns)
        return None

    def check(
        self, address: int, data: bytes, *, is_shadow: bool = False
    ) -> list[tuple[Register, int]] | StatusErrorNumber:
        """What a write would set, or the number of its error."""
        writes = self.memory.split(address, data)
        if isinstance(writes, StatusErrorNumber):
            return writes
        locks = Locks(self.is_torque_on, self.watchdog.is_tripped)
        for register, value in writes:
            if is_shadow and register.is_eeprom:
                return StatusErrorNumber.ACCESS
            number = refusal(self.memory, self.firmware, locks, register, value)
            if number is not None:
                return number
        return writes

    def set_register(self, name: str, value: int, now_ns: int) -> None:
        """Set a writable register with all its effects, unchecked: for set-up and faults too.

        Raises:
            KeyError: no such register on this model and firmware.
            RegisterError: the value does not fit its width.
            ValueError: no such operating mode.
        """
        self.memory.set(name, value)
        if name in _SETTINGS:
            self.refresh_settings()
        match name:
            case "torque_enable":
                self._set_torque(value, now_ns)
            case "bus_watchdog":
                self.watchdog.set(value, now_ns)
            case "operating_mode":
                self._enter_mode(now_ns)
            case "drive_mode" | "homing_offset":
                self._change_frame(now_ns)
            case _ if name in GOALS:
                self._new_goal(name, now_ns)
            case _:
                pass

    def refresh_settings(self) -> None:
        """Take over registers that are kept decoded because each physics step needs them."""
        memory = self.memory
        drive = memory.get("drive_mode")
        self.settings = DriveSettings.of(memory, self.table)
        self.mode = self.settings.mode
        self.encoder.is_reversed = bool(drive & 1)
        self.encoder.is_single_turn = self.mode is OperatingMode.POSITION
        self.encoder.homing_offset = memory["homing_offset"]
        self.limits = Limits(
            memory["temperature_limit"] * units.TEMPERATURE_C,
            memory["max_voltage_limit"] * units.VOLTAGE_V,
            memory["min_voltage_limit"] * units.VOLTAGE_V,
            self.stall_current_a,
        )

    def advance(self, now_ns: int) -> None:
        """Let time pass: the watchdog may trip."""
        if self.is_torque_on and self.watchdog.check(now_ns):
            self._stop(now_ns)

    def is_silent(self, now_ns: int) -> bool:
        """Whether it is booting: it neither receives nor answers."""
        return now_ns < self.booted_ns

    def trip(self, errors: HardwareError | int, now_ns: int) -> None:
        """Latch hardware errors; those in the shutdown mask turn the torque off.

        A servo that is booting detects nothing.
        """
        if self.is_silent(now_ns):
            return
        self.protection.latch(HardwareError(errors))
        self.memory.set("hardware_error_status", int(self.protection.latched))
        if self.protection.is_shut_down(self.memory["shutdown"]):
            self._torque_off()

    def power_cycle(self, now_ns: int) -> None:
        """Lose the supply and get it back: as a reboot, without a status."""
        self._boot(now_ns + self._reboot_silence_ns)

    def factory_reset(self, scope: ResetScope) -> None:
        """Set the EEPROM to factory values; the servo boots after it."""
        kept = {"id", "baud_rate"} if scope is ResetScope.ALL_BUT_ID_AND_BAUD_RATE else {"id"}
        if scope is ResetScope.ALL:
            kept = set[str]()
        for register in self.memory.registers:
            if register.is_eeprom and register.is_writable and register.name not in kept:
                self.memory.set(register.name, register.default)
        self.refresh_settings()

    def store(self) -> None:
        """Back up the control table."""
        self.backup = {
            register.name: self.memory[register.name]
            for register in self.memory.registers
            if register.is_writable and register.name not in _NOT_BACKED_UP
        }
        self.memory.set("backup_ready", 1)

    def restore(self) -> bool:
        """Bring the EEPROM of the backup back; False if there is none. The servo boots after it."""
        if self.backup is None:
            return False
        self._put(self.backup, is_eeprom=True)
        self.refresh_settings()
        return True

    def shift_position(self, counts: int, now_ns: int) -> None:
        """Move goal and profile along with a count that has jumped, so that the shaft stays."""
        goal = self.memory["goal_position"] + counts
        self.memory.set("goal_position", goal)
        self.motion.rest(goal, now_ns)

    def _set_torque(self, value: int, now_ns: int) -> None:
        if value == 0:
            self._torque_off()
            return
        if self.is_torque_on:
            return
        # After a shutdown only a reboot brings the torque back; the register just stays 0.
        if self.protection.is_shut_down(self.memory["shutdown"]):
            self._torque_off()
            return
        if self.mode is OperatingMode.POSITION:
            self.encoder.forget_turns()
        self.is_torque_on = True
        self.watchdog.restart(now_ns)
        self.motion.rest(self.encoder.raw, now_ns)
        if self.watchdog.is_tripped:
            self._stop(now_ns)
            return
        if self.goal_on_torque == "present":
            self.memory.set("goal_position", self.encoder.raw)
        self._pursue(now_ns)

    def _new_goal(self, name: str, now_ns: int) -> None:
        if not self.is_torque_on and self.memory.get("drive_mode") & _TORQUE_ON_BY_GOAL:
            self.set_register("torque_enable", 1, now_ns)
        if not self.is_torque_on:
            return
        followed = "goal_position" if self.mode.is_position else "goal_velocity"
        if name == followed:
            self._pursue(now_ns)
        elif not self.mode.is_position and self.mode is not OperatingMode.VELOCITY:
            self.motion.is_halted = False

    def _pursue(self, now_ns: int) -> None:
        memory = self.memory
        limits = ProfileLimits(
            memory["profile_velocity"],
            memory["profile_acceleration"],
            bool(memory.get("drive_mode") & _TIMED_PROFILE),
        )
        if self.mode.is_position:
            self.motion.aim(memory["goal_position"], limits, now_ns)
        elif self.mode is OperatingMode.VELOCITY:
            self.motion.spin(memory["goal_velocity"], limits, now_ns)

    def _enter_mode(self, now_ns: int) -> None:
        """Gains, profile and goals start afresh; position mode knows one turn only."""
        for name in _GAINS:
            self.memory.set(name, self.table[name].default)
        self.memory.set("profile_velocity", 0)
        self.memory.set("profile_acceleration", 0)
        self.refresh_settings()
        if self.mode is OperatingMode.POSITION:
            self.encoder.forget_turns()
        self.seed_goals(now_ns)

    def _change_frame(self, now_ns: int) -> None:
        """Direction or homing offset: the same shaft angle has another count now."""
        self.refresh_settings()
        self.encoder.forget_turns()
        self.memory.set("goal_position", self.encoder.raw)
        self.motion.rest(self.encoder.raw, now_ns)

    def _stop(self, now_ns: int) -> None:
        """React to the tripped watchdog: the torque stays on, the present position is held.

        In extended position mode firmware adds the homing offset once too often to it and the servo
        moves on (DynamixelSDK issue 584).
        """
        position = self.encoder.raw
        if self.mode is OperatingMode.EXTENDED_POSITION:
            position += self.encoder.effective_homing_offset
        self.motion.halt(position, now_ns)
        self.memory.set("bus_watchdog", self.watchdog.register)
        if self.mode.is_position:
            self.memory.set("goal_position", position)

    def _torque_off(self) -> None:
        """Leave the shaft free."""
        self.is_torque_on = False
        self.memory.set("torque_enable", 0)

    def _boot(self, booted_ns: int) -> None:
        """Start with RAM and latches as new; it neither receives nor answers until `booted_ns`."""
        memory = self.memory
        for register in memory.registers:
            if not register.is_eeprom:
                memory.set(register.name, register.default)
        self.booted_ns = booted_ns
        self.is_torque_on = False
        self.registered = None
        self.protection.reset()
        self.watchdog.set(0, booted_ns)
        self.encoder.forget_turns()
        self.seed_goals(booted_ns)
        if "backup_ready" in memory:
            memory.set("backup_ready", self.backup is not None)
        startup = memory.get("startup_configuration")
        if startup & _RESTORE_RAM_AT_START and self.backup is not None:
            self._put(self.backup, is_eeprom=False)
        self.refresh_settings()
        if startup & _TORQUE_ON_AT_START:
            self.set_register("torque_enable", 1, booted_ns)

    def seed_goals(self, now_ns: int) -> None:
        """Set goals as after power-on or a change of mode: nothing moves, nothing is limited."""
        memory = self.memory
        memory.set("goal_pwm", memory["pwm_limit"])
        if "goal_current" in memory:
            memory.set("goal_current", memory["current_limit"])
        memory.set("goal_velocity", 0)
        memory.set("goal_position", self.encoder.raw)
        self.motion.rest(self.encoder.raw, now_ns)
        self.refresh_settings()

    def _put(self, values: dict[str, int], *, is_eeprom: bool) -> None:
        for name, value in values.items():
            if self.memory.register(name).is_eeprom == is_eeprom:
                self.memory.set(name, value)
