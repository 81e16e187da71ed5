"""The control loop: what happens in one cycle, and in which order.

deadline -> emergency stop, lease, service -> commands -> read -> episode, stop or hold -> publish.
"""

from hal.lifecycle import Lifecycle
from hal.types import RobotState
from mbctl.episodes.actor import PolicyActor
from mbctl.tasks.task import Task
from services.controller.control.commands import Commands
from services.controller.control.control_fault import ControlFaultError
from services.controller.control.exit_codes import CLEAN, ROBOT_LOST, SERVICE_LOST
from services.controller.control.guarded_robot import GuardedRobot
from services.controller.control.jog import Jog
from services.controller.control.lifecycle_machine import LifecycleMachine
from services.controller.control.pacer import Pacer
from services.controller.control.planner_client import PlannerClient
from services.controller.control.policy_holder import PolicyHolder
from services.controller.control.service_link import Event, ServiceLink
from services.controller.control.settings import ControlSettings
from services.controller.control.state_publisher import StatePublisher
from services.controller.control.work import Work

_REST_S = 0.01
_ROOM_S = 0.001

LOST_REASONS = frozenset({"BUS_LOST", "PORT_LOST", "PORT_MISSING", "PORT_STUCK"})
"""Faults after which only a fresh connection, with all its checks, can help."""


