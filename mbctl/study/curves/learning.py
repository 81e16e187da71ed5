"""One run, from where its directory stands to its budget of samples."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from mbctl.algorithms.algorithm import Metrics, snapshot_of
from mbctl.algorithms.registry import build_algorithm
from mbctl.algorithms.schedule import Schedule
from mbctl.data.replay import Replay
from mbctl.episodes.actor import PolicyActor
from mbctl.episodes.collect import Collector, evaluate
from mbctl.planners.agent import actor_of
from mbctl.policies.manifest import row_layout
from mbctl.study.curves.environments import environments
from mbctl.study.curves.plan import RunPlan
from mbctl.study.curves.points import Point, spread
from mbctl.study.curves.run_files import Head, RunFiles
from mbctl.tasks.registry import make_task

SAVE_PERIOD_S = 30.0
SAVE_SHARE = 0.05  # of the time, at most


@dataclass(frozen=True)
class RunProgress:
    """What a run says while it goes on.

    Attributes:
        doing: "collecting", "learning" or "evaluating".
        point: its newest evaluation.
    """

    samples: int
    doing: str
    point: Point | None
    wall_s: float


class CurveRun:
    """A learner, its rows and its environments.

    Args:
        plan: what to run.
        files: where it stands.
        report: is told how it goes.

    Raises:
        RunFilesError: the directory holds another run, or a damaged one.
    """

    def __init__(
        self, plan: RunPlan, files: RunFiles, report: Callable[[RunProgress], None]
    ) -> None:
        identity = plan.identity
        self._plan, self._files, self._report = plan, files, report
        self._task = make_task(identity.task, identity.observation)
        self._algorithm = build_algorithm(
            identity.algorithm, identity.settings, self._task, identity.seed, identity.device
        )
        rows = self._algorithm.settings
        self._schedule = Schedule(rows.initial_rows, rows.rows_per_refit)
        self._replay = Replay(row_layout(self._task), rows.buffer_rows)
        self._train, self._test = environments(self._task, identity.shift)
        self._shifted = False
        self._head = Head(identity=identity)
        self._collector = Collector(self._train, identity.seed)
        self._actor: PolicyActor | None = None
        self._save_due = 0.0
        self._restore()
        self._began = time.monotonic() - self._head.wall_s
        self._began_cpu = time.process_time() - self._head.cpu_s

    def run(self) -> Point:
        """Learn until the budget is used; returns the evaluation at its end."""
        rhythm = self._plan.rhythm
        while self._head.rows < rhythm.samples:
            self._look(self._head.rows % rhythm.evaluate_every == 0, rhythm.evaluation_episodes)
            self._collect(self._next_stop() - self._head.rows)
            if self._head.rows >= self._schedule.next_rows(self._head.rows_used):
                self._learn()
        self._look(True, rhythm.final_episodes)
        return self._head.points[-1]

    def close(self) -> None:
        """Let go of the environments."""
        self._train.close()
        self._test.close()

    def _next_stop(self) -> int:
        """Rows at which something else than collecting is due."""
        rhythm, rows = self._plan.rhythm, self._head.rows
        look = (rows // rhythm.evaluate_every + 1) * rhythm.evaluate_every
        stops = [look, rhythm.samples, self._schedule.next_rows(self._head.rows_used)]
        shift = self._head.identity.shift
        if shift is not None and rows < shift.at:
            stops.append(shift.at)
        return min(stops)

    def _shift_if_due(self, rows: int) -> None:
        """After so many rows the world may be another; the open episode was in the old one."""
        shift = self._head.identity.shift
        if shift is None or self._shifted or rows < shift.at:
            return
        self.close()
        self._train, self._test = environments(self._task, shift, shifted=True)
        self._collector = Collector(self._train, self._head.identity.seed, self._collector.episodes)
        self._shifted = True

    def _collect(self, count: int) -> None:
        self._tell("collecting")
        self._shift_if_due(self._head.rows)
        if self._actor is None:
            self._actor = self._make_actor()
        rows, steps = self._collector.collect(self._actor, count)
        self._files.append_rows(rows, steps)
        self._replay.append(rows, steps)
        self._head.rows += count
        self._head.episodes = self._collector.episodes

    def _learn(self) -> None:
        self._tell("learning")
        metrics = self._algorithm.refit(self._replay, self._progress)
        metrics = {**metrics, **self._algorithm.improve(self._replay, self._progress)}
        self._head.metrics = {k: float(v) for k, v in metrics.items() if math.isfinite(v)}
        self._head.rows_used = self._head.rows
        self._head.moves += 1
        self._actor = None
        if time.monotonic() >= self._save_due:
            self._save()

    def _look(self, due: bool, count: int) -> None:
        """Evaluate if it is due and has not been done at this number of rows."""
        head = self._head
        done = any(p.samples == head.rows and p.evaluation_episodes >= count for p in head.points)
        if not due or done:
            return
        self._tell("evaluating")
        first, seed = head.evaluated, head.identity.seed
        actor = self._make_actor()
        outcomes = evaluate(self._test, actor, seed, first, count)
        head.evaluated += count
        point = Point(
            samples=head.rows,
            episodes=head.episodes,
            moves=head.moves,
            success=float(np.mean([o.success for o in outcomes])),
            **spread([o.episode_return for o in outcomes]),
            length_mean=float(np.mean([o.steps for o in outcomes])),
            evaluation_episodes=count,
            first_index=first,
            model_error_one_step=head.metrics.get("model_error_one_step", math.nan),
            model_error_open_loop=head.metrics.get("model_error_open_loop", math.nan),
            wall_s=time.monotonic() - self._began,
            cpu_s=time.process_time() - self._began_cpu,
        )
        head.points.append(point)
        rhythm = self._plan.rhythm
        if rhythm.keep_stages:
            self._files.keep_stage(head.rows, self._algorithm.state())
        forgets = actor.remembers and self._collector.noise is not None
        if not forgets or head.rows >= rhythm.samples:
            self._save()

    def _make_actor(self) -> PolicyActor:
        name, version = self._plan.identity.algorithm, self._head.moves + 1
        snapshot = snapshot_of(self._algorithm, self._task, name, version)
        return actor_of(snapshot, self._task, self._plan.identity.device)

    def _save(self) -> None:
        began, head = time.monotonic(), self._head
        head.wall_s = began - self._began
        head.cpu_s = time.process_time() - self._began_cpu
        head.noise = self._collector.noise
        requested = torch.from_numpy(self._collector.requested)
        self._files.save(head, self._algorithm.state(), requested)
        now = time.monotonic()
        self._save_due = now + max(SAVE_PERIOD_S, (now - began) / SAVE_SHARE)

    def _restore(self) -> None:
        found = self._files.load()
        rows, steps = self._files.take_rows(0 if found is None else found[0].rows)
        if found is None:
            return
        self._head, state, requested = found
        self._algorithm.load_state(state)
        self._replay.append(rows, steps)
        self._collector = Collector(self._train, self._head.identity.seed, self._head.episodes)
        self._shift_if_due(self._head.rows - 1)  # at the very row it is the collection's to do
        if self._head.noise is not None:
            self._collector.reopen(requested.numpy(), self._head.noise)

    def _progress(self, phase: str, fraction: float, values: Metrics) -> None:
        """Moves are short beside a run; only what comes of them is told."""

    def _tell(self, doing: str) -> None:
        points = self._head.points
        spent = time.monotonic() - self._began
        self._report(RunProgress(self._head.rows, doing, points[-1] if points else None, spent))
