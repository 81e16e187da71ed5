"""Checks the servos on the bus: each expected one once, of a known model, and no others."""

import time
from collections.abc import Mapping

from hal.description import ServoJoint
from hal.dynamixel.bus import ServoBus
from hal.dynamixel.calibration import Calibration
from hal.dynamixel.control_table import control_table_of
from hal.dynamixel.errors import BadStatusError, BusTimeoutError, UnknownServoModelError
from hal.dynamixel.replies import Ping
from hal.dynamixel.servo import WATCHDOG_FIRMWARE, Servo
from hal.dynamixel.settings import BusSettings
from hal.errors import HalError
from hal.robots.registry import other_model_of

_PINGS = 4
_PING_TIMEOUT_S = 0.05  # answers to the broadcast may still be coming
_READS_MAX = 12
_ROUNDS = 3  # of reads: a host may be held up in one of them, two servos of one id collide in each
_REST_S = 0.1  # between rounds, so that late answers are not taken for another round's
_CLEAN_ENOUGH = 3
_SPOILED_ENOUGH = 4  # two servos of one id spoil every second read at least
_PROBE_ADDRESS, _PROBE_BYTES = 120, 27  # clock, load, position: no two servos agree in these


class BusCensusError(HalError):
    """The servos on the bus are not the robot's.

    Reasons: MISSING_SERVO, DUPLICATE_ID, UNEXPECTED_SERVO, WRONG_SERVO_MODEL, FIRMWARE_TOO_OLD.
    """

    reason = "MISSING_SERVO"


def take_census(
    bus: ServoBus, calibration: Calibration, settings: BusSettings
) -> tuple[list[Servo], tuple[int, ...]]:
    """Find joints and objects, in this order; guides may be absent.

    Returns:
        The servos, and the ids of others that the settings allow.

    Raises:
        BusCensusError: see there.
    """
    expected = (*calibration.joints, *calibration.objects)
    heard = bus.broadcast_ping(settings.scan_s)
    _refuse_doubled(heard)
    found = {ping.servo_id: ping for ping in heard}
    _seek(bus, [joint for joint in expected if joint.servo_id not in found], found)
    known = {servo.servo_id for servo in calibration.servos}
    extra = tuple(sorted(set(found) - known))
    _refuse_missing(expected, found, extra, bus.port.baud_rate, frozenset(known))
    for joint in expected:
        _refuse_collisions(bus, joint)
    if extra and not settings.allow_unexpected_servos:
        raise BusCensusError(
            f"unexpected servos on the bus: {_describe(found, extra)}; remove them, or allow them "
            "with allow_unexpected_servos",
            reason="UNEXPECTED_SERVO",
        )
    return [_identify(joint, found[joint.servo_id], settings) for joint in expected], extra


def _seek(bus: ServoBus, missing: list[ServoJoint], found: dict[int, Ping]) -> None:
    """Ping in rounds those that did not answer the broadcast."""
    spoiled = dict.fromkeys((joint.servo_id for joint in missing), 0)
    for _ in range(_PINGS):
        for joint in missing:
            if joint.servo_id in found:
                continue
            before = _disturbances(bus)
            try:
                found[joint.servo_id] = bus.ping(joint.servo_id, _PING_TIMEOUT_S)
            except (BusTimeoutError, BadStatusError):
                spoiled[joint.servo_id] += _disturbances(bus) > before
    for joint in missing:
        if joint.servo_id not in found and spoiled[joint.servo_id] == _PINGS:
            raise _collision(joint, _PINGS, _PINGS)


def _refuse_doubled(heard: tuple[Ping, ...]) -> None:
    ids = [ping.servo_id for ping in heard]
    doubled = sorted({i for i in ids if ids.count(i) > 1})
    if doubled:
        raise BusCensusError(
            f"more than one servo has id {doubled[0]}: connect them one at a time and give each "
            "its own",
            reason="DUPLICATE_ID",
        )


