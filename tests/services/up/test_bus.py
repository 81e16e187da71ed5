"""The run's own virtual bus: behind the configured port, deaf to Ctrl-C, gone with the run."""

import os
import signal
import time
from pathlib import Path

import pytest

from hal.dynamixel.bus import ServoBus
from hal.dynamixel.port import SerialPort
from mbctl.config import ControllerConfig
from services.up.bus import BusProcess
from services.up.process import DaemonDiedError


@pytest.fixture
def config(tmp_path):
    robot = {"backend": "virtual-bus", "port": str(tmp_path / "servo-bus")}
    tree = {"task": {"name": "t"}, "run_dir": tmp_path, "robot": robot}
    return ControllerConfig.model_validate(tree)


def test_servos_answer_behind_the_port_for_the_length_of_the_block(config):
    with BusProcess(config) as bus:
        bus.check()
        pid = bus.pid
        os.kill(pid, signal.SIGINT)  # what a terminal sends to everybody in it
        time.sleep(0.2)
        port = SerialPort(config.robot.port)
        assert ServoBus(port).ping(10, timeout_s=2.0).model_number == 1020
        port.close()
        bus.check()
    assert not Path(config.robot.port).is_symlink()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.parametrize("actuator", ["servo", "robel"])
def test_its_servos_are_as_stiff_as_configured(config, actuator):
    robot = config.robot.model_copy(update={"actuator": actuator})
    with BusProcess(config.model_copy(update={"robot": robot})) as bus:
        command = Path(f"/proc/{bus.pid}/cmdline").read_bytes().split(b"\0")
    assert (b"robel" in command) == (actuator == "robel")


def test_a_bus_that_ends_by_itself_is_noticed(config):
    with BusProcess(config) as bus:
        os.kill(bus.pid, signal.SIGKILL)
        time.sleep(0.5)
        with pytest.raises(DaemonDiedError, match=r"virtual bus \(process \d+\) has ended"):
            bus.check()


def test_a_port_that_is_a_file_is_told(config):
    Path(config.robot.port).touch()
    with pytest.raises(DaemonDiedError, match="did not start"), BusProcess(config):
        pass


def test_the_keyboard_reaches_the_run_itself_again(config):
    with BusProcess(config):
        assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())
