"""A pseudo-terminal with servos at its other end that say exactly what a test tells them to."""

import contextlib
import os
import pty
import select
import threading
import time
import tty
from collections.abc import Callable, Iterable

from hal.dynamixel.packet import Instruction, Packet, encode_status
from hal.dynamixel.parser import PacketParser

Answer = Callable[[Packet], Iterable[bytes | float]]


class ScriptedLine:
    """For each instruction that arrives, what `answer` yields: bytes to send, seconds to wait."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.heard: list[Packet] = []
        self.parser = PacketParser()
        self.master, self.slave = pty.openpty()
        tty.setraw(self.master)
        tty.setraw(self.slave)
        os.set_blocking(self.master, False)
        self.path = os.ttyname(self.slave)
        self._wake, self._waker = os.pipe()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def send(self, data: bytes) -> None:
        """Put bytes on the line that nobody asked for."""
        os.write(self.master, data)

    def unplug(self) -> None:
        """Take the line away, as when the adaptor is pulled out."""
        self._stop()
        os.close(self.master)
        self.master = -1

    def close(self) -> None:
        self._stop()
        for handle in (self.master, self.slave, self._wake, self._waker):
            with contextlib.suppress(OSError):
                os.close(handle)

    def _stop(self) -> None:
        if self._thread.is_alive():
            os.write(self._waker, b"x")
            self._thread.join()

    def _serve(self) -> None:
        while True:
            ready, _, _ = select.select([self.master, self._wake], [], [])
            if self._wake in ready:
                return
            for packet in self.parser.feed(os.read(self.master, 4096)):
                self.heard.append(packet)
                for part in self.answer(packet):
                    if isinstance(part, bytes):
                        self._put(part)
                    else:
                        time.sleep(part)

    def _put(self, data: bytes) -> None:
        """Bytes for which there is no room are lost, as on a wire."""
        try:
            os.write(self.master, data)
        except BlockingIOError:
            time.sleep(0.001)


def obedient(table: dict[int, bytes]) -> Answer:
    """Servos of the given IDs and memory that do what they are asked; all other IDs are mute."""

    def answer(packet: Packet) -> Iterable[bytes]:
        given = packet.parameters
        address, length = int.from_bytes(given[:2], "little"), int.from_bytes(given[2:4], "little")
        match packet.instruction:
            case Instruction.PING:
                asked = sorted(table) if packet.servo_id == 0xFE else [packet.servo_id]
                return [encode_status(i, 0, b"\xfc\x03\x2d") for i in asked if i in table]
            case Instruction.READ if packet.servo_id in table:
                data = table[packet.servo_id][address : address + length]
                return [encode_status(packet.servo_id, 0, data)]
            case Instruction.SYNC_READ:
                return [
                    encode_status(i, 0, table[i][address : address + length])
                    for i in given[4:]
                    if i in table
                ]
            case Instruction.SYNC_WRITE | Instruction.BULK_WRITE | Instruction.BULK_READ:
                return []
            case _:
                return [encode_status(packet.servo_id, 0)] if packet.servo_id in table else []

    return answer
