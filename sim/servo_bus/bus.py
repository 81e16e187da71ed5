"""The bus as a whole: bytes of the host in, bytes of the servos out, physics in between.

Nothing here waits. `next_ns` says when something is due, and the loop calls back then. All times
are those of the bus's clock, so instructions, answers and physics steps keep their order even when
the process is late.
"""

import json
from collections import deque
from math import inf
from pathlib import Path

from hal.dynamixel.packet import encode_status
from hal.dynamixel.parser import PacketParser
from sim.servo_bus.answer import Answer
from sim.servo_bus.clock import BusClock
from sim.servo_bus.drive import DriveRack, build_servo
from sim.servo_bus.faults import FaultInjector
from sim.servo_bus.motion_trace import MotionTrace
from sim.servo_bus.network import Heard, ServoNetwork
from sim.servo_bus.plant import Plant
from sim.servo_bus.pty_port import PtyPort
from sim.servo_bus.records import Recorder, RecordKind
from sim.servo_bus.settings import VirtualBusSettings
from sim.servo_bus.wire import Burst, Line, UsbAdapter, transmission_ns

# Header, ID, length and checksum: what a packet has besides its body.
_FRAME_BYTES = 9
_FLOOD_SLICE_NS = 1_000_000
# With all torques off and nothing moving for so long, the physics rest.
_FALL_ASLEEP_NS = 1_000_000_000
_ASLEEP_PERIOD_NS = 100_000_000


