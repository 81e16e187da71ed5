"""From an emergency stop's RPC to the last torque-off packet on the wire, under full load.

The bus's recorder stamps each packet when its last byte has arrived, with the clock of the client.
"""

import random
import tempfile
import time
from pathlib import Path

from services.bench.loop_process import running_learner
from services.bench.report import Say
from services.bench.stop_journal import Trial, TrialJournal
from services.bench.stop_rig import SPOILING, StopBenchError, StopRig
from sim.servo_bus.oracle import Traffic

E_STOP = "emergency stop"
_PHASE_S = (0.1, 1.2)
_PER_BUS = 25  # recordings are read again for each stop
_SPOILED_MAX = 10
_CALLS = 5  # of an RPC that does nothing, beside each stop
_BEFORE_NS = 20_000_000  # so that the parser begins before the first packet that counts


def measure_stops(count: int, journal: TrialJournal, say: Say) -> list[Trial]:
    """Stop until the journal has `count` trials.

    Raises:
        StopBenchError: too many trials in a row could not even begin.
        LearnerError: nothing learns beside it.
    """
    spoiled = 0
    with running_learner():
        while (done := len(journal.of(E_STOP))) < count:
            try:
                _measure_on_one_bus(min(_PER_BUS, count - done), journal, say, count)
                spoiled = 0
            except SPOILING as error:
                spoiled += 1
                journal.add("spoiled", of=E_STOP, why=str(error)[:300])
                if spoiled > _SPOILED_MAX:
                    raise StopBenchError(f"{spoiled} trials in a row failed: {error}") from error
    return journal.of(E_STOP)


def _measure_on_one_bus(count: int, journal: TrialJournal, say: Say, of: int) -> None:
    with (
        tempfile.TemporaryDirectory(prefix="mbctl-bench-") as name,
        StopRig(Path(name)) as rig,
    ):
        for _ in range(count):
            number = len(journal.of(E_STOP))
            say(f"{E_STOP}, {number + 1} of {of}")
            journal.add(E_STOP, **_stop(rig, random.Random(f"{E_STOP} {number}")))


def _stop(rig: StopRig, rng: random.Random) -> Trial:
    with rig.moving():
        time.sleep(rng.uniform(*_PHASE_S))
        rig.require_active()
        idle = [_time_of_status(rig) for _ in range(_CALLS)]
        sent_ns = time.monotonic_ns()
        answer = rig.client.emergency_stop("bench")
        answered_ns = time.monotonic_ns()
    offs = _torque_offs(rig, sent_ns, answered_ns)
    torques = [joint["torque_on"] for joint in rig.bus.state()["joints"].values()]
    rig.client.release_emergency_stop()
    if not offs:
        raise StopBenchError("an emergency stop put no torque-off on the wire")
    return {
        "first_ms": (offs[0] - sent_ns) / 1e6,
        "last_ms": (offs[-1] - sent_ns) / 1e6,
        "answer_ms": (answered_ns - sent_ns) / 1e6,
        "status_ms": sorted(idle)[_CALLS // 2],
        "unconfirmed": len(answer.torque_off_failed),
        "torques_left": sum(torques),
    }


def _torque_offs(rig: StopRig, sent_ns: int, answered_ns: int) -> list[int]:
    records = (one for one in rig.bus.records() if one.stamp_ns >= sent_ns - _BEFORE_NS)
    return [
        torque.stamp_ns
        for torque in Traffic(records).torques
        if not torque.on and sent_ns <= torque.stamp_ns <= answered_ns
    ]


def _time_of_status(rig: StopRig) -> float:
    """Milliseconds of a call that changes nothing."""
    begin = time.monotonic_ns()
    rig.client.status()
    return (time.monotonic_ns() - begin) / 1e6
