"""What is asked of a bus and a tracker fits together, and so does it with robot and clock."""

import pytest
from pydantic import ValidationError

from hal.backends import BACKENDS, Backend
from hal.robots.registry import ROBOTS, robot_spec
from mbctl.config import ControllerConfig, RobotConfig, TrackerConfig

PORT = "/dev/serial/by-id/usb-FTDI_U2D2"


def make_controller(tmp_path, **robot) -> ControllerConfig:
    tree = {"task": {"name": "t"}, "run_dir": tmp_path, "robot": robot}
    return ControllerConfig.model_validate(tree)


@pytest.mark.parametrize("backend", ["dynamixel", "virtual-bus"])
def test_a_bus_needs_a_port_and_real_time(tmp_path, backend: str):
    with pytest.raises(ValidationError, match=r"needs robot\.port"):
        make_controller(tmp_path, backend=backend)
    config = make_controller(tmp_path, backend=backend, port=PORT)
    assert config.robot.is_on_bus
    assert ControllerConfig.model_validate_json(config.model_dump_json()) == config
    with pytest.raises(ValidationError, match="clock 'lockstep' needs backend 'mujoco'"):
        ControllerConfig.model_validate({**config.model_dump(), "clock": "lockstep"})


def test_a_baud_rate_is_one_that_the_backend_s_servos_know(monkeypatch: pytest.MonkeyPatch):
    servos = {"backend": "dynamixel", "port": PORT, "baud_rate": 500_000}
    with pytest.raises(ValidationError, match=r"baud_rate = 500000: .*'dynamixel'.* 9600, 57600, "):
        RobotConfig.model_validate(servos)
    maker = Backend("maker.driver:build_robot", is_on_bus=True)
    monkeypatch.setitem(BACKENDS._definitions, "maker", (maker, "maker"))
    assert RobotConfig.model_validate({**servos, "backend": "maker"}).baud_rate == 500_000
    with pytest.raises(ValidationError, match="greater than or equal to 1"):
        RobotConfig.model_validate({**servos, "backend": "maker", "baud_rate": 0})


def test_the_simulated_twin_needs_neither(tmp_path):
    robot = make_controller(tmp_path).robot
    assert (robot.backend, robot.port, robot.is_on_bus) == ("mujoco", "", False)


@pytest.mark.parametrize("model", ROBOTS.names())
def test_a_tracker_is_needed_where_bodies_are_tracked(model: str):
    robot = {"model": model, "backend": "dynamixel", "port": PORT}
    assert RobotConfig.model_validate({**robot, "tracker": TrackerConfig()}).tracker is not None
    if robot_spec(model).bodies:
        with pytest.raises(ValidationError, match=r"needs robot\.tracker"):
            RobotConfig.model_validate(robot)
    else:
        assert RobotConfig.model_validate(robot).tracker is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"watchdog_s": 0.05}, r"watchdog_s = 0\.05: servos count in steps of 0\.02 s"),
        ({"watchdog_s": 2.56}, "less than or equal"),
        ({"bus_period_s": 0.06}, r"at most half of watchdog_s = 0\.1"),
        ({"voltage_min_v": float("nan")}, "finite"),
        ({"misses": 3}, "Unexpected keyword"),
    ],
)
def test_a_bus_that_cannot_work_is_refused(change: dict[str, object], message: str):
    with pytest.raises(ValidationError, match=message):
        RobotConfig.model_validate({"bus": change})


@pytest.mark.parametrize("watchdog_s", [0.02, 0.06, 0.1, 0.14, 2.54])
def test_every_watchdog_time_that_a_servo_knows_is_taken(watchdog_s: float):
    config = RobotConfig.model_validate({"bus": {"watchdog_s": watchdog_s, "bus_period_s": 0.01}})
    assert config.bus.watchdog_s == watchdog_s


def test_datagrams_come_to_a_port():
    with pytest.raises(ValidationError, match="host:port"):
        TrackerConfig(listen="unix:/run/tracker")
    assert TrackerConfig(kind="openvr", devices={"torso": "LHR-1"}).devices == {"torso": "LHR-1"}
