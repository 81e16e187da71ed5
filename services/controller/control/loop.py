"""The control loop: what happens in one cycle, and in which order.

deadline -> emergency stop, lease, service -> commands -> read -> episode, stop or hold -> publish.
"""

from hal.errors import CommandError
from hal.lifecycle import Lifecycle
from hal.types import RobotState
from mbctl.episodes.actor import PolicyActor
from mbctl.tasks.task import Task
from services.controller.control.commands import JogJoint
from services.controller.control.control_fault import ControlFaultError
from services.controller.control.episode_batch import BatchOrder, EpisodeBatch
from services.controller.control.exit_codes import CLEAN, ROBOT_LOST, SERVICE_LOST
from services.controller.control.guarded_robot import GuardedRobot
from services.controller.control.jog import Jog
from services.controller.control.machine import Machine
from services.controller.control.pacer import Pacer
from services.controller.control.planner_client import PlannerClient
from services.controller.control.policy_holder import PolicyHolder
from services.controller.control.publisher import Publisher
from services.controller.control.service_link import Event, ServiceLink
from services.controller.control.settings import ControlSettings
from services.controller.control.verbs import Verbs

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
        machine: Machine,
        policies: PolicyHolder,
        planner: PlannerClient | None,
        link: ServiceLink,
        pacer: Pacer,
    ) -> None:
        self._settings = settings
        self._task = task
        self._robot = robot
        self._machine = machine
        self._policies = policies
        self._planner = planner
        self._actor = PolicyActor(plans=planner)
        self._link = link
        self._pacer = pacer
        self._verbs = Verbs(self, machine, policies, link)
        self._is_lockstep = settings.clock == "lockstep"
        self._state: RobotState | None = None
        self._stop_cause = ""
        self._leaving: tuple[str, int] | None = None
        self._terminations = 0
        self._publisher = Publisher(
            robot,
            machine,
            policies,
            self._actor,
            planner,
            link,
            pacer,
            is_lockstep=self._is_lockstep,
        )
        self.batch: EpisodeBatch | None = None
        self.jog: Jog | None = None

    @property
    def is_degraded(self) -> bool:
        """Whether so many periods were missed in a row that the robot only holds."""
        return self._pacer.overruns_in_a_row > self._settings.loop.overruns_degraded

    def terminate(self) -> None:
        """Signal handler's part: stop in a controlled way, the second time at once."""
        self._terminations += 1

    def start_batch(self, order: BatchOrder) -> None:
        """Run these episodes from the next cycle on."""
        parts = self._robot, self._policies, self._actor, self._link
        self.batch = EpisodeBatch(order, self._task, self._settings.seed, *parts)

    def start_jog(self, command: JogJoint) -> None:
        """Move one joint from the next cycle on; answers the command when that is over.

        Raises:
            HalError: no such joint, or it would leave its range.
        """
        joint, state = self._robot.joint_index(command.joint), self._state
        if state is None:
            raise CommandError("the robot has not been measured yet", reason="NO_STATE")
        if outside := self._robot.far_outside(state):
            raise CommandError(
                f"far outside their range are {', '.join(outside)}, and a jog would move them too: "
                "let an episode's reset lead them back, or bend them by hand while torque is off",
                reason="JOINT_OUT_OF_RANGE",
            )
        held = self._robot.hold_target(state)
        self._robot.check_within(joint, held[joint] + command.delta_rad)
        period_s = self._settings.period_s or self._task.period_s
        measured = float(state.joint_position_rad[joint])
        told = command.delta_rad, command.speed_rad_s, period_s
        self.jog = Jog(command.id, held, joint, *told, measured)

    def want_stop(self, cause: str) -> None:
        """Begin a controlled stop with this cycle."""
        self._stop_cause = self._stop_cause or cause

    def leave(self, cause: str, exit_code: int) -> None:
        """Stop the robot, then end the loop."""
        self._leaving = self._leaving or (cause, exit_code)

    def run(self, started: Event) -> int:
        """Run until told to leave; the robot is without torque when it returns.

        Args:
            started: the event that says the loop runs.
        """
        self._publish(force=True)  # who hears that it has started finds its state on the board
        self._link.emit({"type": "started", **started})
        self._first_read()
        self._publish(force=True)
        while self._leaving is None or self._machine.has_torque:
            self._cycle()
        cause, exit_code = self._leaving
        failed = self._machine.torque_off()
        self._verbs.answer_deactivations()
        self._link.emit({"type": "stopped", "cause": cause, "torque_off_failed": list(failed)})
        self._publish(force=True)
        self._link.beat()
        self._link.confirm_stopped()
        return exit_code

    def _cycle(self) -> None:
        try:
            is_due = self._wait()
        except ControlFaultError as fault:  # found by tending the robot between two steps
            self._fail(fault, self._state)
            is_due = False
        self._link.beat()
        was_leaving = self._leaving is not None
        self._watch()
        self._verbs.take_all()
        if is_due:
            self._step()
            self._pacer.done()
            self._watch_overruns()
        elif self._must_stop_early(was_leaving):
            self._step()
        if self.batch is None:
            self._policies.at_boundary()
        self._verbs.answer_deactivations()
        self._publish(force=not is_due)

    def _must_stop_early(self, was_leaving: bool) -> bool:
        """Whether the loop has just begun to leave: the robot is not left alone until its step."""
        is_new = self._leaving is not None and not was_leaving
        return is_new and self._machine.has_torque and not self._is_lockstep

    def _wait(self) -> bool:
        """True when a step is due; in lockstep nothing steps unless something runs."""
        if self._is_lockstep:
            batch, is_stopping = self.batch, bool(self._stop_cause) or self._machine.is_stopping
            if batch is None and self.jog is None and not is_stopping:
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
            self._stop_cause = ""
            self._end_work("E_STOPPED", "emergency stop")
        lost = self._link.why_lost()
        if lost is not None:
            self.leave("SERVICE_LOST", SERVICE_LOST)
        if self._terminations:
            self.leave("TERMINATED", CLEAN)
        if self._terminations > 1 and self._machine.has_torque:
            self._machine.torque_off()
            self._end_work("TERMINATED", "told twice to terminate")
        if self._leaving is not None and self._machine.has_torque:
            self.want_stop(self._leaving[0])
        if self._machine.lifecycle is Lifecycle.ACTIVE and not self._link.is_lease_live:
            self.want_stop("LEASE_LOST")

    def _step(self) -> None:
        state: RobotState | None = None
        try:
            state = self._state = self._robot.read()
            self._act(state)
        except ControlFaultError as fault:
            self._fail(fault, state)
        self._machine.explain(self._robot.explanation())

    def _act(self, state: RobotState) -> None:
        machine = self._machine
        if self.batch is not None:
            if self._stop_cause:
                self.batch.cut(self._stop_cause, f"the robot is being stopped: {self._stop_cause}")
            self.batch.step(state)
            if self.batch.is_done:
                self.batch = None
        if self._stop_cause:
            cause, self._stop_cause = self._stop_cause, ""
            self._end_jog(cause, f"the robot is being stopped: {cause}")
            machine.begin_stop(cause, state, is_hurried=self._leaving is not None)
        if self.jog is not None:
            self._step_jog(self.jog, state)
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
            self.jog = None
            self._link.reply(jog.command_id)
        else:
            self._end_jog("JOG_NOT_ARRIVED", self._jog_shortfall(jog, state))

    def _watch_overruns(self) -> None:
        limit = self._settings.loop.overruns_in_a_row_max
        if self.is_degraded:
            if self.batch is not None:
                self.batch.cut("LOOP_DEGRADED", self._warning())
            self._end_jog("LOOP_DEGRADED", self._warning())
        if self._pacer.overruns_in_a_row > limit and self._machine.has_torque:
            fault = ControlFaultError(
                "LOOP_OVERRUN",
                f"{self._pacer.overruns_in_a_row} control periods missed in a row, limit {limit}",
            )
            self._pacer.overruns_in_a_row = 0
            self._fail(fault, self._state)

    def _fail(self, fault: ControlFaultError, state: RobotState | None) -> None:
        """The robot first, then the record of it."""
        self._stop_cause = ""
        is_lost = fault.reason in LOST_REASONS
        if not (is_lost and self._machine.is_at_rest):  # one that holds nothing is merely away
            self._machine.latch(fault, state)
        self._end_work(fault.reason, fault.message)
        if is_lost:
            lost = {"reason": fault.reason, "message": fault.message}
            self._link.emit({"type": "robot_lost", **lost})
            self.leave("ROBOT_LOST", ROBOT_LOST)

    def _end_work(self, reason: str, message: str) -> None:
        if self.batch is not None:
            self.batch.abort(reason, message)
            self.batch = None
        self._end_jog(reason, message)

    def _end_jog(self, reason: str, message: str) -> None:
        if self.jog is not None:
            self._link.reply(self.jog.command_id, reason, message)
            self.jog = None

    def _jog_shortfall(self, jog: Jog, state: RobotState) -> str:
        name = self._robot.spec.joint_names[jog.joint]
        return (
            f"{name} did not arrive: {jog.shortfall(state)}; it stays where it is. Is it blocked, "
            "or set up too weak? `mbctl doctor` with the controller stopped tells"
        )

    def _first_read(self) -> None:
        try:
            self._state = self._robot.read()
        except ControlFaultError as fault:
            self._fail(fault, None)

    def _warning(self) -> str:
        if not self.is_degraded:
            return ""
        return (
            f"LOOP_DEGRADED: {self._pacer.overruns_in_a_row} control periods missed in a row, "
            f"limit {self._settings.loop.overruns_degraded}; the robot holds"
        )

    def _publish(self, *, force: bool) -> None:
        self._publisher.show(self._state, self.batch, self._warning(), force=force)
