"""A controller's configuration, and what is typed over it."""

from pathlib import Path

import pytest

from hal.dynamixel.calibration import default_calibration, save_calibration
from mbctl.config import ConfigError
from services.bring_up.choose import choose_target

CONFIG = """
run_dir = "there"
[task]
name = "dclaw-turn-random"
[robot]
backend = "dynamixel"
port = "/dev/ttyUSB3"
baud_rate = 57600
[robot.bus]
bus_period_s = 0.04
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "controller.toml"
    path.write_text(CONFIG)
    return path


def test_the_configuration_says_what_is_not_typed(config: Path):
    target = choose_target(config)
    assert (target.robot, target.port, target.baud_rate) == ("dclaw", "/dev/ttyUSB3", 57_600)
    assert (target.run_dir, target.bus_period_s) == (Path("there"), 0.04)
    typed = choose_target(config, port="/dev/ttyUSB4", baud_rate=1_000_000)
    assert (typed.port, typed.baud_rate) == ("/dev/ttyUSB4", 1_000_000)


def test_without_a_configuration_it_is_a_claw_at_the_usual_rate(tmp_path: Path):
    target = choose_target()
    assert (target.robot, target.port, target.baud_rate) == ("dclaw", "", 1_000_000)
    path = tmp_path / "kitty.json"
    save_calibration(default_calibration("dkitty"), path)
    assert choose_target(robot="dkitty", calibration=path).calibration_path == path


def test_a_wrong_configuration_is_named(config: Path):
    config.write_text(CONFIG + "watchdog = 1\n")
    with pytest.raises(ConfigError, match="watchdog"):
        choose_target(config)
