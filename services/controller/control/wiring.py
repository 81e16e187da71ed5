"""Builds a control loop from its settings."""

from collections.abc import Callable

from hal.clock import Clock, ManualClock, WallClock
from hal.errors import ReasonedError
from hal.robot import Robot
from hal.safety import SafetyGate
from mbctl.policies.manifest import row_layout
from mbctl.tasks.registry import make_task
from mbctl.tasks.task import Task
from services.controller.control.guarded_robot import GuardedRobot
from services.controller.control.lifecycle_machine import LifecycleMachine
from services.controller.control.loop import ControlLoop
from services.controller.control.pacer import LockstepPacer, Tending, WallPacer
from services.controller.control.planner_client import PlannerClient
from services.controller.control.policy_holder import PolicyHolder
from services.controller.control.service_link import BEATS_PER_LOOK, ServiceLink
from services.controller.control.settings import ControlSettings
from services.controller.control.stall_watch import StallWatch, boot_time_ns
from services.controller.patience import service_timeout_of
from services.ipc.segment import SharedSegment


class WrongRobotError(ReasonedError, ValueError):
    """The task is for another robot model than the one configured."""

    reason = "WRONG_ROBOT"


def build_task(settings: ControlSettings) -> Task:
    """The task in the settings.

    Raises:
        UnknownTaskError: no such task or observation.
        WrongRobotError: it is for another robot model.
    """
    task = make_task(settings.task.name, settings.task.observation)
    if task.robot.model != settings.robot.model:
        raise WrongRobotError(
            f"task '{task.name}' is for robot '{task.robot.model}', configured is "
            f"'{settings.robot.model}'"
        )
    return task


def period_of(settings: ControlSettings, task: Task) -> float:
    """Control period in s: the settings' own, or else the task's."""
    return task.period_s if settings.period_s is None else settings.period_s


def build_clock(settings: ControlSettings) -> Clock:
    """The clock that stamps measurements and paces the loop."""
    return ManualClock() if settings.clock == "lockstep" else WallClock()


def build_link(
    segment: SharedSegment,
    settings: ControlSettings,
    task: Task,
    wake_fd: int | None = None,
    plan_fds: tuple[int, int] | None = None,
) -> ServiceLink:
    """The control process's end of the shared memory.

    On the wall clock a dead service process is noticed before the next command is sent.
    """
    looks = BEATS_PER_LOOK if settings.clock == "lockstep" else 1
    row_bytes = row_layout(task).row_bytes
    timeout_s = service_timeout_of(settings)
    return ServiceLink(segment, row_bytes, timeout_s, wake_fd, looks, plan_fds)


def build_loop(
    settings: ControlSettings,
    task: Task,
    robot: Robot,
    clock: Clock,
    link: ServiceLink,
    boot_ns: Callable[[], int] = boot_time_ns,
) -> ControlLoop:
    """A loop around a configured robot; `boot_ns` is a clock that counts the time in suspend."""
    period_s = period_of(settings, task)
    period_ns = round(period_s * 1e9)
    gate = SafetyGate(robot.spec, period_s, settings.gate)
    watchdog_s = settings.robot.bus.watchdog_s if settings.robot.is_on_bus else None
    stall = StallWatch(watchdog_s, boot_ns)
    guarded = GuardedRobot(robot, gate, clock, stall, settings.gate.invalid_reads_max)
    machine = LifecycleMachine(guarded, clock, settings.stop, link)
    if settings.latched is not None:
        machine.inherit(settings.latched)
    policies = PolicyHolder(link, task, period_s)
    is_lockstep = settings.clock == "lockstep"
    planner = None
    if link.plans is not None:
        deaths = link.planner_deaths
        planner = PlannerClient(link.plans, deaths, period_ns, is_lockstep=is_lockstep)
    if is_lockstep:
        pacer = LockstepPacer(clock, period_ns)
    else:
        pacer = WallPacer(
            clock, period_ns, lambda: link.is_estop_due or link.has_just_closed(), _tending(guarded)
        )
    return ControlLoop(settings, task, guarded, machine, policies, planner, link, pacer)


def _tending(robot: GuardedRobot) -> Tending | None:
    period_s = robot.tend_period_s
    return None if period_s is None else Tending(round(period_s * 1e9), robot.tend)