class ControlLoop:
    """One robot, one task, one service process; `run` returns an exit code."""

    def __init__(
        self,
        settings: ControlSettings,
        task: Task,
        robot: GuardedRobot,
        machine: LifecycleMachine,
        policies: PolicyHolder,
        planner: PlannerClient | None,
        link: ServiceLink,
        pacer: Pacer,
    ) -> None:
        self._settings = settings
        self._robot = robot
        self._machine = machine
        self._policies = policies
        self._planner = planner
        actor = PolicyActor(plans=planner)
        self._link = link
        self._pacer = pacer
        work = self._work = Work(settings, task, robot, policies, actor, link, pacer)
        self._commands = Commands(work, machine, policies, link)
        self._is_lockstep = settings.clock == "lockstep"
        self._terminations = 0
        self._publisher = StatePublisher(
            robot,
            machine,
            policies,
            actor,
            planner,
            link,
            pacer,
            is_lockstep=self._is_lockstep,
        )

    def terminate(self) -> None:
        """Signal handler's part: stop in a controlled way, the second time at once."""
        self._terminations += 1

    def run(self, started: Event) -> int:
        """Run until told to leave; the robot is without torque when it returns.

        Args:
            started: the event that says the loop runs.
        """
        self._publish(force=True)  # who hears that it has started finds its state on the board
        self._link.emit({"type": "started", **started})
        self._first_read()
        self._publish(force=True)
        while self._work.leaving is None or self._machine.has_torque:
            self._cycle()
        cause, exit_code = self._work.leaving
        failed = self._machine.torque_off()
        self._commands.answer_deactivations()
        self._link.emit({"type": "stopped", "cause": cause, "torque_off_failed": list(failed)})
        self._publish(force=True)
        self._link.beat()
        self._link.confirm_stopped()
        return exit_code

    def _cycle(self) -> None:
        try:
            is_due = self._wait()
        except ControlFaultError as fault:  # found by tending the robot between two steps
            self._fail(fault, self._work.state)
            is_due = False
        self._link.beat()
        was_leaving = self._work.leaving is not None
        self._watch()
        self._commands.take_all()
        if is_due:
            self._step()
            self._pacer.done()
            self._watch_overruns()
        elif self._must_stop_early(was_leaving):
            self._step()
        if self._work.batch is None:
            self._policies.at_boundary()
        self._commands.answer_deactivations()
        self._publish(force=not is_due)

    def _must_stop_early(self, was_leaving: bool) -> bool:
        """Whether the loop has just begun to leave: the robot is not left alone until its step."""
        is_new = self._work.leaving is not None and not was_leaving
        return is_new and self._machine.has_torque and not self._is_lockstep

    def _wait(self) -> bool:
        """True when a step is due; in lockstep nothing steps unless something runs."""
        if self._is_lockstep:
            batch, jog = self._work.batch, self._work.jog
            is_stopping = bool(self._work.stop_cause) or self._machine.is_stopping
            if batch is None and jog is None and not is_stopping:
                self._link.rest(_REST_S)
                return False
            if batch is not None and not is_stopping and not batch.is_cut:
                # A step closes one row and opens another. Virtual time waits for the service
                # process, and for the planner.
                if self._link.row_room < 2:
                    self._link.rest(_ROOM_S)
                    return False
                if self._planner is not None and self._planner.is_waiting:
                    self._link.rest(_REST_S, self._planner.wake_fd)
                    return False
        return self._pacer.wait()

    def _watch(self) -> None:
        """What beats every command: emergency stop, lost service, signals, lost lease."""
        if self._link.is_estop_due:
            request = self._link.estop_request
            self._machine.emergency_stop(request)
            self._work.stop_cause = ""
            self._work.end("E_STOPPED", "emergency stop")
        lost = self._link.why_lost()
        if lost is not None:
            self._work.leave("SERVICE_LOST", SERVICE_LOST)
        if self._terminations:
            self._work.leave("TERMINATED", CLEAN)
        if self._terminations > 1 and self._machine.has_torque:
            self._machine.torque_off()
            self._work.end("TERMINATED", "told twice to terminate")
        if self._work.leaving is not None and self._machine.has_torque:
            self._work.want_stop(self._work.leaving[0])
        if self._machine.lifecycle is Lifecycle.ACTIVE and not self._link.is_lease_live:
            self._work.want_stop("LEASE_LOST")

    def _step(self) -> None:
        state: RobotState | None = None
        try:
            state = self._work.state = self._robot.read()
            self._act(state)
        except ControlFaultError as fault:
            self._fail(fault, state)
        self._machine.explain(self._robot.explanation())

    def _act(self, state: RobotState) -> None:
        machine, work = self._machine, self._work
        if work.batch is not None:
            if work.stop_cause:
                work.batch.cut(work.stop_cause, f"the robot is being stopped: {work.stop_cause}")
            work.batch.step(state)
            if work.batch.is_done:
                work.batch = None
        if work.stop_cause:
            cause, work.stop_cause = work.stop_cause, ""
            work.end_jog(cause, f"the robot is being stopped: {cause}")
            machine.begin_stop(cause, state, is_hurried=work.leaving is not None)
        if work.jog is not None:
            self._step_jog(work.jog, state)
        if machine.is_stopping:
            machine.continue_stop(state)
        elif machine.has_torque and not self._is_lockstep and not self._robot.has_commanded:
            machine.hold(state)

    def _step_jog(self, jog: Jog, state: RobotState) -> None:
        if not jog.is_over(state):
            self._robot.send(state, jog.next_target())
            return
        arrived = jog.has_arrived(state)
        self._robot.send(state, jog.goal_rad if arrived else jog.stay(state))
        self._publish(force=True)  # who hears that it is over finds where it ended
        if arrived:
            self._work.jog = None
            self._link.reply(jog.command_id)
        else:
            self._work.end_jog("JOG_NOT_ARRIVED", self._jog_shortfall(jog, state))

    def _watch_overruns(self) -> None:
        limit = self._settings.loop.overruns_in_a_row_max
        if self._work.is_degraded:
            if self._work.batch is not None:
                self._work.batch.cut("LOOP_DEGRADED", self._work.warning())
            self._work.end_jog("LOOP_DEGRADED", self._work.warning())
        if self._pacer.overruns_in_a_row > limit and self._machine.has_torque:
            fault = ControlFaultError(
                "LOOP_OVERRUN",
                f"{self._pacer.overruns_in_a_row} control periods missed in a row, limit {limit}",
            )
            self._pacer.overruns_in_a_row = 0
            self._fail(fault, self._work.state)

    def _fail(self, fault: ControlFaultError, state: RobotState | None) -> None:
        """The robot first, then the record of it."""
        self._work.stop_cause = ""
        is_lost = fault.reason in LOST_REASONS
        if not (is_lost and self._machine.is_at_rest):  # one that holds nothing is merely away
            self._machine.latch(fault, state)
        self._work.end(fault.reason, fault.message)
        if is_lost:
            lost = {"reason": fault.reason, "message": fault.message}
            self._link.emit({"type": "robot_lost", **lost})
            self._work.leave("ROBOT_LOST", ROBOT_LOST)

    def _jog_shortfall(self, jog: Jog, state: RobotState) -> str:
        name = self._robot.spec.joint_names[jog.joint]
        return (
            f"{name} did not arrive: {jog.shortfall(state)}; it stays where it is. Is it blocked, "
            "or set up too weak? `mbctl doctor` with the controller stopped tells"
        )

    def _first_read(self) -> None:
        try:
            self._work.state = self._robot.read()
        except ControlFaultError as fault:
            self._fail(fault, None)

    def _publish(self, *, force: bool) -> None:
        self._publisher.show(self._work.state, self._work.batch, self._work.warning(), force=force)
