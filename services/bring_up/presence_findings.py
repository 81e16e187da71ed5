"""Findings for servos that are missing, doubled, unexpected or of a wrong model, or all silent."""

from collections.abc import Sequence
from shlex import quote

from hal.dynamixel.control_table import MODEL_NUMBERS, control_table_of
from hal.dynamixel.errors import BadStatusError, BusTimeoutError, ServoStatusError
from hal.dynamixel.units import BAUD_RATES, DEFAULT_BAUD_RATE
from hal.robots.registry import other_model_of, servo_layout
from services.bring_up.finding import Finding, fail, ids, ok, warn
from services.bring_up.presence import Presence
from services.bring_up.scan import Sighting
from services.bring_up.target import Target

_BAUD_INDEX = {rate: index for index, rate in BAUD_RATES.items()}
DOUBLED_MAX = 2  # more ids than this are hardly given twice by mistake


def presence_findings(presence: Presence, target: Target) -> list[Finding]:
    """Who is there, at least one: a line for each kind of trouble, or that it is another robot."""
    if is_another_robot(presence, target):
        return [_another_robot(presence, target)]
    found = [
        *_missing(presence, target),
        *_doubled(presence, target),
        *_unexpected(presence, target),
        *_models(presence, target),
    ]
    present = [s for s in target.servos if s.servo_id in presence.found]
    return found or [ok("servos", f"all {len(present)} of the {target.robot}'s servos answer")]


def is_another_robot(presence: Presence, target: Target) -> bool:
    """Whether the ids are those of another robot model."""
    return bool(_other_model(presence, target))


def _other_model(presence: Presence, target: Target) -> str:
    known = [servo.servo_id for servo in target.servos]
    return other_model_of([*presence.found, *presence.doubled], target.required_ids, known)


def _another_robot(presence: Presence, target: Target) -> Finding:
    model = _other_model(presence, target)
    message = f"these ids are a {model}'s, not a {target.robot}'s: {ids(presence.found)}"
    remedy = (
        f"mbctl doctor --robot {model} --port {quote(target.port)}; in a configuration: robot.model"
    )
    return fail("robot", message, f'{remedy} = "{model}"')


def model_name(model_number: int) -> str:
    """Name of a servo model, or its number."""
    if model_number in MODEL_NUMBERS:
        return control_table_of(model_number).model_name
    return f"unknown model {model_number}"


def named(servo_ids: Sequence[int], target: Target) -> str:
    """Ids with the joints that they move."""
    shown = [f"{i} ({target.name_of(i)})" if target.name_of(i) else str(i) for i in servo_ids]
    return f"servo{'s' if len(shown) > 1 else ''} {', '.join(shown)}"


def _missing(presence: Presence, target: Target) -> list[Finding]:
    required = [i for i in presence.missing if i in target.required_ids]
    absent = [i for i in presence.missing if i not in target.required_ids]
    found = []
    if required:
        there = ids(presence.found)
        message = f"no answer from {named(required, target)}; there are {there}"
        found.append(fail("servos", message, _missing_remedy(required, presence, target)))
    if absent:
        message = f"no answer from {named(absent, target)}, which is not needed"
        remedy = f"nothing, unless it should be there: {_scan(target)}"
        found.append(warn("servos", message, remedy))
    return found


def _missing_remedy(missing: Sequence[int], presence: Presence, target: Target) -> str:
    """The chain is broken before the first silent one; its id or rate may also be another."""
    chain = [s.servo_id for s in target.servos]
    before = [i for i in chain[: chain.index(missing[0])] if i in presence.found]
    cable = (
        f"check the plug between {named(before[-1:], target)} and it"
        if before
        else "check its plug"
    )
    return (
        f"{cable}; does its LED blink at power-up? Its id or baud rate may differ: {_scan(target)}"
    )


def _scan(target: Target) -> str:
    return f"mbctl scan --robot {target.robot} --port {quote(target.port)}"


def _doubled(presence: Presence, target: Target) -> list[Finding]:
    if not presence.doubled:
        return []
    if len(presence.doubled) > DOUBLED_MAX:
        message = f"damaged bytes arrive between the answers of {len(presence.doubled)} servos"
        remedy = (
            "look for another master on the bus (a second adapter or program), for a bad cable and "
            f"for a missing common ground: unplug half of the chain, then: {_scan(target)}"
        )
        return [fail("bus noise", message, remedy)]
    message = (
        f"answers of several servos collide at {named(presence.doubled, target)}: one id, twice"
    )
    remedy = (
        "unplug one of them, give the other its own id with DYNAMIXEL Wizard 2.0, then: "
        f"{_scan(target)}"
    )
    return [fail("servo ids", message, remedy)]


