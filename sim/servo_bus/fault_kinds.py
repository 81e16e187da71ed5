"""The faults that can be injected, their parameters, and a checked request for one."""

from dataclasses import dataclass
from math import inf, isfinite
from typing import Any

from hal.errors import HalError


class FaultError(HalError):
    """A request for a fault that does not exist or with values out of range."""

    reason = "FAULT_INVALID"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A number that a kind of fault takes."""

    default: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class FaultKind:
    """What a kind of fault does.

    Attributes:
        effect: in one line, for people.
        needs_id: it befalls one servo, which has to be named.
        parameters: numbers that it takes besides id, count, duration_s and probability.
        words: texts that it takes: the first of each is the default.
    """

    effect: str
    needs_id: bool = False
    parameters: dict[str, Parameter] | None = None
    words: dict[str, tuple[str, ...]] | None = None


_DELAY = {"delay_s": Parameter(0.01, 0.0, 60.0)}
_BYTES = {"bytes": Parameter(4, 1, 1024)}

# These change an answer on its way.
ANSWER_KINDS = {
    "drop": FaultKind("the answer reaches nobody"),
    "delay": FaultKind("the answer comes later, and those after it too", parameters=_DELAY),
    "late": FaultKind(
        "the answer arrives late, but before later ones of its servo; the line goes on meanwhile",
        parameters=_DELAY,
    ),
    "duplicate": FaultKind("the answer comes twice"),
    "flip": FaultKind("bits of the answer are flipped", parameters={"bits": Parameter(1, 1, 64)}),
    "truncate": FaultKind("the answer loses its last bytes", parameters=_BYTES),
    "garbage": FaultKind("random bytes precede the answer", parameters=_BYTES),
    "foreign": FaultKind(
        "a valid status of another ID precedes the answer",
        parameters={"foreign_id": Parameter(99, 0, 252)},
    ),
    "error_status": FaultKind(
        "an error status without data in place of the answer",
        parameters={"number": Parameter(7, 1, 127)},
    ),
    "wrong_length": FaultKind(
        "a valid status with more (or, negative, less) data than asked for",
        parameters={"bytes": Parameter(2, -64, 64)},
    ),
}
# These change what a servo measures, for `count` reads of it or for a time.
SAMPLE_KINDS = {
    "encoder_jump": FaultKind(
        "the present position is off by `ticks`",
        needs_id=True,
        parameters={"ticks": Parameter(1024, -(2**20), 2**20)},
    ),
    "velocity_spike": FaultKind(
        "the present velocity is off by `ticks`",
        needs_id=True,
        parameters={"ticks": Parameter(5000, -(2**20), 2**20)},
    ),
    "glitch": FaultKind("the present position reads -1", needs_id=True),
}
# These are a state of one servo for as long as the fault lasts.
SERVO_KINDS = {
    "mute": FaultKind("the servo neither hears nor answers; its supply stays", needs_id=True),
    "deaf_reboot": FaultKind("a reboot is carried out, but its status is not sent", needs_id=True),
    "duplicate_id": FaultKind("a second servo with the same ID", needs_id=True),
    "temperature": FaultKind(
        "the servo is that hot",
        needs_id=True,
        parameters={"temperature_c": Parameter(72.0, -5.0, 150.0)},
    ),
    "voltage_sag": FaultKind(
        "the servo's supply is that low", parameters={"voltage_v": Parameter(9.0, 0.0, 24.0)}
    ),
}
# These strike at once. Bits of the servo's hardware error status that stay set until a reboot:
LATCHED_BITS = {"voltage": 0, "overheat": 2, "encoder": 3, "shock": 4, "overload": 5}
LATCH_KINDS = {
    name: FaultKind(f"bit {bit} of the hardware error status is set", needs_id=True)
    for name, bit in LATCHED_BITS.items()
}
STRIKE_KINDS = LATCH_KINDS | {
    "brownout": FaultKind(
        "the servo's supply fails for a moment: it starts anew",
        needs_id=True,
        parameters={"silence_s": Parameter(0.3, 0.0, 60.0)},
    ),
    "unplug": FaultKind("the adapter is pulled out"),
    "replug": FaultKind("the adapter is plugged in again"),
}
# These are a state of the line or the adapter.
LINE_KINDS = {
    "echo": FaultKind("the adapter echoes what the host sends"),
    "flood": FaultKind(
        "the line is full of bytes that nobody asked for",
        words={"pattern": ("random", "zeros", "ones", "packets")},
    ),
    "stop_draining": FaultKind("the adapter takes no bytes: the host's writes block"),
}
FAULT_KINDS = ANSWER_KINDS | SAMPLE_KINDS | SERVO_KINDS | STRIKE_KINDS | LINE_KINDS

_COMMON = {
    "count": Parameter(inf, 1, inf),
    "duration_s": Parameter(inf, 0.0, inf),
    "probability": Parameter(1.0, 0.0, 1.0),
}


@dataclass(frozen=True, slots=True)
class InjectedFault:
    """A checked request.

    Attributes:
        kind: a key of FAULT_KINDS.
        servo_id: of the servo concerned; None for all.
        count: how often; infinity for no end.
        duration_s: how long; infinity for no end.
        probability: of each single opportunity.
        values, words: what the kind takes besides.
    """

    kind: str
    servo_id: int | None
    count: float
    duration_s: float
    probability: float
    values: dict[str, float]
    words: dict[str, str]


def parse_fault(request: dict[str, Any]) -> InjectedFault:
    """A fault from its JSON object, such as {"fault": "drop", "id": 11, "count": 3}.

    Raises:
        FaultError: unknown kind or key, a value missing or out of range.
    """
    name = request.get("fault")
    if not isinstance(name, str) or name not in FAULT_KINDS:
        raise FaultError(f"fault is {name!r}, expected one of: {', '.join(FAULT_KINDS)}")
    kind = FAULT_KINDS[name]
    parameters = kind.parameters or {}
    words = kind.words or {}
    known = {"fault", "id", *_COMMON, *parameters, *words}
    if unknown := set(request) - known:
        raise FaultError(f"{name} takes no {', '.join(sorted(unknown))}; it takes {sorted(known)}")
    return InjectedFault(
        kind=name,
        servo_id=_servo_id(name, kind, request.get("id")),
        **{key: _number(name, key, one, request) for key, one in _COMMON.items()},
        values={key: _number(name, key, one, request) for key, one in parameters.items()},
        words={key: _word(name, key, allowed, request) for key, allowed in words.items()},
    )


def _servo_id(name: str, kind: FaultKind, value: object) -> int | None:
    if value is None:
        if kind.needs_id:
            raise FaultError(f"{name} befalls one servo: its id is missing")
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 252:
        raise FaultError(f"{name}: id is {value!r}, expected 0 to 252")
    return value


def _number(name: str, key: str, parameter: Parameter, request: dict[str, Any]) -> float:
    value = request.get(key, parameter.default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise FaultError(f"{name}: {key} is {value!r}, expected a number")
    if not (isfinite(value) or value == parameter.default):
        raise FaultError(f"{name}: {key} is {value}, expected a finite number")
    if not parameter.low <= value <= parameter.high:
        raise FaultError(
            f"{name}: {key} is {value}, expected {parameter.low:g} to {parameter.high:g}"
        )
    return value


def _word(name: str, key: str, allowed: tuple[str, ...], request: dict[str, Any]) -> str:
    value = request.get(key, allowed[0])
    if value not in allowed:
        raise FaultError(f"{name}: {key} is {value!r}, expected one of: {', '.join(allowed)}")
    return value