class VirtualBus:
    """Servos, line, adapter and robot.

    Args:
        settings: what to build.

    Raises:
        VirtualBusSettingsError: the port's link cannot be made.
        AssetError: the robot's model is missing.
        OSError: the recording cannot be written.
    """

    def __init__(self, settings: VirtualBusSettings) -> None:
        self.settings = settings
        self.clock = BusClock()
        self.faults = FaultInjector(settings.seed)
        self.rack = DriveRack(
            lambda servo_id: build_servo(settings, servo_id), self.faults, settings.actuator
        )
        robot = settings.description
        self.plant = Plant(robot, robot.initial_poses[settings.initial_pose], self.rack)
        self.trace = MotionTrace(self.plant.shafts[: len(self.plant.spec.joints)])
        turnaround_ns = int(settings.turnaround_us * 1e3)
        self.network = ServoNetwork(
            [drive.servo for drive in self.rack.drives],
            self.faults,
            settings.chain,
            turnaround_ns if settings.paced else None,
        )
        self.recorder = Recorder(Path(settings.record) if settings.record else None)
        self.port = PtyPort(settings.port_link)
        self.parser = PacketParser()
        self._line = Line(settings.paced)
        self._adapter = UsbAdapter(int(settings.latency_ms * 1e6) if settings.paced else 0)
        self._heard: deque[Heard] = deque()
        self._arrived_ns: dict[int, int] = {}
        self._baud = settings.baud
        self._plant_ns = self._flood_ns = self.last_motion_ns = 0
        self._aged_ns = 0
        self.instructions = 0
        self.start()

    def start(self) -> None:
        """Let the physics begin now, however long it took to get here."""
        now_ns = self.clock.now_ns()
        self._plant_ns = self._flood_ns = self.last_motion_ns = now_ns
        self.plant.sense(now_ns)

    @property
    def is_asleep(self) -> bool:
        """Whether the physics rest since nothing can move."""
        if self._plant_ns - self.last_motion_ns < _FALL_ASLEEP_NS or self.plant.is_disturbed:
            return False
        return not any(drive.is_torque_on for drive in self.rack.drives)

    def next_ns(self) -> float:
        """When `advance` is to be called next."""
        asleep = self.is_asleep
        physics_ns = self._plant_ns + (_ASLEEP_PERIOD_NS if asleep else self.plant.step_ns)
        due_ns = self._adapter.due_ns
        heard_ns = self._heard[0].at_ns if self._heard else inf
        flood_ns = self._flood_ns if self.faults.in_force("flood") else inf
        return min(
            physics_ns,
            inf if due_ns is None else due_ns,
            heard_ns,
            flood_ns,
            self.faults.next_end_ns,
        )

    def receive(self, now_ns: int) -> None:
        """Take what the host has sent."""
        data = self.port.read()
        if not data:
            return
        baud = self.port.baud() or self._baud
        if baud != self._baud:
            self._baud = baud
            self.parser.clear()
        self.recorder.write(RecordKind.TO_BUS, data, baud)
        start_ns, end_ns = self._line.occupy(len(data), baud, now_ns)
        if self.faults.in_force("echo"):
            self._adapter.receive(Burst(end_ns, start_ns, data))
        packets = self.parser.feed(data)
        after = [_FRAME_BYTES + len(packet.raw_body) for packet in packets]
        for index, packet in enumerate(packets):
            at_ns = end_ns - transmission_ns(sum(after[index + 1 :]), baud)
            self._heard.append(Heard(packet, max(at_ns, start_ns), baud))

    def advance(self, now_ns: int) -> None:
        """Do all that is due at `now_ns`."""
        stalled_ns = self.clock.stalled_ns
        if stalled_ns > self._aged_ns:
            self.network.age(stalled_ns - self._aged_ns)
            self._aged_ns = stalled_ns
        if self.faults.next_end_ns <= now_ns:
            self.faults.expire(now_ns)
            self.apply_line_faults()
        while self._heard and self._heard[0].at_ns <= now_ns:
            self._execute(self._heard.popleft())
        self._step_physics(now_ns)
        self._flood(now_ns)
        data = self._adapter.release(now_ns)
        if data:
            self.recorder.write(RecordKind.TO_HOST, data, self._baud)
            self.port.write(data)

    def apply_line_faults(self) -> None:
        """Bring the adapter into the state that the faults in force ask for."""
        drains = not self.faults.in_force("stop_draining")
        if drains != self.port.drains:
            self.port.set_draining(drains)
        self.network.set_twins(
            [fault.servo_id for fault in self.faults.in_force("duplicate_id")],
            lambda servo_id: build_servo(self.settings, servo_id),
        )

    def unplug(self) -> None:
        """Pull the adapter out; what was on its way is lost."""
        self.port.unplug()
        self.parser.clear()
        self._heard.clear()
        self._adapter.discard()

    def wake(self) -> None:
        """Let the physics run: something has been moved from outside."""
        self.last_motion_ns = self._plant_ns

    def note(self, what: dict[str, object]) -> None:
        """Put a remark into the recording."""
        self.recorder.write(RecordKind.NOTE, json.dumps(what).encode())

    def close(self) -> None:
        """Release port and recording. Repeatable."""
        self.port.unplug()
        self.recorder.close()

    def _execute(self, heard: Heard) -> None:
        self.instructions += 1
        self._step_physics(heard.at_ns)
        end_ns = heard.at_ns
        for answer in self.network.execute(heard):
            for changed in self.faults.distort(answer):
                end_ns = self._send(changed, end_ns, heard.baud)

    def _send(self, answer: Answer, after_ns: int, baud: int) -> int:
        """Put an answer on the line; when its last byte has passed."""
        start_ns, end_ns = self._line.occupy(len(answer.data), baud, after_ns + answer.gap_ns)
        if not answer.is_lost and answer.data:
            # A servo answers in the order of asking: none of its answers overtakes another.
            before_ns = self._arrived_ns.get(answer.servo_id, start_ns)
            late_ns = max(answer.late_ns, before_ns - start_ns)
            self._arrived_ns[answer.servo_id] = end_ns + late_ns
            self._adapter.receive(Burst(end_ns + late_ns, start_ns + late_ns, answer.data))
        return end_ns

    def _step_physics(self, now_ns: int) -> None:
        if now_ns < self._plant_ns + self.plant.step_ns:
            return
        if self.is_asleep:
            self._plant_ns = now_ns
            self.plant.sense(now_ns)
            return
        while self._plant_ns + self.plant.step_ns <= now_ns:
            self._plant_ns += self.plant.step_ns
            self.plant.step(self._plant_ns)
            self.rack.load_supply()
            self.trace.take(self._plant_ns, self.clock.stalled_ns)
            if self.plant.is_moving:
                self.last_motion_ns = self._plant_ns

    def _flood(self, now_ns: int) -> None:
        floods = self.faults.in_force("flood")
        if not floods:
            self._flood_ns = now_ns
            return
        count = max(1, self._baud * _FLOOD_SLICE_NS // 10**10)
        while self._flood_ns <= now_ns:
            noise = self._noise(floods[0].words["pattern"], count)
            end_ns = self._flood_ns + _FLOOD_SLICE_NS
            self._adapter.receive(Burst(end_ns, self._flood_ns, noise))
            self._flood_ns = end_ns

    def _noise(self, pattern: str, count: int) -> bytes:
        if pattern == "random":
            return self.faults.random.randbytes(count)
        if pattern == "packets":
            packet = encode_status(200, 0, b"\1\2\3\4")
            return packet * max(1, count // len(packet))
        return (b"\0" if pattern == "zeros" else b"\xff") * count
