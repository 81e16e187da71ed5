"""What is asked of a servo outside control cycles: restarts, resets, backups, registered writes."""

from hal.dynamixel.errors import ProtocolError
from hal.dynamixel.link import Link
from hal.dynamixel.packet import BROADCAST_ID, Instruction, encode_instruction
from hal.dynamixel.registers import Register
from hal.dynamixel.replies import ResetScope
from hal.dynamixel.request import ask, ask_restart, ask_write

_CLEAR_MULTI_TURN = b"\x01DXL\x22"
_BACKUP_KEY = b"CTRL"
_BACKUP_STORE, _BACKUP_RESTORE = b"\x01", b"\x02"


class ServoMaintenance:
    """The rare requests of a `ServoBus`, which is the class to use.

    Args:
        link: open.
    """

    def __init__(self, link: Link) -> None:
        self._link = link

    def reg_write(self, servo_id: int, register: Register, value: int) -> None:
        """Let a servo keep a value for its register until `action`.

        Raises:
            RegisterError: read only or out of range; nothing was sent.
            BusTimeoutError, ServoStatusError, BadStatusError: no, a refusing or a strange answer.
        """
        ask_write(self._link, servo_id, Instruction.REG_WRITE, register, value, None)

    def action(self, servo_id: int = BROADCAST_ID) -> None:
        """Carry out what `reg_write` left; for all servos at once none answers.

        Raises:
            BusTimeoutError, ServoStatusError, BadStatusError: no, a refusing or a strange answer.
        """
        if servo_id == BROADCAST_ID:
            self._link.send(encode_instruction(BROADCAST_ID, Instruction.ACTION))
        else:
            ask(self._link, servo_id, Instruction.ACTION, b"", 0, "action")

    def reboot(self, servo_id: int) -> bool:
        """Restart a servo: torque off, RAM to its defaults, error latches cleared.

        Returns:
            Whether it answered before it went; some restart without. See `wait_for`.

        Raises:
            ServoStatusError: it refused.
        """
        return ask_restart(self._link, servo_id, Instruction.REBOOT, b"", "reboot")

    def factory_reset(self, servo_id: int, scope: ResetScope) -> bool:
        """Set a servo to its factory values; it restarts.

        Returns:
            Whether it answered before it went.

        Raises:
            ServoStatusError: it refused.
            ProtocolError: no such scope; nothing was sent.
        """
        if scope not in tuple(ResetScope):
            raise ProtocolError(f"factory reset of scope {scope}: expected a ResetScope")
        parameters = bytes((scope,))
        return ask_restart(
            self._link, servo_id, Instruction.FACTORY_RESET, parameters, "factory reset"
        )

    def clear_multi_turn(self, servo_id: int) -> None:
        """Bring the present position back into one turn; the servo must stand still.

        Raises:
            BusTimeoutError, ServoStatusError, BadStatusError: no, a refusing or a strange answer.
        """
        ask(self._link, servo_id, Instruction.CLEAR, _CLEAR_MULTI_TURN, 0, "clear")

    def store_backup(self, servo_id: int) -> None:
        """Let a servo keep a copy of its control table; from firmware 45, torque off.

        Raises:
            BusTimeoutError, ServoStatusError, BadStatusError: no, a refusing or a strange answer.
        """
        ask(self._link, servo_id, Instruction.BACKUP, _BACKUP_STORE + _BACKUP_KEY, 0, "backup")

    def restore_backup(self, servo_id: int) -> bool:
        """Let a servo take the copy of its control table back; it restarts.

        Returns:
            Whether it answered before it went.

        Raises:
            ServoStatusError: it refused.
        """
        parameters = _BACKUP_RESTORE + _BACKUP_KEY
        return ask_restart(self._link, servo_id, Instruction.BACKUP, parameters, "restore")
