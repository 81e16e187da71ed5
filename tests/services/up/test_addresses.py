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


def test_runs_of_users_with_other_runtime_directories_get_different_ports(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    with with_addresses(plan) as first:
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
        with with_addresses(plan) as second:
            assert first.trainer.listen != second.trainer.listen
            assert first.controller.listen != second.controller.listen


def test_a_chosen_address_stays(plan):
    chosen = plan.trainer.model_copy(update={"listen": "127.0.0.1:61234"})
    with with_addresses(plan.model_copy(update={"trainer": chosen})) as settled:
        assert settled.trainer.listen == settled.controller.trainer == "127.0.0.1:61234"


def test_any_port_becomes_one_that_both_daemons_know(plan):
    chosen = plan.trainer.model_copy(update={"listen": "127.0.0.1:0"})
    with with_addresses(plan.model_copy(update={"trainer": chosen})) as settled:
        assert settled.trainer.listen == settled.controller.trainer
        assert not settled.trainer.listen.endswith(":0")


def test_a_taken_port_is_passed_over():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        wanted = f"127.0.0.1:{taken.getsockname()[1]}"
        assert free_address(wanted) != wanted


def test_the_poses_of_a_virtual_bus_come_to_a_free_port(plan, tmp_path):
    choices = Choices("dkitty-stand-fixed", "pal", "default", 100, 0, tmp_path, "virtual-bus")
    made = make_plan(choices, [], {})
    with with_addresses(made) as first, with_addresses(made) as second:
        ports = [p.controller.robot.tracker.listen for p in (first, second)]
        assert made.controller.robot.tracker.listen not in ports
        assert all(port.startswith("127.0.0.1:") for port in ports)
    chosen = make_plan(choices, ["controller.robot.tracker.listen=127.0.0.1:61235"], {})
    with with_addresses(chosen) as settled:
        assert settled.controller.robot.tracker.listen == "127.0.0.1:61235"
    with with_addresses(plan) as other:
        assert other.controller.robot == plan.controller.robot
