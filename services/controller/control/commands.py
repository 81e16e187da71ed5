"""What the service process may ask of the loop: each command checked, carried out or refused."""

import json
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from hal.errors import HalError, ReasonedError
from hal.lifecycle import Lifecycle
from services.controller.control.episode_batch import BatchOrder
from services.controller.control.lifecycle_machine import LifecycleMachine
from services.controller.control.policy_holder import PolicyHolder
from services.controller.control.service_link import ServiceLink
from services.controller.control.settings import (
    JOG_DELTA_MAX_RAD,
    JOG_SPEED_MAX_RAD_S,
    JOG_SPEED_MIN_RAD_S,
)
from services.controller.control.work import Work

Text = Annotated[str, Field(min_length=1, max_length=200)]


class _Command(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Text


class PlainCommand(_Command):
    """A verb without arguments."""

    verb: Literal["activate", "deactivate", "clear_fault", "release_estop", "shutdown"]


class CancelEpisodes(_Command):
    """End the running batch with its next step; with `operation`, only if it is that one."""

    verb: Literal["cancel_episodes"]
    operation: str = ""


class RunEpisodes(_Command):
    """Run `count` episodes, from `first_index` of the purpose's seeded sequence on."""

    verb: Literal["run_episodes"]
    operation: Text
    count: Annotated[int, Field(ge=1, le=100_000)]
    purpose: Literal["train", "evaluate"]
    explore: bool
    first_index: Annotated[int, Field(ge=0, le=2**53)] = 0


class JogJoint(_Command):
    """Move one joint slowly; answered when it is there."""

    verb: Literal["jog"]
    joint: Text
    delta_rad: Annotated[
        float, Field(ge=-JOG_DELTA_MAX_RAD, le=JOG_DELTA_MAX_RAD, allow_inf_nan=False)
    ]
    speed_rad_s: Annotated[
        float, Field(ge=JOG_SPEED_MIN_RAD_S, le=JOG_SPEED_MAX_RAD_S, allow_inf_nan=False)
    ]


class RebootServo(_Command):
    """Restart the servo of one joint, without torque."""

    verb: Literal["reboot_servo"]
    joint: Text


Command = PlainCommand | CancelEpisodes | RunEpisodes | JogJoint | RebootServo
_ADAPTER: TypeAdapter[Command] = TypeAdapter(Annotated[Command, Field(discriminator="verb")])


class BadCommandError(ReasonedError):
    """A command that says nothing usable.

    Attributes:
        command_id: of the command; empty when it has none.
    """

    reason = "BAD_COMMAND"

    def __init__(self, command_id: str, message: str) -> None:
        super().__init__(message)
        self.command_id = command_id


def parse_command(data: bytes) -> Command:
    """Read one command.

    Raises:
        BadCommandError: unknown verb, unknown or missing argument, value out of range.
    """
    try:
        return _ADAPTER.validate_json(data)
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(str(part) for part in fault['loc']) or 'command'}: {fault['msg']}"
            for fault in error.errors(include_url=False, include_input=False)[:5]
        )
        raise BadCommandError(_id_of(data), faults) from error


def _id_of(data: bytes) -> str:
    try:
        found = json.loads(data)
    except ValueError:
        return ""
    return str(found.get("id", "")) if isinstance(found, dict) else ""


class RefusedError(ReasonedError):
    """A command that the present state does not allow."""


