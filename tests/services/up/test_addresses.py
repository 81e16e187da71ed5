"""Addresses of a run: chosen ones stay, the usual ports go to one run at a time."""

import socket
from pathlib import Path

import pytest

from services.up.addresses import free_address, with_addresses
from services.up.plan import Choices, Plan, make_plan


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    choices = Choices("dclaw-turn-fixed", "pal", "default", 100, 0, tmp_path, "mujoco", "lockstep")
    return make_plan(choices, [], {})


def test_two_runs_at_once_get_different_ports(plan):
    with with_addresses(plan) as first, with_addresses(plan) as second:
        ports = {first.trainer.listen, first.controller.listen}
        others = {second.trainer.listen, second.controller.listen}
        assert not ports & others
        assert first.controller.trainer == first.trainer.listen
        assert "127.0.0.1:50051" not in others


def test_a_chosen_address_stays(plan):
    chosen = plan.trainer.model_copy(update={"listen": "127.0.0.1:61234"})
    with with_addresses(plan.model_copy(update={"trainer": chosen})) as settled:
        assert settled.trainer.listen == settled.controller.trainer == "127.0.0.1:61234"


def test_a_taken_port_is_passed_over():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        wanted = f"127.0.0.1:{taken.getsockname()[1]}"
        assert free_address(wanted) != wanted
