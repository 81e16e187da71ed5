"""Names other programs on the robot's port in a fault that they may have caused.

It is looked for after the robot has been stopped, by the service process, in a thread: nothing on
the way to torque-off reads a list of processes.
"""

import asyncio
import os
from dataclasses import replace
from pathlib import Path

import structlog

from hal.dynamixel.port_users import PortUser, names_of_users, port_users
from hal.faults import Fault
from mbctl.config import RobotConfig
from services.controller.view import ControlView

log = structlog.get_logger()


class PortSharing:
    """Looks who else has the port open, when a fault has been latched.

    Args:
        robot: one without a port has nothing to share.
        view: whose fault is told more of.
    """

    def __init__(self, robot: RobotConfig, view: ControlView) -> None:
        self._port = robot.port if robot.is_on_bus else ""
        self._view = view
        self._looks: set[asyncio.Task[None]] = set()

    def explain(self, fault: Fault) -> None:
        """Begin to look; what is found is added to the fault's message while it is latched."""
        if self._port:
            look = asyncio.ensure_future(self._explain(fault))
            self._looks.add(look)
            look.add_done_callback(self._looks.discard)

    async def _explain(self, fault: Fault) -> None:
        users = await asyncio.to_thread(_strangers, self._port)
        latched = self._view.control_fault
        if not users or latched is None or latched.stamp_ns != fault.stamp_ns:
            return
        shared = f"{names_of_users(users)} has {self._port} open too and takes answers from it"
        log.error("port_shared", message=shared)
        self._view.control_fault = replace(latched, message=f"{latched.message}; {shared}")


def _strangers(port: str) -> list[PortUser]:
    """Users of the port beside this process and those that it has started."""
    own = os.getpid()
    return [user for user in port_users(port) if _parent_of(user.pid) != own]


def _parent_of(pid: int) -> int:
    """0 where the process has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return 0
    return int(fields[1])
