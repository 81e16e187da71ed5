"""Servos that spoil most answers, as a process: `python -m tests.hal.dynamixel.fuzz_servos SEED`.

Each answer tells of its servo and address, so that one taken for another is found out. The first
line on stdout is the path of the port. It ends with standard input; the last line is how many parts
of answers it has sent.
"""

import os
import pty
import random
import select
import sys
import time
import tty
from collections.abc import Iterable

from hal.dynamixel.packet import HEADER, Instruction, Packet, encode_status
from hal.dynamixel.parser import PacketParser
from hal.realtime import FIFO_PRIORITY, apply_realtime

LATEST_S = 0.008  # more than the host waits
FOREIGN = 1  # added to an ID: nobody asked for that one


def told(servo_id: int, address: int, length: int) -> bytes:
    """What servo `servo_id` holds at `address`."""
    low, high = address & 0xFF, address >> 8
    return bytes((low ^ servo_id, high, 255 - low, servo_id)).ljust(length, b"\xa5")[:length]


def spoiled(servo_id: int, honest: bytes, rng: random.Random) -> Iterable[bytes | float]:
    """What is sent instead of an honest status: bytes, and seconds of silence."""
    match rng.randrange(12):
        case 0:
            return ()
        case 1:
            return (honest[: rng.randrange(len(honest))],)
        case 2:
            at = rng.randrange(len(honest))
            flipped = honest[at] ^ 1 << rng.randrange(8)
            return (honest[:at] + bytes((flipped,)) + honest[at + 1 :],)
        case 3:
            return (rng.randbytes(rng.randrange(60)), honest)
        case 4:
            return (encode_status(servo_id + FOREIGN, 0, rng.randbytes(4)), honest)
        case 5:
            return (rng.uniform(0, LATEST_S), honest)
        case 6:
            return (encode_status(servo_id, 0, rng.randbytes(rng.choice((0, 3, 5, 9)))),)
        case 7:
            return (HEADER * rng.randrange(9), honest * 2)
        case 8:
            at = rng.randrange(1, len(honest))
            return (honest[:at], rng.uniform(0, 0.002), honest[at:])
        case _:
            return (honest,)


def answers(packet: Packet, rng: random.Random) -> Iterable[bytes | float]:
    """To reads of one servo and of many."""
    given = packet.parameters
    if packet.instruction not in (Instruction.READ, Instruction.SYNC_READ) or len(given) < 4:
        return
    address, length = int.from_bytes(given[:2], "little"), int.from_bytes(given[2:4], "little")
    is_single = packet.instruction == Instruction.READ
    for servo_id in (packet.servo_id,) if is_single else given[4:]:
        honest = encode_status(servo_id, 0, told(servo_id, address, length))
        yield from spoiled(servo_id, honest, rng)


def main(seed: int) -> int:
    """Serve until standard input ends."""
    # Both ends of a terminal share locks: who waits for the processor here holds up the host.
    apply_realtime(FIFO_PRIORITY + 10)
    rng, parser, sent = random.Random(seed), PacketParser(), 0
    master, slave = pty.openpty()
    for end in (master, slave):
        tty.setraw(end)
    sys.stdout.write(os.ttyname(slave) + "\n")
    sys.stdout.flush()
    while True:
        ready, _, _ = select.select([master, sys.stdin], [], [])
        if sys.stdin in ready:
            sys.stdout.write(f"{sent}\n")
            return 0
        for packet in parser.feed(os.read(master, 4096)):
            for part in answers(packet, rng):
                if isinstance(part, bytes):
                    os.write(master, part)
                    sent += 1
                else:
                    time.sleep(part)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
