"""The loop that people usually write: `dynamixel_sdk`, far goals at a set speed, no watchdog.

`python -m services.bench.stop_sdk PORT` swings all joints of D'Claw until it is killed; it says on
stdout when it has begun.
"""

import sys
import time

import dynamixel_sdk as sdk

from hal.child import end_with_parent
from hal.dynamixel.units import VELOCITY_RAD_S
from hal.robots.registry import servo_layout

SWINGING = b"swinging\n"
BAUD_RATE = 1_000_000
SPEED_RAD_S = 0.5
SWING_TICKS = 250  # to each side of where it begins
_SWING_S, _PERIOD_S = 1.5, 0.01
_TORQUE, _PROFILE_VELOCITY, _GOAL, _PRESENT = 64, 112, 116, 132


def main(path: str) -> int:
    """Swing until killed."""
    end_with_parent()
    port, packets = sdk.PortHandler(path), sdk.PacketHandler(2.0)
    port.openPort()
    port.setBaudRate(BAUD_RATE)
    ids = [joint.servo_id for joint in servo_layout("dclaw").joints]
    reader = sdk.GroupSyncRead(port, packets, _PRESENT, 4)
    writer = sdk.GroupSyncWrite(port, packets, _GOAL, 4)
    middle: dict[int, int] = {}
    for servo_id in ids:
        reader.addParam(servo_id)
        middle[servo_id] = packets.read4ByteTxRx(port, servo_id, _PRESENT)[0]
        speed = round(SPEED_RAD_S / VELOCITY_RAD_S)
        packets.write4ByteTxRx(port, servo_id, _PROFILE_VELOCITY, speed)
        packets.write4ByteTxRx(port, servo_id, _GOAL, middle[servo_id])
        packets.write1ByteTxRx(port, servo_id, _TORQUE, 1)
    sys.stdout.buffer.write(SWINGING)
    sys.stdout.buffer.flush()
    _swing(reader, writer, middle)
    return 0


def _swing(reader: sdk.GroupSyncRead, writer: sdk.GroupSyncWrite, middle: dict[int, int]) -> None:
    """Without an end."""
    begin = deadline = time.monotonic()
    while True:
        side = SWING_TICKS if int((deadline - begin) / _SWING_S) % 2 else -SWING_TICKS
        reader.txRxPacket()
        for servo_id, ticks in middle.items():
            writer.addParam(servo_id, (ticks + side).to_bytes(4, "little"))
        writer.txPacket()
        writer.clearParam()
        deadline = max(deadline + _PERIOD_S, time.monotonic())
        time.sleep(max(0.0, deadline - time.monotonic()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
