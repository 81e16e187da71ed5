"""LeRobot's DynamixelMotorsBus on a port: a program of its own, since it needs stand-ins.

    python tests/sim/servo_bus/lerobot_client.py PORT

The module imports packages for training that have nothing to do with a bus; where they are missing,
empty modules take their place. Prints as JSON what the bus said.
"""

import importlib.util
import json
import sys
import time
import types

JOINTS = {"top": 10, "middle": 11, "bottom": 12}
GOALS = {"top": 1200, "middle": 2200, "bottom": 2300}


STAND_INS = {
    "accelerate": {"Accelerator": object},
    "datasets": {},
    "datasets.utils": {},
    "datasets.utils.logging": {"disable_progress_bar": None, "enable_progress_bar": None},
}


def install_stand_ins() -> None:
    missing = {name for name in ("accelerate", "datasets") if not importlib.util.find_spec(name)}
    for name, content in STAND_INS.items():
        if name.partition(".")[0] in missing:
            sys.modules[name] = types.ModuleType(name)
            sys.modules[name].__dict__.update(content)


def main(port: str) -> None:
    install_stand_ins()
    from lerobot.motors import Motor, MotorNormMode  # pyright: ignore[reportMissingImports]
    from lerobot.motors.dynamixel import DynamixelMotorsBus  # pyright: ignore[reportMissingImports]

    motors = {
        name: Motor(servo_id, "xm430-w350", MotorNormMode.RANGE_M100_100)
        for name, servo_id in JOINTS.items()
    }
    bus = DynamixelMotorsBus(port, motors)
    bus.connect()  # which pings each and checks its model
    result: dict[str, object] = {"found": bus.broadcast_ping(num_retry=5)}
    bus.configure_motors()
    result["delays"] = [
        bus.read("Return_Delay_Time", name, normalize=False, num_retry=5) for name in JOINTS
    ]
    present = bus.sync_read("Present_Position", normalize=False, num_retry=5)
    bus.sync_write("Goal_Position", present, normalize=False, num_retry=5)
    bus.enable_torque(num_retry=5)
    bus.sync_write("Goal_Position", GOALS, normalize=False, num_retry=5)
    time.sleep(1.5)
    result["after"] = bus.sync_read("Present_Position", normalize=False, num_retry=5)
    bus.disable_torque(num_retry=5)
    result["calibration"] = {
        name: [one.homing_offset, one.range_min, one.range_max]
        for name, one in bus.read_calibration().items()
    }
    bus.disconnect()
    sys.stdout.write(json.dumps(result))


if __name__ == "__main__":
    main(sys.argv[1])
