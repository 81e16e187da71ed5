"""`mbctl bench stop`: how soon the robot stands still when its program is killed, or told to stop.

On virtual servos: real daemons, real bytes, real SIGKILL, simulated motors. Not yet run on physical
servos.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from services.bench.host import measure_host
from services.bench.report import Figure, Goal, Report, Say
from services.bench.stop_estop import E_STOP, measure_stops
from services.bench.stop_journal import Trial, TrialJournal
from services.bench.stop_kills import (
    NO_WATCHDOG,
    PLAIN_LOOP,
    VICTIMS,
    WINDOW_S,
    measure_kills,
    measure_plain_kills,
)
from services.bench.stop_motion import GOAL_S, QUIET_S, STANDSTILL_RAD_S
from services.bench.stop_rig import PATIENCE, WATCHDOG_S
from services.bench.yardstick import measure_yardstick

E_STOP_LIMIT_MS = 20.0
STILL_RAD = 2 * 2 * np.pi / 4096  # two ticks
_TURNS = 10
WITHIN = Goal("at least", 1.0)
NOTES = (
    "Virtual servos in a process of their own; not yet run on physical servos. Untrained D'Claw "
    f"policy in exploring episodes at 10 Hz, bus watchdog {WATCHDOG_S * 1e3:g} ms.",
    f"Standstill: no joint faster than {STANDSTILL_RAD_S} rad/s for {QUIET_S * 1e3:g} ms, that "
    f"not counted; looked for during {WINDOW_S:g} s. Limp fingers sink: that counts as motion.",
    "Drive ended: no servo heads for a goal any more, because it is limp or its watchdog has "
    "stopped it; for the service process, whose end the control process outlives: the policy "
    "commands no more and a controlled stop begins.",
    "Times are those of the servos: while the bus's process does not run, they stand still too.",
    "Plain loop: `dynamixel_sdk`, far goals at 0.5 rad/s, 100 Hz, no watchdog; it stops where the "
    "last goal is.",
)


@dataclass(frozen=True)
class StopSizes:
    """Attributes: `kills` in total, `stops`; `baseline_kills` of each of the two baselines."""

    kills: int = 200
    stops: int = 200
    baseline_kills: int = 20

    @classmethod
    def of(cls, count: int) -> "StopSizes":
        return cls(count, count, max(2, count // 10))


QUICK = StopSizes(kills=3, stops=2, baseline_kills=1)


def run_stop(
    sizes: StopSizes, say: Say, quick: bool = False, journal: Path | None = None
) -> Report:
    """Measure; tells `say` what comes next.

    Args:
        journal: trials that it holds are not repeated, new ones are added.

    Raises:
        StopBenchError: the robot does not get into motion.
        BenchmarkClientError: the baseline is not installed.
    """
    before = measure_host()
    say("yardstick")
    yardstick = measure_yardstick()
    trials = TrialJournal(journal)
    stops = measure_stops(sizes.stops, trials, say)
    kills = _kill_in_turns(sizes, trials, say)
    plain = kills[PLAIN_LOOP]
    figures = stop_figures(stops)
    details: dict[str, Any] = {"sizes": asdict(sizes), "patience with the bus": PATIENCE}
    details[E_STOP] = stop_details(stops)
    for kind, found in kills.items():
        details[kind] = kill_details(found)
    for victim in VICTIMS:
        figures += kill_figures(victim, kills[victim], plain)
    details["spoiled trials"] = len(trials.of("spoiled"))
    return Report("stop", quick, figures, yardstick, before, measure_host(), NOTES, details)


def _kill_in_turns(sizes: StopSizes, trials: TrialJournal, say: Say) -> dict[str, list[Trial]]:
    """All kinds of kills by turns, so that they share what the machine does meanwhile."""
    found: dict[str, list[Trial]] = {}
    for turn in range(1, _TURNS + 1):

        def due(kills: int, turn: int = turn) -> int:
            return -(-kills * turn // _TURNS)

        baselines = due(sizes.baseline_kills)
        found[PLAIN_LOOP] = measure_plain_kills(baselines, trials, say)
        found[NO_WATCHDOG] = measure_kills(
            NO_WATCHDOG, "both", baselines, trials, say, watchdog=False
        )
        for index, victim in enumerate(VICTIMS):
            share = sizes.kills // len(VICTIMS) + (index < sizes.kills % len(VICTIMS))
            found[victim] = measure_kills(victim, victim, due(share), trials, say)
    return found


def stop_figures(trials: Sequence[Trial]) -> list[Figure]:
    """Emergency stop: RPC to the last torque-off packet, ms."""
    last = [trial["last_ms"] for trial in trials]
    idle = [trial["status_ms"] for trial in trials]
    return [
        Figure(
            f"{E_STOP} to last torque-off, {name}",
            _percentile(last, q),
            "ms",
            "limit" if name == "p99" else "GetStatus answered",
            E_STOP_LIMIT_MS if name == "p99" else _percentile(idle, q),
            goal=WITHIN if name == "p99" else None,
        )
        for name, q in (("p50", 50), ("p99", 99), ("max", 100))
    ]


def kill_figures(victim: str, trials: Sequence[Trial], plain: Sequence[Trial]) -> list[Figure]:
    """Times to the end of drive and to standstill, and how many were late; against a plain loop."""
    figures: list[Figure] = []
    for words, field in (("drive ended", "released_s"), ("standstill", "stop_s")):
        times, theirs = _times_ms(trials, field), _times_ms(plain, "stop_s")
        name = f"{words}, {victim} killed"
        late, their_late = (sum(one > GOAL_S * 1e3 for one in all_) for all_ in (times, theirs))
        figures += [
            Figure(
                f"{name}, p50", _percentile(times, 50), "ms", PLAIN_LOOP, _percentile(theirs, 50)
            ),
            Figure(f"{name}, max", max(times), "ms", "limit", GOAL_S * 1e3, goal=WITHIN),
            Figure(
                f"{name}, later than limit",
                late / len(times),
                "",
                PLAIN_LOOP,
                their_late / len(theirs),
            ),
        ]
    return figures


def kill_details(trials: Sequence[Trial]) -> dict[str, Any]:
    """Everything else about the kills of one kind."""
    stop = _times_ms(trials, "stop_s")
    found: dict[str, Any] = {
        "kills": len(trials),
        "moving when killed": sum(trial["was_moving"] for trial in trials),
        "drive never ended": sum(trial["released_s"] is None for trial in trials),
        "no standstill in window": sum(trial["stop_s"] is None for trial in trials),
        "standstill p50 ms": _percentile(stop, 50),
        "standstill p99 ms": _percentile(stop, 99),
        "travel after limit p50 rad": _percentile([t["travel_rad"] for t in trials], 50),
        "travel after limit max rad": max(trial["travel_rad"] for trial in trials),
        "load average max": max(trial.get("load", 0.0) for trial in trials),
        "bus stalled max ms": max(trial["stalled_s"] for trial in trials) * 1e3,
    }
    restarts = [trial for trial in trials if "drift_rad" in trial]
    if restarts:
        found |= restart_details(restarts)
    return found


def restart_details(trials: Sequence[Trial]) -> dict[str, Any]:
    """What restarted daemons found and did."""
    with_torque = [trial for trial in trials if trial["torques_found"]]
    return {
        "restarts": len(trials),
        "restarts that found torque on": len(with_torque),
        "of these, reported all of it": sum(
            trial["torques_reported"] == trial["torques_found"] for trial in with_torque
        ),
        "of these, moved more than 2 ticks": sum(t["drift_rad"] > STILL_RAD for t in with_torque),
        "of these, drift max rad": max((t["drift_rad"] for t in with_torque), default=0.0),
        "goals at restart": sum(trial["goals_at_restart"] for trial in trials),
        "torque switched on at restart": sum(trial["torque_on_at_restart"] for trial in trials),
    }


def stop_details(trials: Sequence[Trial]) -> dict[str, Any]:
    """Everything else about emergency stops."""
    first, answer = ([t[name] for t in trials] for name in ("first_ms", "answer_ms"))
    return {
        "stops": len(trials),
        "first torque-off p99 ms": _percentile(first, 99),
        "confirmed to the client p99 ms": _percentile(answer, 99),
        "later than the limit": sum(trial["last_ms"] > E_STOP_LIMIT_MS for trial in trials),
        "joints unconfirmed": sum(trial["unconfirmed"] for trial in trials),
        "torques left on": sum(trial["torques_left"] for trial in trials),
        "load average max": max(trial.get("load", 0.0) for trial in trials),
    }


def _times_ms(trials: Sequence[Trial], field: str) -> list[float]:
    """The window where there was no end: an underestimate, counted as late all the same."""
    return [1e3 * (WINDOW_S if trial[field] is None else trial[field]) for trial in trials]


def _percentile(values: Sequence[float], q: float) -> float:
    return float(np.percentile(values, q))
