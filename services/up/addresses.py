"""Loopback addresses for a run's daemons: the usual ports for one run at a time, any for others."""

import contextlib
import socket
from collections.abc import Iterator

from mbctl.config import ControllerConfig, RobotConfig, TrackerConfig, TrainerConfig
from services.up.plan import Plan

HOST = "127.0.0.1"
ANY = f"{HOST}:0"
_CONTROLLER = ControllerConfig.model_fields["listen"].default
_TRACKER = TrackerConfig.model_fields["listen"].default
_TRAINER = TrainerConfig.model_fields["listen"].default


@contextlib.contextmanager
def with_addresses(plan: Plan) -> Iterator[Plan]:
    """The plan with both addresses settled, for the length of the block.

    An address that the user chose stays. The usual ones, which the client verbs call when told
    nothing else, belong to one run of the machine: two runs started at the same moment do not
    both find them free.
    """
    with contextlib.ExitStack() as stack:
        usual = _hold_usual_ports(stack)
        trainer = _settle(plan.trainer.listen, _TRAINER, usual)
        controller = _settle(plan.controller.listen, _CONTROLLER, usual)
        robot = _with_tracker_address(plan.controller.robot)
        yield plan.model_copy(
            update={
                "controller": plan.controller.model_copy(
                    update={"listen": controller, "trainer": trainer, "robot": robot}
                ),
                "trainer": plan.trainer.model_copy(update={"listen": trainer}),
            }
        )


def _with_tracker_address(robot: RobotConfig) -> RobotConfig:
    """A virtual bus sends its poses to whatever port is free, unless the user chose one."""
    tracker = robot.tracker
    if robot.backend != "virtual-bus" or tracker is None or tracker.listen != _TRACKER:
        return robot
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((HOST, 0))
        listen = f"{HOST}:{probe.getsockname()[1]}"
    return robot.model_copy(update={"tracker": tracker.model_copy(update={"listen": listen})})


def _hold_usual_ports(stack: contextlib.ExitStack) -> bool:
    """Hold a name in the abstract namespace (unix(7)): its users are those of the same ports,
    whatever their user id and directories, and it is free when its holder dies.
    """
    claim = stack.enter_context(socket.socket(socket.AF_UNIX))
    try:
        claim.bind("\0mbctl-usual-ports")
    except OSError:
        return False
    return True


def _settle(listen: str, default: str, usual: bool) -> str:
    if listen not in (default, ANY):
        return listen
    return free_address(default if usual and listen == default else ANY)


def free_address(wanted: str) -> str:
    """`wanted` if its port is free, otherwise a loopback address whose port is."""
    for port in (int(wanted.rpartition(":")[2]), 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return f"{HOST}:{probe.getsockname()[1]}"
    raise OSError("no free port on loopback")
