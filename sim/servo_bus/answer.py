"""An answer on the line, from the servo that sends it to the host that may receive it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Answer:
    """One status packet, or one servo's part of a fast one.

    Attributes:
        servo_id: of the sender.
        data: bytes on the line.
        gap_ns: quiet time before its first byte, after the instruction or the answer before.
        late_ns: so much later do the bytes reach the host, while the line goes on.
        is_lost: the line is occupied, but the host gets nothing.
    """

    servo_id: int
    data: bytes
    gap_ns: int = 0
    late_ns: int = 0
    is_lost: bool = False
