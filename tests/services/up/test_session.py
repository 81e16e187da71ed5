"""Waiting for a daemon: what is told when nothing changes, and what is no stall."""

import time
from types import SimpleNamespace
from typing import Any

import pytest

from protos import common_pb2
from protos.common_pb2 import Fault
from protos.controller_pb2 import GetStatusResponse, PolicyStatus, SpoolStatus
from protos.trainer_pb2 import TrainerStatus
from services.errors import ServiceError
from services.up import session as module
from services.up.session import Session

E_STOPPED, INACTIVE = common_pb2.LIFECYCLE_E_STOPPED, common_pb2.LIFECYCLE_INACTIVE


def _session(controller: Any = None, trainer: Any = None) -> Session:
    observer = SimpleNamespace(doing="learning", offer=lambda *_: None)
    signals: Any = SimpleNamespace(check=lambda: None, check_now=lambda: None, requested=False)
    daemons = SimpleNamespace(status=controller), SimpleNamespace(status=trainer)
    nobody: Any = None
    return Session(*daemons, nobody, [], signals, observer)  # pyright: ignore[reportArgumentType]


@pytest.fixture(autouse=True)
def _short_stalls(monkeypatch):
    monkeypatch.setattr(module, "STALL_S", 0.3)


def test_a_stall_at_the_robot_is_told_in_words():
    status = GetStatusResponse(
        lifecycle=INACTIVE,
        policy=PolicyStatus(version=3, newest_version=4),
        spool=SpoolStatus(rows_written=80, rows_acknowledged=40, error="SPOOL_FULL: no room"),
        fault=Fault(reason="BUS_LOST", message="no answer"),
    )
    with pytest.raises(ServiceError) as caught:
        _session(controller=lambda: status).until_controller(lambda _: False, "waiting for rows")
    assert caught.value.reason == "STALLED"
    assert caught.value.message == (
        "waiting for rows: nothing has changed for 0.3 s; the robot is INACTIVE and has policy "
        "version 3 of 4, the trainer 40 of 80 rows; SPOOL_FULL: no room; BUS_LOST: no answer"
    )


def test_a_stall_at_the_trainer_is_told_in_words():
    status = TrainerStatus(phase="REFIT", fraction=0.5, rows_stored=80, refits=1, newest_version=2)
    with pytest.raises(ServiceError) as caught:
        _session(trainer=lambda: status).until_trainer(lambda _: False, "waiting for the refit")
    assert caught.value.message == (
        "waiting for the refit: nothing has changed for 0.3 s; the trainer is REFIT at 50.00%, "
        "with 80 rows, 1 refits and version 2"
    )


def test_an_emergency_stop_is_no_stall():
    released_at = time.monotonic() + 1.0

    def status() -> GetStatusResponse:
        released = time.monotonic() > released_at
        lifecycle = INACTIVE if released else E_STOPPED
        return GetStatusResponse(lifecycle=lifecycle, policy=PolicyStatus(version=int(released)))

    session = _session(controller=status)
    found = session.until_controller(lambda s: s.policy.version > 0, "waiting for the policy")
    assert found.lifecycle == INACTIVE
    assert session.observer.doing == "learning"
