"""Puts servo settings right where asked to: first a plan to be seen, then written and read back."""

import contextlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from hal.dynamixel.bus import ServoBus
from hal.dynamixel.control_table import control_table_of
from hal.dynamixel.errors import BadStatusError, BusTimeoutError
from hal.dynamixel.registers import Register
from hal.dynamixel.servo_setup import misfits
from hal.errors import HalError
from services.bring_up.limits_check import travel_ticks
from services.bring_up.readout import Readout, read_servos
from services.bring_up.target import Target

Say = Callable[[str], None]

REPLIES = "status_return_level"
TRIES = 3


class ConfigureError(HalError):
    """A setting that was not written.

    Reasons: TORQUE_ON, settings are locked while it is; SETTING_NOT_WRITTEN.
    """

    reason = "SETTING_NOT_WRITTEN"


@dataclass(frozen=True, slots=True)
class Change:
    """One register of one servo, before and after."""

    servo_id: int
    name: str
    register: str
    present: int
    wanted: int


def plan_settings(readouts: Iterable[Readout]) -> list[Change]:
    """What must be written for every check of settings to pass; legal values stay as they are."""
    return [
        Change(r.servo_id, r.name, misfit.register, misfit.value, misfit.wanted)
        for r in readouts
        for misfit in misfits(control_table_of(r.model_number), r.firmware, r.values)
    ]


def plan_limits(readouts: Iterable[Readout], target: Target) -> list[Change]:
    """What must be written for the servos to keep to the travel of their joints."""
    changes = []
    for readout in readouts:
        low, high = travel_ticks(readout.servo_id, target)
        pair = [
            Change(readout.servo_id, readout.name, register, readout.values[register], wanted)
            for register, wanted in (("min_position_limit", low), ("max_position_limit", high))
        ]
        if high > readout.values["max_position_limit"]:  # the lower end never passes the upper
            pair.reverse()
        changes += [c for c in pair if c.present != c.wanted]
    return changes


def write_changes(
    bus: ServoBus, changes: Sequence[Change], readouts: Iterable[Readout], say: Say
) -> None:
    """Write `changes` in their order, each confirmed and read back.

    Raises:
        ConfigureError: TORQUE_ON, before anything is written; SETTING_NOT_WRITTEN.
        HalError: a servo did not answer, or refused.
    """
    models = {r.servo_id: r.model_number for r in readouts}
    _require_limp(bus, changes, models)
    for change in changes:
        register = control_table_of(models[change.servo_id])[change.register]
        found = _write(bus, change, register)
        if found != change.wanted:
            raise ConfigureError(
                f"{change.name} (servo {change.servo_id}): {change.register} is {found} after "
                f"writing {change.wanted}; the servo may be worn out or of another model"
            )
        say(f"{change.name} (servo {change.servo_id}): {change.register} = {change.wanted}")


def write_settings(
    bus: ServoBus, changes: Sequence[Change], readouts: Iterable[Readout], target: Target, say: Say
) -> None:
    """`write_changes`, then look at everything again: a new mode sets back what others were.

    Raises:
        ConfigureError: as there; SETTING_NOT_WRITTEN where settings do not stay.
        HalError: a servo did not answer, or refused.
    """
    left = changes
    for _ in range(TRIES):
        write_changes(bus, left, readouts, say)
        readouts = read_servos(bus, target)
        left = plan_settings(readouts)
        if not left:
            return
    shown = ", ".join(f"{c.register} = {c.present} of servo {c.servo_id}" for c in left)
    raise ConfigureError(f"settings do not stay as they were written and read back: {shown}")


def _write(bus: ServoBus, change: Change, register: Register) -> int:
    """Write until it reads back right, a few times; what the servo then holds.

    Whether a servo answers the write of how much it answers is nowhere said, so that is not
    waited for.
    """
    is_answered = change.register != REPLIES
    for _ in range(TRIES - 1):
        with contextlib.suppress(BadStatusError, BusTimeoutError):
            bus.write(change.servo_id, register, change.wanted, is_answered)
            if bus.read(change.servo_id, register) == change.wanted:
                return change.wanted
    bus.write(change.servo_id, register, change.wanted, is_answered)
    return bus.read(change.servo_id, register)


def _require_limp(bus: ServoBus, changes: Sequence[Change], models: dict[int, int]) -> None:
    servos = sorted({c.servo_id for c in changes})
    held = [i for i in servos if bus.read(i, control_table_of(models[i])["torque_enable"])]
    if held:
        raise ConfigureError(
            f"torque is on at servos {held}, and settings are locked while it is; "
            "take it off first with --torque-off: what they hold up falls",
            reason="TORQUE_ON",
        )
