"""The true state of a bus as JSON values, independent of what its servos answer."""

import time
from typing import Any

from sim.servo.servo import VirtualServo
from sim.servo_bus.bus import VirtualBus
from sim.servo_bus.plant import Shaft


def bus_state(bus: VirtualBus) -> dict[str, Any]:
    """Everything at one moment; times are CLOCK_MONOTONIC in ns."""
    clock = bus.clock
    return {
        "stamp_ns": time.monotonic_ns(),
        "port": bus.port.path,
        "link": bus.settings.port_link if bus.port.is_plugged else "",
        "plugged": bus.port.is_plugged,
        "joints": {shaft.joint.name: _shaft_state(shaft) for shaft in bus.plant.shafts},
        "bodies": dict(zip(bus.plant.spec.bodies, bus.plant.body_pose().tolist(), strict=True)),
        "held": bus.plant.is_held,
        "moving": bus.plant.is_moving,
        "last_motion_ns": clock.monotonic_ns(bus.last_motion_ns),
        "asleep": bus.is_asleep,
        "voltage_v": bus.rack.supply.voltage_v,
        "faults": bus.faults.describe(),
        "counters": {
            "instructions": bus.instructions,
            "crc_errors": bus.parser.crc_errors,
            "skipped_bytes": bus.parser.skipped_bytes,
            "lost_bytes": bus.port.lost_bytes,
            "stalled_ns": clock.stalled_ns,
            "longest_stall_ns": clock.longest_stall_ns,
        },
    }


def servo_table(servo: VirtualServo, now_ns: int) -> dict[str, int]:
    """All registers of a servo by name, as a read at this time would give them."""
    return {one.name: servo.register(one.name, now_ns) for one in servo.memory.registers}


def banner(bus: VirtualBus, control: str, pid: int) -> dict[str, Any]:
    """First line of output: port, control socket and servos."""
    return {
        "port": bus.port.path,
        "link": bus.settings.port_link,
        "control": control,
        "servos": [
            {
                "id": shaft.joint.servo_id,
                "model": bus.settings.model_of(shaft.joint.servo_id),
                "firmware": bus.settings.firmware,
                "joint": shaft.joint.name,
            }
            for shaft in bus.plant.shafts
        ],
        "pid": pid,
    }


def _shaft_state(shaft: Shaft) -> dict[str, Any]:
    return {
        "id": shaft.joint.servo_id,
        "position_rad": shaft.position_rad,
        "velocity_rad_s": shaft.velocity_rad_s,
        "torque_nm": shaft.torque_nm,
        "torque_on": shaft.drive.is_torque_on,
    }
