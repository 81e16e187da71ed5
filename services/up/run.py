"""Start the daemons, and a virtual bus where that is the robot; learn; leave nothing running."""

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from hal.errors import ReasonedError
from mbctl.config import ConfigError
from mbctl.config.typed import Frozen
from mbctl.data.private_files import UMASK, write_whole
from mbctl.results import CurvePoint, draw_curve, read_points
from services.client import ControllerClient, TrainerClient
from services.errors import ServiceError
from services.trainer.paths import DATABASE_FILE
from services.up.addresses import with_addresses
from services.up.bus import VIRTUAL, BusProcess
from services.up.cpu_time import cpu_seconds
from services.up.learning import Learning
from services.up.plan import Plan
from services.up.process import DaemonDiedError, DaemonProcess, Watched
from services.up.run_dir import RunDir
from services.up.run_lease import RunLease
from services.up.session import Session
from services.up.stop import StopNow, StopRequested, StopSignals
from services.up.view import Display, Observer

START_S = 300.0  # of a daemon that lives: a busy machine is slow, not dead
PREDECESSOR_S = 60.0
CALL_S = 30.0  # the most that a daemon takes as a deadline
ResultT = TypeVar("ResultT")

DEATH_NOTICE_S = 2.0  # a call may fail a little before the process that served it is gone


class StartFailedError(ReasonedError):
    """A daemon did not come up; the message says why."""

    reason = "START_FAILED"


@dataclass(frozen=True)
class Announcement:
    """What is known once both daemons serve."""

    controller: str
    trainer: str
    resumed: bool


