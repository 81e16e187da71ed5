"""Typed blocking clients of the two daemons: deadlines on every call, refusals as ServiceError."""

from services.client.controller import ControllerClient
from services.client.lease import HeldLease
from services.client.plain import as_plain
from services.client.trainer import TrainerClient

__all__ = ["ControllerClient", "HeldLease", "TrainerClient", "as_plain"]