def _unexpected(presence: Presence, target: Target) -> list[Finding]:
    if not presence.unexpected:
        return []
    models = [model_name(presence.found[i].model_number) for i in presence.unexpected]
    shown = ", ".join(f"{i} ({m})" for i, m in zip(presence.unexpected, models, strict=True))
    missing = [i for i in presence.missing if i in target.required_ids]
    guess = f"; perhaps the missing {named(missing, target)} under another id" if missing else ""
    message = f"devices that are not the {target.robot}'s answer: {shown}{guess}"
    remedy = "unplug what is not the robot's, or set the right ids with DYNAMIXEL Wizard 2.0"
    return [fail("servo ids", message, remedy)]


def _models(presence: Presence, target: Target) -> list[Finding]:
    """A model without a control table is not driven; two in a robot of one model move unlike."""
    by_model: dict[int, list[int]] = {}
    for servo in target.servos:
        if servo.servo_id in presence.found:
            model = presence.found[servo.servo_id].model_number
            by_model.setdefault(model, []).append(servo.servo_id)
    known = ", ".join(model_name(m) for m in MODEL_NUMBERS)
    strange = {m: i for m, i in by_model.items() if m not in MODEL_NUMBERS}
    found = [
        fail(
            "model",
            f"{named(servo_ids, target)}: {model_name(model)}; supported are {known}",
            "put in a servo of a supported model, or unplug it if it is not the robot's",
        )
        for model, servo_ids in strange.items()
    ]
    driven = {m: i for m, i in by_model.items() if m in MODEL_NUMBERS}
    if len(driven) > 1 and not servo_layout(target.robot).model_numbers:
        shown = "; ".join(f"{model_name(m)}: {ids(i)}" for m, i in driven.items())
        remedy = "put in servos of one model: they differ in torque, speed and what they measure"
        found.append(warn("model", f"servos of different models: {shown}", remedy))
    return found


def unreadable_finding(
    errors: Sequence[BadStatusError | BusTimeoutError | ServoStatusError], target: Target
) -> Finding:
    """Servos that answer pings and do not let themselves be read."""
    who = named([error.servo_id for error in errors], target)
    message = f"{who}: answers pings but no reads, as with status return level 0: {errors[0]}"
    remedy = (
        f"switch the supply off and on, check the plugs, then again: {target.command('doctor')}"
    )
    return fail("replies", message, remedy)


def silent_finding(elsewhere: Sequence[Sighting], target: Target) -> Finding:
    """No servo answers at the target's baud rate; `elsewhere`: those that answer at others."""
    asked = f"no servo answers at {target.baud_rate} baud"
    if not elsewhere:
        message = f"{asked}, nor at any other of a scan"
        remedy = (
            "switch the servos' supply on (each blinks once); check the first plug, and that it "
            "is in the adapter's socket for this kind of servo (TTL or RS-485)"
        )
        return fail("servos", message, f"{remedy}; then: {_scan(target)}")
    rates = sorted({s.baud_rate for s in elsewhere})
    shown = "; ".join(
        f"at {rate}: {ids(s.servo_id for s in elsewhere if s.baud_rate == rate)}" for rate in rates
    )
    return fail("baud rate", f"{asked}, but {shown}", _baud_remedy(rates, target))


def _baud_remedy(rates: Sequence[int], target: Target) -> str:
    if len(rates) > 1:
        one = "give all servos one baud rate with DYNAMIXEL Wizard 2.0"
        return f"{one}: register 8 = {_BAUD_INDEX[DEFAULT_BAUD_RATE]}: 1 Mbps"
    port = f"mbctl doctor --robot {target.robot} --port {quote(target.port)} --baud {rates[0]}"
    remedy = f"{port}, and robot.baud_rate = {rates[0]} in controller.toml"
    if target.baud_rate not in _BAUD_INDEX:
        return remedy
    index = _BAUD_INDEX[target.baud_rate]  # the register holds no bits per second
    return (
        f"{remedy}; or set register 8 of all servos to {index} ({target.baud_rate} baud) with "
        "DYNAMIXEL Wizard 2.0"
    )
