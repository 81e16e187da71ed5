"""The lifecycle of a robot, and the one table of transitions that are legal.

A `Robot` itself is only ever UNCONFIGURED, INACTIVE or ACTIVE. HOLD, FAULT and E_STOPPED belong to
the control loop above it: latched states in which torque may still be on while the loop stops the
robot. They all lead to INACTIVE and never straight back to ACTIVE, so a reset never starts motion.
"""

from enum import IntEnum

from hal.errors import LifecycleError


class Lifecycle(IntEnum):
    """Numbered as in the wire format."""

    UNCONFIGURED = 1
    INACTIVE = 2  # reads, never writes
    ACTIVE = 3
    HOLD = 4  # stopping: hold, ramp, torque off
    FAULT = 5  # latched until the fault is cleared
    E_STOPPED = 6  # latched until the emergency stop is released


_U, _I, _A, _H, _F, _E = Lifecycle

LEGAL_TRANSITIONS: dict[Lifecycle, frozenset[Lifecycle]] = {
    _U: frozenset({_I, _F, _E}),
    _I: frozenset({_U, _A, _F, _E}),
    _A: frozenset({_I, _H, _F, _E}),
    _H: frozenset({_I, _F, _E}),
    _F: frozenset({_I, _E}),
    _E: frozenset({_I}),
}


def check_transition(current: Lifecycle, target: Lifecycle) -> None:
    """Pass when `current` -> `target` is in the table.

    Raises:
        LifecycleError: it is not; the message lists what is.
    """
    if target not in LEGAL_TRANSITIONS[current]:
        legal = ", ".join(s.name for s in sorted(LEGAL_TRANSITIONS[current]))
        raise LifecycleError(
            f"transition {current.name} -> {target.name} is not allowed; "
            f"from {current.name} the next state is one of: {legal}"
        )