def _refuse_missing(
    expected: tuple[ServoJoint, ...],
    found: Mapping[int, Ping],
    extra: tuple[int, ...],
    baud_rate: int,
    known: frozenset[int],
) -> None:
    missing = [joint for joint in expected if joint.servo_id not in found]
    if not missing:
        return
    other = other_model_of(found, [joint.servo_id for joint in expected], known)
    hint = f"these ids are a {other}'s: robot.model; " if other else ""
    names = ", ".join(f"{joint.name} (id {joint.servo_id})" for joint in missing)
    raise BusCensusError(
        f"{hint}no answer at {baud_rate} baud from {names}; found: "
        f"{_describe(found, tuple(sorted(found))) or 'nobody'}; not expected of these: "
        f"{', '.join(map(str, extra)) or 'none'}; check supply, cables, ids and baud rate "
        "(`mbctl scan`)",
        reason="MISSING_SERVO",
    )


def _refuse_collisions(bus: ServoBus, joint: ServoJoint) -> None:
    """Two servos with one id answer at the same time: broken, doubled or unasked answers, always.

    A host that was held up sees some of that as well, but not round after round.
    """
    spoiled = 0
    for attempt in range(_ROUNDS):
        if attempt:
            time.sleep(_REST_S)
        spoiled = _spoiled_reads(bus, joint)
        if spoiled == 0:
            return
    raise _collision(joint, spoiled, _READS_MAX)


def _spoiled_reads(bus: ServoBus, joint: ServoJoint) -> int:
    """How many of a round of reads were disturbed, if too many to be put down to the host; else 0.

    An answer that comes whole behind the first one is seen only by the next read, so a read is
    clean when the one before it was good, too.
    """
    clean = spoiled = 0
    was_good = False
    for _ in range(_READS_MAX):
        before = _disturbances(bus)
        try:
            bus.read_block(joint.servo_id, _PROBE_ADDRESS, _PROBE_BYTES)
            answered = True
        except (BusTimeoutError, BadStatusError):
            answered = False
        is_disturbed = _disturbances(bus) > before
        is_good = answered and not is_disturbed
        spoiled += is_disturbed
        clean += is_good and was_good
        was_good = is_good
        if clean == _CLEAN_ENOUGH:
            return 0
    return spoiled if spoiled >= _SPOILED_ENOUGH and spoiled > 2 * clean else 0


def _collision(joint: ServoJoint, spoiled: int, probes: int) -> BusCensusError:
    return BusCensusError(
        f"{spoiled} of {probes} answers of {joint.name} (id {joint.servo_id}) collided: more "
        "than one servo has this id, or the cable is bad",
        reason="DUPLICATE_ID",
    )


def _disturbances(bus: ServoBus) -> int:
    counters = bus.counters
    return (
        counters.crc_errors
        + counters.skipped_bytes
        + counters.foreign_packets
        + counters.late_packets
        + counters.bad_statuses
    )


def _identify(joint: ServoJoint, ping: Ping, settings: BusSettings) -> Servo:
    where = f"{joint.name} (servo {joint.servo_id})"
    try:
        table = control_table_of(ping.model_number)
    except UnknownServoModelError as error:
        raise BusCensusError(f"{where}: {error}", reason="WRONG_SERVO_MODEL") from error
    servo = Servo(joint, table, ping.firmware)
    if not servo.has_watchdog and not settings.allow_no_watchdog:
        raise BusCensusError(
            f"{where} has firmware {ping.firmware}, at least {WATCHDOG_FIRMWARE} is needed: "
            "without a bus watchdog nothing stops it when this program dies; update it, or accept "
            "that with allow_no_watchdog",
            reason="FIRMWARE_TOO_OLD",
        )
    return servo


def _describe(found: Mapping[int, Ping], ids: tuple[int, ...]) -> str:
    return ", ".join(f"{i} (model {found[i].model_number})" for i in ids)
