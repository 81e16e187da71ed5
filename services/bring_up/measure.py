"""Where servos stand, measured often enough to notice that a hand still moves them."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from hal.clock import WallClock
from hal.dynamixel.bus import ServoBus
from hal.dynamixel.control_table import XM430_W350_TABLE
from hal.dynamixel.units import TICKS_PER_TURN
from hal.errors import HalError

SAMPLES = 25
PERIOD_NS = 20_000_000
SPREAD_MAX_TICKS = 4
READ_TIMEOUT_S = 0.1
# At the same place in every supported model.
_POSITION = XM430_W350_TABLE["present_position"]
_TORQUE = XM430_W350_TABLE["torque_enable"]


class MeasurementError(HalError):
    """Angles that cannot be measured.

    Reasons: SERVO_SILENT; TORQUE_ON, nobody can pose a robot that holds itself; NOT_AT_REST;
    POSITION_OUTSIDE_TURN.
    """

    reason = "NOT_AT_REST"


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one servo stands.

    Attributes:
        ticks: mean.
        spread_ticks: between the lowest and the highest sample.
    """

    ticks: float
    spread_ticks: int


def measure_positions(bus: ServoBus, servo_ids: Sequence[int]) -> dict[int, Standing]:
    """Half a second of positions of `servo_ids`.

    Raises:
        MeasurementError: SERVO_SILENT, naming who did not answer each time.
        PortError: the port was lost.
    """
    clock = WallClock()
    samples: dict[int, list[int]] = {i: [] for i in servo_ids}
    deadline_ns = time.monotonic_ns()
    for _ in range(SAMPLES):
        reply = bus.sync_read(
            servo_ids, _POSITION.address, _POSITION.size, timeout_s=READ_TIMEOUT_S
        )
        for servo_id, data in reply.data.items():
            samples[servo_id].append(_POSITION.decode(data))
        deadline_ns += PERIOD_NS
        clock.sleep_until(deadline_ns)
    silent = [i for i, found in samples.items() if len(found) < SAMPLES // 2]
    if silent:
        raise MeasurementError(f"no answer from servos {silent}", reason="SERVO_SILENT")
    return {i: Standing(sum(s) / len(s), max(s) - min(s)) for i, s in samples.items()}


def require_limp(bus: ServoBus, servo_ids: Sequence[int]) -> None:
    """Refuse servos with torque: they are not where a person has placed them.

    Raises:
        MeasurementError: TORQUE_ON, naming them; SERVO_SILENT.
    """
    reply = bus.sync_read(servo_ids, _TORQUE.address, _TORQUE.size, timeout_s=READ_TIMEOUT_S)
    if reply.missing:
        silent = list(reply.missing)
        raise MeasurementError(f"no answer from servos {silent}", reason="SERVO_SILENT")
    held = [i for i, data in reply.data.items() if _TORQUE.decode(data)]
    if held:
        raise MeasurementError(
            f"torque is on at servos {held}, so nobody can bring them into the pose; take it off "
            "with --torque-off: what they hold up falls",
            reason="TORQUE_ON",
        )


def require_rest(standing: dict[int, Standing]) -> None:
    """Refuse positions that no calibration can be made of.

    Raises:
        MeasurementError: NOT_AT_REST or POSITION_OUTSIDE_TURN; names the servos.
    """
    moving = {i: s.spread_ticks for i, s in standing.items() if s.spread_ticks > SPREAD_MAX_TICKS}
    if moving:
        shown = ", ".join(f"{i} by {n} ticks" for i, n in moving.items())
        raise MeasurementError(
            f"servos still move: {shown} in half a second, at most {SPREAD_MAX_TICKS} are at rest; "
            "wait, support the robot, and measure again"
        )
    outside = {i: s.ticks for i, s in standing.items() if not 0 <= s.ticks < TICKS_PER_TURN}
    if outside:
        shown = ", ".join(f"{i} at {ticks:.0f}" for i, ticks in outside.items())
        raise MeasurementError(
            f"servos count beyond one turn: {shown}, expected 0 to {TICKS_PER_TURN - 1} ticks; "
            "switch their supply off and on, then measure again",
            reason="POSITION_OUTSIDE_TURN",
        )
