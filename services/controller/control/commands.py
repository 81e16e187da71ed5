"""Commands as they come over shared memory, checked before anything acts on them."""

import json
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from hal.errors import ReasonedError
from services.controller.control.settings import (
    JOG_DELTA_MAX_RAD,
    JOG_SPEED_MAX_RAD_S,
    JOG_SPEED_MIN_RAD_S,
)

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
