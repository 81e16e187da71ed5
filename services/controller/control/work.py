"""What the loop is to do: a batch of episodes or a jog, a stop that was asked for, its own end."""

from hal.errors import CommandError
from hal.types import RobotState
from mbctl.episodes.actor import PolicyActor
from mbctl.tasks.task import Task
from services.controller.control.episode_batch import BatchOrder, EpisodeBatch
from services.controller.control.guarded_robot import GuardedRobot
from services.controller.control.jog import Jog
from services.controller.control.pacer import Pacer
from services.controller.control.policy_holder import PolicyHolder
from services.controller.control.service_link import ServiceLink
from services.controller.control.settings import ControlSettings


class Work:
    """Commands begin and end it, the loop carries it out.

    Attributes:
        batch: of episodes that run; never beside a jog.
        jog: that runs.
        state: of the robot, as measured last; None before the first read.
        stop_cause: why a controlled stop is to begin with this cycle; empty when none is.
        leaving: why the loop is to end, and its exit code; None while it is not.
    """

    def __init__(
        self,
        settings: ControlSettings,
        task: Task,
        robot: GuardedRobot,
        policies: PolicyHolder,
        actor: PolicyActor,
        link: ServiceLink,
        pacer: Pacer,
    ) -> None:
        self._settings = settings
        self._task = task
        self._robot = robot
        self._policies = policies
        self._actor = actor
        self._link = link
        self._pacer = pacer
        self.batch: EpisodeBatch | None = None
        self.jog: Jog | None = None
        self.state: RobotState | None = None
        self.stop_cause = ""
        self.leaving: tuple[str, int] | None = None

    @property
    def is_degraded(self) -> bool:
        """Whether so many periods were missed in a row that the robot only holds."""
        return self._pacer.overruns_in_a_row > self._settings.loop.overruns_degraded

    def warning(self) -> str:
        """What the status says of missed periods; empty when the loop keeps them."""
        if not self.is_degraded:
            return ""
        return (
            f"LOOP_DEGRADED: {self._pacer.overruns_in_a_row} control periods missed in a row, "
            f"limit {self._settings.loop.overruns_degraded}; the robot holds"
        )

    def start_batch(self, order: BatchOrder) -> None:
        """Run these episodes from the next cycle on."""
        parts = self._robot, self._policies, self._actor, self._link
        self.batch = EpisodeBatch(order, self._task, self._settings.seed, *parts)

    def start_jog(self, command_id: str, joint: str, delta_rad: float, speed_rad_s: float) -> None:
        """Move one joint from the next cycle on; answers `command_id` when that is over.

        Raises:
            HalError: no such joint, or it would leave its range.
        """
        index, state = self._robot.joint_index(joint), self.state
        if state is None:
            raise CommandError("the robot has not been measured yet", reason="NO_STATE")
        if outside := self._robot.far_outside(state):
            raise CommandError(
                f"far outside their range are {', '.join(outside)}, and a jog would move them too: "
                "let an episode's reset lead them back, or bend them by hand while torque is off",
                reason="JOINT_OUT_OF_RANGE",
            )
        held = self._robot.hold_target(state)
        self._robot.check_within(index, held[index] + delta_rad)
        period_s = self._settings.period_s or self._task.period_s
        measured = float(state.joint_position_rad[index])
        told = delta_rad, speed_rad_s, period_s
        self.jog = Jog(command_id, held, index, *told, measured)

    def want_stop(self, cause: str) -> None:
        """Begin a controlled stop with this cycle."""
        self.stop_cause = self.stop_cause or cause

    def leave(self, cause: str, exit_code: int) -> None:
        """Stop the robot, then end the loop."""
        self.leaving = self.leaving or (cause, exit_code)

    def end(self, reason: str, message: str) -> None:
        """End what runs at once."""
        if self.batch is not None:
            self.batch.abort(reason, message)
            self.batch = None
        self.end_jog(reason, message)

    def end_jog(self, reason: str, message: str) -> None:
        """End a jog that runs; its command is refused with this reason."""
        if self.jog is not None:
            self._link.reply(self.jog.command_id, reason, message)
            self.jog = None
