"""Whatever is asked, in whatever order: only a robot that was activated is ever written to."""

import time
from itertools import pairwise

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hal.lifecycle import LEGAL_TRANSITIONS, Lifecycle
from services.ipc.words import Word

FOREVER = 1 << 62
ACTIONS = (
    "activate", "deactivate", "clear_fault", "release_estop", "cancel_episodes", "run_episodes",
    "estop", "lease_lost", "lease", "write_fails", "write_works", "cycles",
)  # fmt: skip


def perform(rig, action: str) -> None:
    if action == "estop":
        rig.words.set(Word.ESTOP_REQUESTED, rig.words.get(Word.ESTOP_REQUESTED) + 1)
    elif action == "lease_lost":
        rig.words.set(Word.LEASE_DEADLINE_NS, time.monotonic_ns() - 1)
    elif action == "lease":
        rig.words.set(Word.LEASE_DEADLINE_NS, FOREVER)
    elif action.startswith("write_"):
        rig.robot.fail_write = action == "write_fails"
    elif action == "cycles":
        rig.cycle(7)
    elif action == "run_episodes":
        rig.send(
            action, operation="op", count=1, purpose="train", explore=True, first_index=rig.sent
        )
    else:
        rig.send(action)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.sampled_from(ACTIONS), min_size=3, max_size=25))
def test_lifecycle_under_any_sequence(make_rig, actions: list[str]):
    rig = make_rig()
    rig.call("activate")
    lifecycle = Lifecycle(rig.lifecycle)
    changes = [Lifecycle.INACTIVE]
    for action in actions:
        writes, had_torque = len(rig.robot.writes), rig.robot.torque
        perform(rig, action)
        rig.cycle()
        if len(rig.robot.writes) > writes:
            assert had_torque or action == "activate" or rig.robot.torque
        if rig.lifecycle in (Lifecycle.INACTIVE, Lifecycle.E_STOPPED):
            assert not rig.robot.torque
        if lifecycle is Lifecycle.E_STOPPED and action != "release_estop":
            assert rig.lifecycle == Lifecycle.E_STOPPED
        if action == "estop":
            assert rig.words.get(Word.ESTOP_DONE) == rig.words.get(Word.ESTOP_REQUESTED)
        lifecycle = Lifecycle(rig.lifecycle)
    rig.words.set(Word.LEASE_DEADLINE_NS, 0)
    rig.cycle(30)
    assert not rig.robot.torque
    changes += [Lifecycle(event["value"]) for event in rig.of_type("lifecycle")]
    for before, after in pairwise(changes):
        assert after in LEGAL_TRANSITIONS[before]
    replies = [event["id"] for event in rig.of_type("reply")]
    assert sorted(replies) == sorted(f"c{i + 1}" for i in range(rig.sent))
    assert len(rig.of_type("episode_started")) == len(rig.of_type("episode_finished"))