class Run:
    """One session of `mbctl up`.

    Args:
        announce: is told the addresses once both daemons serve.
        display: is given views.
    """

    def __init__(
        self,
        plan: Plan,
        run_dir: RunDir,
        announce: Callable[[Announcement], None],
        display: Display,
    ) -> None:
        self._plan = plan
        self._run_dir = run_dir
        self._announce = announce
        rhythm = plan.rhythm
        self._observer = Observer(
            rhythm.samples, display.show, display.period_s, rhythm.final_episodes
        )
        self._started = time.monotonic()
        self._before = (0.0, 0.0)

    def run(self, signals: StopSignals) -> dict[str, Any]:
        """Learn until the budget is used or somebody stops it; the summary says which.

        Args:
            signals: are being caught.

        Raises:
            ConfigError, StartUpError: the directory cannot be used.
            StartFailedError: a daemon did not come up.
            ServiceError, DaemonDiedError: the run cannot go on; it can be resumed.
            StopNow: two signals arrived; the robot is e-stopped.
        """
        os.umask(UMASK)
        with self._run_dir.claimed(self._plan) as resumed:
            self._before = self._spent_before()
            self._run_dir.summary.unlink(missing_ok=True)  # of a session before this one
            try:
                final = self._session(resumed, signals)
            except BaseException as error:
                with contextlib.suppress(OSError):  # a full disk may be what ended it
                    self._summarise(None, _ending(error))
                raise
            return self._summarise(final, "")

    def _session(self, resumed: bool, signals: StopSignals) -> CurvePoint | None:
        """The final evaluation; None after a first Ctrl-C, at whatever moment it came."""
        try:
            with self._daemons(resumed, signals) as (daemons, controller, trainer):
                return self._learn(daemons, controller, trainer, signals)
        except StopRequested:
            return None

    def _learn(
        self,
        daemons: list[Watched],
        controller: ControllerClient,
        trainer: TrainerClient,
        signals: StopSignals,
    ) -> CurvePoint | None:
        owner = f"mbctl up {self._run_dir.path.name}"[:64]
        try:
            with RunLease(controller, owner, self._plan.controller.clock) as command:
                session = Session(controller, trainer, command, daemons, signals, self._observer)
                final = Learning(self._plan, self._run_dir, session, self._spent).run()
                controller.deactivate(command.lease)
                return final
        except StopNow as stop:
            answer = _attempt(lambda: controller.emergency_stop("stopped twice"))
            raise StopNow(is_off=bool(answer and not answer.torque_off_failed)) from stop
        except ServiceError as error:
            _raise_death(daemons, error)
            raise

    @contextlib.contextmanager
    def _daemons(
        self, resumed: bool, signals: StopSignals
    ) -> Iterator[tuple[list[Watched], ControllerClient, TrainerClient]]:
        self._run_dir.wait_for_predecessors(PREDECESSOR_S, signals.check)
        with contextlib.ExitStack() as stack:
            plan = stack.enter_context(with_addresses(self._plan))
            trainer = stack.enter_context(TrainerClient(plan.trainer.listen, timeout_s=CALL_S))
            controller = stack.enter_context(
                ControllerClient(plan.controller.listen, timeout_s=CALL_S)
            )
            processes = self._processes(plan, stack, trainer, controller, signals)
            self._announce(Announcement(plan.controller.listen, plan.trainer.listen, resumed))
            yield processes, controller, trainer

    def _processes(
        self,
        plan: Plan,
        stack: contextlib.ExitStack,
        trainer: TrainerClient,
        controller: ControllerClient,
        signals: StopSignals,
    ) -> list[Watched]:
        """Both daemons, serving, and the virtual bus if that is the robot; ended with `stack`."""
        bus: list[Watched] = []
        try:
            if plan.controller.robot.backend == VIRTUAL:
                bus.append(stack.enter_context(BusProcess(plan.controller)))
            daemons = [stack.enter_context(self._daemon("trainer", plan.trainer))]
            # Once the controller has ended, no more rows come; the trainer ends after it.
            stack.callback(self._note_samples, trainer)
            daemons.append(stack.enter_context(self._daemon("controller", plan.controller)))
            daemons[0].wait_serving(trainer.is_serving, START_S, signals.check)
            daemons[1].wait_serving(controller.is_serving, START_S, signals.check)
        except DaemonDiedError as error:
            raise StartFailedError(str(error)) from error
        return [*bus, *daemons]

    def _note_samples(self, trainer: TrainerClient) -> None:
        """What the trainer has in the end; where it has died, what it had when asked last."""
        if (status := _attempt(trainer.status)) is not None:
            self._observer.samples = status.train_rows_stored

    def _daemon(self, name: str, config: Frozen) -> DaemonProcess:
        path = self._run_dir.config_of(name)
        write_whole(path, config.model_dump_json(indent=2))
        return DaemonProcess(name, path, self._run_dir.log_of(name))

    def _summarise(self, final: CurvePoint | None, error: str) -> dict[str, Any]:
        """Write down what was reached, once both daemons have ended, and why it ended."""
        plan, run_dir = self._plan, self._run_dir
        database = plan.trainer.run_dir / DATABASE_FILE
        points = read_points(run_dir.curve_csv)
        last = final or (points[-1] if points else None)
        wall_s, cpu_s = self._spent()
        if points:
            draw_curve(points, run_dir.curve_png, _title(plan))
        summary = {
            "complete": final is not None,
            "error": error,
            "samples": max(self._observer.samples, points[-1].samples if points else 0),
            "episodes": max(self._observer.episodes, points[-1].episodes if points else 0),
            "success": last.success if last else None,
            "return": last.episode_return if last else None,
            "evaluation_episodes": last.evaluation_episodes if last else 0,
            "evaluation_samples": last.samples if last else 0,
            "policy_version": last.policy_version if last else 0,
            "wall_s": round(wall_s, 3),
            "cpu_s": round(cpu_s, 3),
            "seed": plan.trainer.seed,
            "task": plan.trainer.task.name,
            "algorithm": plan.trainer.algorithm.name,
            "preset": plan.trainer.algorithm.preset,
            "backend": plan.controller.robot.backend,
            "clock": plan.controller.clock,
            "run_dir": str(run_dir.path),
            "curve_csv": _if_there(run_dir.curve_csv),
            "curve_png": _if_there(run_dir.curve_png),
            "database": _if_there(database),
            "versions_dir": _if_there(run_dir.versions),
        }
        write_whole(run_dir.summary, json.dumps(summary, indent=2))
        return summary

    def _spent(self) -> tuple[float, float]:
        wall_s = time.monotonic() - self._started
        return self._before[0] + wall_s, self._before[1] + cpu_seconds(os.getpid())

    def _spent_before(self) -> tuple[float, float]:
        try:
            points = read_points(self._run_dir.curve_csv)
        except ValueError as error:
            raise ConfigError(f"{error}: move it away, or choose another --run-dir") from error
        spent = [(point.wall_s, point.cpu_s) for point in points]
        if self._run_dir.summary.exists():
            stored = json.loads(self._run_dir.summary.read_text(encoding="utf-8"))
            spent.append((stored["wall_s"], stored["cpu_s"]))
        return max(spent, default=(0.0, 0.0))


def _title(plan: Plan) -> str:
    algorithm = plan.trainer.algorithm
    return (
        f"{plan.trainer.task.name}, {algorithm.name} ({algorithm.preset}), seed {plan.trainer.seed}"
    )


def _ending(error: BaseException) -> str:
    """Why a session ended before its budget was used, in one line."""
    if isinstance(error, StopNow):
        return "stopped twice: emergency stop"
    return (str(error) or type(error).__name__).splitlines()[0]


def _if_there(path: Path) -> str | None:
    return str(path) if path.exists() else None


def _attempt(act: Callable[[], ResultT]) -> ResultT | None:
    """What a daemon answers, if it still does."""
    try:
        return act()
    except ServiceError:
        return None


def _raise_death(daemons: list[Watched], cause: ServiceError) -> None:
    deadline = time.monotonic() + DEATH_NOTICE_S
    while time.monotonic() < deadline:
        for daemon in daemons:
            try:
                daemon.check()
            except DaemonDiedError as died:
                raise died from cause
        time.sleep(0.05)
