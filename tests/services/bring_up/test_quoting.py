"""What an operator is told to type does what it says, also where a name has a space in it."""

import shlex
from pathlib import Path

from hal.dynamixel.calibration import default_calibration
from hal.dynamixel.errors import PortError
from services.bring_up.serial_ports import SerialPorts, choose_port
from services.bring_up.session import port_failure
from services.bring_up.target import Target

PORT = "/dev/my adapters/left $1"
FILE = Path("my claw's.json")


def test_a_command_about_a_robot_can_be_typed():
    target = Target(default_calibration("dclaw"), FILE, PORT)
    words = shlex.split(target.command("calibrate", "--out", "a b.json"))
    assert words[words.index("--port") + 1] == PORT
    assert words[words.index("--calibration") + 1] == str(FILE)
    assert words[-1] == "a b.json"


def test_so_can_what_is_said_of_ports():
    _, finding = choose_port("", SerialPorts((PORT, "/dev/ttyUSB1")))
    assert shlex.split(finding.remedy)[-1] == PORT
    busy = port_failure(PortError("taken", reason="PORT_BUSY"), PORT)
    assert shlex.split(busy.remedy.replace("Ctrl-C", ""))[-1] == PORT
