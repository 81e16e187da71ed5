"""Shorthand for what a host does with one servo."""

from typing import Any

from hal.dynamixel.control_table import control_table_of
from hal.dynamixel.packet import Instruction
from sim.servo.servo import Reply, VirtualServo

MS = 1_000_000


class Host:
    """Talks to one servo by register names; `now_ns` is the time of the next packet."""

    def __init__(self, servo: VirtualServo) -> None:
        self.servo = servo
        self.now_ns = 0

    def ask(self, instruction: int, parameters: bytes = b"", **how: bool) -> Reply | None:
        return self.servo.handle(instruction, parameters, self.now_ns, **how)

    def write_bytes(self, address: int, data: bytes, **how: bool) -> Reply | None:
        return self.ask(Instruction.WRITE, address.to_bytes(2, "little") + data, **how)

    def write(self, name: str, value: int) -> int:
        """Error byte of a write."""
        register = self.servo.table[name]
        reply = self.write_bytes(register.address, register.encode(value))
        assert reply is not None
        return reply.error

    def read_bytes(self, address: int, length: int) -> Reply | None:
        parameters = address.to_bytes(2, "little") + length.to_bytes(2, "little")
        return self.ask(Instruction.READ, parameters)

    def read(self, name: str) -> int:
        register = self.servo.table[name]
        reply = self.read_bytes(register.address, register.size)
        assert reply is not None
        return register.decode(reply.parameters)

    def at(self, milliseconds: float) -> "Host":
        self.now_ns = round(milliseconds * MS)
        return self

    def sense(self, position_rad: float, velocity_rad_s: float = 0.0) -> None:
        self.servo.sense(position_rad, velocity_rad_s, 0.0, 25.0, 12.0, self.now_ns)


def make_host(model: int = 1020, servo_id: int = 1, **options: Any) -> Host:
    """A host of a new servo, powered at time zero."""
    return Host(VirtualServo(servo_id, control_table_of(model), **options))
