"""All registers of one servo, as they are beside what the factory set."""

from collections.abc import Iterable
from dataclasses import dataclass

from hal.dynamixel.errors import BadStatusError, BusTimeoutError
from hal.dynamixel.registers import Register
from services.bring_up.readout import PING_TIMEOUT_S, read_table
from services.bring_up.session import opened_bus


@dataclass(frozen=True, slots=True)
class TableDump:
    """The control table of one servo.

    Attributes:
        servo_id, model_name, baud_rate: which, what, and where it answered.
        rows: each register with its value, by address.
    """

    servo_id: int
    model_name: str
    baud_rate: int
    rows: tuple[tuple[Register, int], ...]

    def plain(self) -> dict[str, object]:
        """For JSON."""
        return {
            "id": self.servo_id,
            "model": self.model_name,
            "baud_rate": self.baud_rate,
            "registers": {register.name: value for register, value in self.rows},
        }


def dump_table(port: str, baud_rates: Iterable[int], servo_id: int) -> TableDump:
    """Read the whole table of servo `servo_id`, at the first baud rate at which it answers.

    Raises:
        BusTimeoutError: it answers at none of them.
        HalError: the port cannot be used, the model is not known, an answer is missing.
    """
    tried = []
    for baud_rate in baud_rates:
        tried.append(str(baud_rate))
        with opened_bus(port, baud_rate) as bus:
            try:
                bus.ping(servo_id, PING_TIMEOUT_S)
            except (BadStatusError, BusTimeoutError):
                continue
            table, values = read_table(bus, servo_id)
        rows = tuple((table[name], value) for name, value in values.items())
        return TableDump(servo_id, table.model_name, baud_rate, rows)
    raise BusTimeoutError(
        f"no answer from servo {servo_id} at {', '.join(tried)} baud; find out who is there: "
        "mbctl scan",
        servo_id=servo_id,
    )
