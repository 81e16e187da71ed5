"""All that a servo holds, and the ways in which it changes: writes, time, errors, loss of power."""

from typing import Literal

from hal.dynamixel import units
from hal.dynamixel.control_table import ControlTable, Register
from hal.dynamixel.status import HardwareError, StatusErrorNumber
from sim.servo import effects, persistence, sensing
from sim.servo.encoder import Encoder
from sim.servo.memory import Memory
from sim.servo.motion import Motion
from sim.servo.motor import MOTORS
from sim.servo.protection import Limits, Protection
from sim.servo.regulator import DriveSettings, OperatingMode
from sim.servo.sensing import Measurement
from sim.servo.validation import Locks, refusal
from sim.servo.watchdog import BusWatchdog, Feed


class ServoState:
    """State of one servo.

    Args:
        servo_id: 0 to 252; stays changeable over the bus.
        table: control table of its model.
        firmware: version, which decides what it can do.
        feed: which packets feed the bus watchdog.
        reboot_silence_s: how long it hears and says nothing after a reboot.
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
        persistence.boot(self, 0)

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

    def register(self, name: str, now_ns: int) -> int:
        """Value of a register as a read at this time would give it. Raises: KeyError, none such."""
        self.advance(now_ns)
        sensing.refresh(self, now_ns)
        return self.memory[name]

    def set_register(self, name: str, value: int, now_ns: int) -> None:
        """Set a writable register with all its effects, unchecked: for set-up and faults too.

        Raises:
            KeyError: no such register on this model and firmware.
            RegisterError: the value does not fit its width.
            ValueError: no such operating mode.
        """
        effects.apply(self, name, value, now_ns)

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
            effects.stop(self, now_ns)

    def is_silent(self, now_ns: int) -> bool:
        """Whether it is booting: it hears and says nothing."""
        return now_ns < self.booted_ns

    def trip(self, errors: HardwareError | int, now_ns: int) -> None:
        """Latch hardware errors; those in the shutdown mask turn the torque off.

        A servo that is booting notices nothing.
        """
        if self.is_silent(now_ns):
            return
        self.protection.latch(HardwareError(errors))
        self.memory.set("hardware_error_status", int(self.protection.latched))
        if self.protection.is_shut_down(self.memory["shutdown"]):
            effects.torque_off(self)

    def power_cycle(self, now_ns: int) -> None:
        """Lose the supply and get it back: as a reboot, without a status."""
        persistence.boot(self, now_ns + self._reboot_silence_ns)
