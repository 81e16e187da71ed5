"""What the wire itself allows: Protocol 2.0 packet sizes over the baud rate."""

BITS_PER_BYTE = 10  # 8N1
_READ_REQUEST = 14
_STATUS = 11
_FAST_STATUS = 8
_FAST_SERVO = 4
_WRITE_REQUEST = 14


def read_bytes(servos: int, length: int, *, fast: bool = False) -> int:
    """Bytes both ways of one sync read of `length` bytes from each of `servos`."""
    request = _READ_REQUEST + servos
    if fast:
        return request + _FAST_STATUS + servos * (_FAST_SERVO + length)
    return request + servos * (_STATUS + length)


def write_bytes(servos: int, length: int) -> int:
    """Bytes of one sync write of `length` bytes to each of `servos`."""
    return _WRITE_REQUEST + servos * (1 + length)


def rate_limit_hz(
    servos: int, read: int, write: int, baud_rate: int, hold_s: float, *, fast: bool = False
) -> float:
    """Cycles of one sync read and one sync write per second that the wire allows.

    Args:
        read, write: bytes per servo.
        hold_s: how long the adapter holds received bytes back, once a read.
        fast: by fast sync read.
    """
    total = read_bytes(servos, read, fast=fast) + write_bytes(servos, write)
    return 1.0 / (total * BITS_PER_BYTE / baud_rate + hold_s)
