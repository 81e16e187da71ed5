"""The port and its adaptor: rows 15 to 18."""

import time

import pytest

from hal.errors import HalError
from hal.lifecycle import Lifecycle
from hal.robots.dclaw import DCLAW
from tests.faults.fault_rig import a_joint, reads, refusal
from tests.hal.dynamixel.servo_rig import (
    IDS,
    command,
    fault_of,
    make_robot,
    running,
    tend,
    torques,
    wait_until,
)

pytestmark = pytest.mark.xdist_group("timing")


def lost(call, *arguments) -> None:
    with pytest.raises(HalError) as caught:
        call(*arguments)
    assert caught.value.reason == "BUS_LOST"


def test_row_15_failed_connection_leaves_the_port_free(bus, vary):
    robot = make_robot(bus.port)
    servo_id = a_joint(vary)
    obstacle = vary.choice(["mute", "duplicate_id", "homing_offset"])
    if obstacle == "homing_offset":
        bus.set_register(servo_id, obstacle, vary.randrange(1, 1000))
    else:
        bus.inject(obstacle, servo_id=servo_id)
    expected = {
        "mute": "MISSING_SERVO",
        "duplicate_id": "DUPLICATE_ID",
        "homing_offset": "HOMING_OFFSET_SET",
    }
    for _ in range(vary.randrange(1, 3)):
        assert refusal(robot).reason == expected[obstacle]
    bus.clear()
    bus.set_register(servo_id, "homing_offset", 0)
    with robot:
        robot.configure()
        assert robot.read().valid.all()


def test_row_16_17_unplugged_in_motion_and_back_without_torque(bus, robot, vary):
    for _ in range(vary.randrange(1, 4)):
        robot.write(command(robot, vary.uniform(-0.2, 0.2)))
        tend(robot, 1)
    bus.unplug()
    first, second = vary.sample([robot.tend, robot.read], 2)
    lost(first)
    lost(robot.write, command(robot, 0.2))
    assert set(DCLAW.joint_names) <= set(robot.deactivate())
    lost(second)
    assert robot.health().warnings[0].startswith("BUS_LOST")
    assert any(torques(bus).values()), "nobody could reach them"
    time.sleep(vary.uniform(0.0, 0.8))
    bus.replug()
    wait_until(lambda: reads(robot), timeout_s=15)
    assert not any(torques(bus).values()), "torque-off was still owed"
    assert robot.lifecycle is Lifecycle.INACTIVE
    assert robot.health().counters["reconnections"] == 1
    robot.activate()
    tend(robot, 3)


def test_row_16_servos_stop_by_their_own_watchdog(bus, vary):
    watchdog_s = 0.02 * vary.randrange(10, 30)
    with running(bus.port, watchdog_s=watchdog_s, bus_period_s=0.1) as robot:
        robot.write(command(robot, 0.2))
        tend(robot, 1)
        bus.unplug()
        bus.wait_for(lambda _: {bus.table(i)["bus_watchdog"] for i in IDS[:9]} == {0xFF}, 5.0)
        lost(robot.tend)
        bus.wait_for(lambda state: not state["moving"], 5.0)


def test_row_17_what_changed_while_unplugged_is_found_before_it_is_used(bus, robot, vary):
    servo_id = a_joint(vary)
    bus.unplug()
    lost(robot.tend)
    robot.deactivate()
    register, value, reason = vary.choice(
        [
            ("homing_offset", vary.randrange(1, 1000), "HOMING_OFFSET_SET"),
            ("max_position_limit", vary.randrange(2050, 2100), "SERVO_LIMITS_TOO_TIGHT"),
            ("operating_mode", 4, "OPERATING_MODE"),
        ]
    )
    usual = bus.table(servo_id)[register]
    bus.set_register(servo_id, register, value)
    bus.inject("brownout", servo_id=a_joint(vary), silence_s=0.0)  # forgets what was set up
    bus.replug()
    wait_until(lambda: not reads(robot) and reason in robot.health().warnings[0], timeout_s=15)
    assert robot.lifecycle is Lifecycle.INACTIVE
    bus.set_register(servo_id, register, usual)
    wait_until(lambda: reads(robot), timeout_s=15)
    assert not any(torques(bus).values())
    robot.activate()
    tend(robot, 3)


def test_row_18_adaptor_that_takes_no_bytes_blocks_nobody(bus, robot, vary):
    tend(robot, vary.randrange(1, 6))
    bus.inject("stop_draining")
    started = time.monotonic()
    error = fault_of(robot, cycles=2000)
    assert error.reason == "BUS_LOST"
    assert time.monotonic() - started < 10.0
    started = time.monotonic()
    assert robot.deactivate()
    assert time.monotonic() - started < 2.0
    bus.clear()
    wait_until(lambda: reads(robot), timeout_s=15)
    assert not any(torques(bus).values())
