"""Loopback addresses for a run's daemons: the usual ports where they are free, else any."""

import socket

from mbctl.config import ControllerConfig, TrainerConfig
from services.up.plan import Plan

HOST = "127.0.0.1"


def with_addresses(plan: Plan) -> Plan:
    """The plan with both addresses settled; one that the user chose stays."""
    trainer = plan.trainer.listen
    if trainer == TrainerConfig.model_fields["listen"].default:
        trainer = free_address(trainer)
    controller = plan.controller.listen
    if controller == ControllerConfig.model_fields["listen"].default:
        controller = free_address(controller)
    return plan.model_copy(
        update={
            "controller": plan.controller.model_copy(
                update={"listen": controller, "trainer": trainer}
            ),
            "trainer": plan.trainer.model_copy(update={"listen": trainer}),
        }
    )


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