class Commands:
    """Takes commands from the link and answers each exactly once."""

    def __init__(
        self, work: Work, machine: LifecycleMachine, policies: PolicyHolder, link: ServiceLink
    ) -> None:
        self._work = work
        self._machine = machine
        self._policies = policies
        self._link = link
        self._deactivations: list[str] = []

    def take_all(self) -> None:
        """Carry out every command that is there."""
        while (data := self._link.next_command()) is not None:
            try:
                self._carry_out(parse_command(data))
            except BadCommandError as error:
                self._link.reply(error.command_id, error.reason, error.message)

    def answer_deactivations(self) -> None:
        """Answer those that waited for a stop, once it is over."""
        if not self._deactivations or self._machine.has_torque:
            return
        for command_id in self._deactivations:
            if self._machine.lifecycle is Lifecycle.INACTIVE:
                self._link.reply(command_id)
            else:
                name = self._machine.lifecycle.name
                self._link.reply(command_id, name, f"torque is off, but the robot is {name}")
        self._deactivations.clear()

    def _carry_out(self, command: Command) -> None:
        try:
            if isinstance(command, RunEpisodes):
                self._run_episodes(command)
            elif isinstance(command, CancelEpisodes):
                self._cancel_episodes(command)
            elif isinstance(command, JogJoint):
                self._jog(command)
                return  # answered when it is over
            elif isinstance(command, RebootServo):
                self._reboot_servo(command)
            elif command.verb == "deactivate":
                self._deactivate(command)
                return  # answered when torque is off
            else:
                self._plain(command)
        except (RefusedError, HalError) as error:
            self._link.reply(command.id, error.reason, error.message)
        else:
            self._link.reply(command.id)

    def _plain(self, command: PlainCommand) -> None:
        machine = self._machine
        if command.verb == "activate":
            self._require(Lifecycle.INACTIVE, "WRONG_LIFECYCLE", "activate")
            self._require_lease()
            machine.activate()
        elif command.verb == "clear_fault":
            self._require(Lifecycle.FAULT, "NO_FAULT", "clear_fault")
            if machine.has_torque:
                raise RefusedError("the robot is still being stopped", reason="STOP_IN_PROGRESS")
            machine.clear_fault()
        elif command.verb == "release_estop":
            self._require(Lifecycle.E_STOPPED, "NOT_E_STOPPED", "release_estop")
            machine.release_emergency_stop()
        else:
            self._work.leave("SHUTDOWN", 0)

    def _run_episodes(self, command: RunEpisodes) -> None:
        self._require(Lifecycle.ACTIVE, "NOT_ACTIVE", "run_episodes")
        self._require_lease()
        self._require_idle()
        self._policies.at_boundary()
        if self._policies.policy is None:
            raise RefusedError("no policy has been handed over", reason="NO_POLICY")
        order = BatchOrder(
            command.operation,
            command.count,
            command.purpose,
            command.explore,
            command.first_index,
        )
        self._work.start_batch(order)

    def _jog(self, command: JogJoint) -> None:
        self._require(Lifecycle.ACTIVE, "NOT_ACTIVE", "jog")
        self._require_lease()
        self._require_idle()
        self._work.start_jog(command.id, command.joint, command.delta_rad, command.speed_rad_s)

    def _reboot_servo(self, command: RebootServo) -> None:
        if self._machine.has_torque:
            raise RefusedError(
                "reboot_servo: torque is on; deactivate first", reason="WRONG_LIFECYCLE"
            )
        if self._machine.lifecycle not in (Lifecycle.INACTIVE, Lifecycle.FAULT):
            name = self._machine.lifecycle.name
            raise RefusedError(
                f"reboot_servo needs INACTIVE or FAULT, the robot is {name}",
                reason="WRONG_LIFECYCLE",
            )
        self._machine.reboot_servo(command.joint)

    def _require_idle(self) -> None:
        running = self._work.batch
        if running is not None:
            raise RefusedError(f"{running.order.operation} is running", reason="BUSY")
        if self._work.jog is not None:
            raise RefusedError("a joint is being jogged", reason="BUSY")
        if self._work.is_degraded:
            raise RefusedError(
                "the loop misses its periods: the robot holds", reason="LOOP_DEGRADED"
            )

    def _cancel_episodes(self, command: CancelEpisodes) -> None:
        batch = self._work.batch
        if batch is None or command.operation not in ("", batch.order.operation):
            raise RefusedError(f"'{command.operation}' is not running", reason="NO_EPISODES")
        batch.cut("CANCELLED", "cancelled on request")

    def _deactivate(self, command: PlainCommand) -> None:
        if self._machine.lifecycle not in (Lifecycle.INACTIVE, Lifecycle.ACTIVE, Lifecycle.HOLD):
            name = self._machine.lifecycle.name
            self._link.reply(command.id, "WRONG_LIFECYCLE", f"deactivate: the robot is {name}")
            return
        self._deactivations.append(command.id)
        self._work.want_stop("DEACTIVATED")

    def _require(self, wanted: Lifecycle, reason: str, verb: str) -> None:
        found = self._machine.lifecycle
        if found is not wanted:
            raise RefusedError(
                f"{verb} needs {wanted.name}, the robot is {found.name}", reason=reason
            )

    def _require_lease(self) -> None:
        if not self._link.is_lease_live:
            raise RefusedError("no live lease: nobody may move the robot", reason="LEASE_REQUIRED")
