"""`mbctl robot status` for people."""

import math
from collections.abc import Iterator
from typing import Any

from mbctl.cli import printer


def status_text(status: Any, target: str = "") -> str:
    """A GetStatusResponse as aligned lines; `target` is where it came from, if that is known."""
    return printer.key_values(_pairs(status, target))


def _pairs(status: Any, target: str) -> Iterator[tuple[str, object]]:
    from services.client.plain import enum_word

    yield "robot", f"{status.robot} ({status.model}, {status.backend}, {status.clock} clock)"
    if target:
        yield "controller", target
    yield "task", status.task
    yield "lifecycle", enum_word(status, "lifecycle")
    if status.HasField("fault"):
        yield "fault", f"{status.fault.reason}: {status.fault.message}"
    if status.connection_error:
        yield "connection", f"{status.connection_error}; trying again by itself"
    yield from _health(status.health)
    for body in status.state.bodies:
        yield body.name, _body(body)
    yield "lease", _lease(status.lease)
    yield "policy", _policy(status.policy)
    if status.HasField("planner"):
        yield "planner", _planner(status.planner)
    yield "episode", _episode(status.episode)
    yield "loop", loop_line(status)
    yield "spool", spool_line(status.spool)
    if status.spool.error:
        yield "spool error", status.spool.error
    if status.spool.continuity:
        yield "spool id", status.spool.continuity
    yield "real time", _real_time(status.real_time)


def loop_line(status: Any) -> str:
    """Cycle count and, on a wall clock, how late cycles woke."""
    loop = status.loop
    text = f"{loop.cycles} cycles of {1000 * loop.period_s:g} ms"
    if status.clock != "wall":
        return text
    return (
        f"{text}, late p50 {loop.lateness_p50_us:.0f} us, p99 {loop.lateness_p99_us:.0f} us, "
        f"max {loop.lateness_max_us:.0f} us, {loop.overruns} overruns"
    )


def spool_line(spool: Any) -> str:
    """Rows that wait for the trainer, and whether it is there."""
    waiting = spool.rows_written - spool.rows_acknowledged
    peer = "trainer connected" if spool.trainer_connected else "no trainer"
    dropped = f", {spool.rows_dropped} DROPPED" if spool.rows_dropped else ""
    return f"{waiting} of {spool.rows_written} rows wait for acknowledgement{dropped}, {peer}"


def _health(health: Any) -> Iterator[tuple[str, object]]:
    joints = [joint for joint in health.joints if not math.isnan(joint.voltage_v)]
    if health.joints:
        watchdog = f"{health.watchdog_s:g} s" if health.watchdog_s else "not armed"
        yield "servo watchdog", watchdog
    if joints:
        lowest = min(joints, key=lambda joint: joint.voltage_v)
        hottest = max(joints, key=lambda joint: joint.temperature_c)
        yield (
            "servos",
            f"{len(joints)}, lowest {lowest.voltage_v:.1f} V ({lowest.joint}), "
            f"hottest {hottest.temperature_c:.0f} degC ({hottest.joint})",
        )
    for joint in health.joints:
        if joint.hardware_error:
            yield "servo error", f"{joint.joint} ({joint.servo_id}): {_bits(joint.hardware_error)}"
    counted = [
        f"{count} {name.replace('_', ' ')}" for name, count in sorted(health.counters.items())
    ]
    if counted:
        yield "servo bus", ", ".join(counted)
    for warning in health.warnings:
        yield "warning", warning


def _body(body: Any) -> str:
    if not body.pose:
        return "LOST by the tracker"
    x, y, z, *turns = body.pose
    degrees = " ".join(f"{math.degrees(turn):.0f}" for turn in turns)
    seen = f"x {x:.3f} y {y:.3f} z {z:.3f} m, turned {degrees} degrees about its x, y, z"
    return seen if body.valid else f"LOST by the tracker; last seen {seen}"


def _bits(hardware_error: int) -> str:
    from hal.dynamixel.status import HardwareError, error_names

    named = error_names(HardwareError(hardware_error))
    return ", ".join(named) or f"bits {hardware_error:#x}"


def _lease(lease: Any) -> str:
    return f"{lease.owner}, {lease.remaining_s:.1f} s left" if lease.owner else "nobody"


def _policy(policy: Any) -> str:
    text = f"version {policy.version} of {policy.newest_version}, follows {policy.follow or '-'}"
    return f"{text}; refused: {policy.last_refusal}" if policy.last_refusal else text


def _planner(planner: Any) -> str:
    if not planner.alive:
        return f"DOWN, the policy acts alone{': ' if planner.error else ''}{planner.error}"
    return (
        f"plans {1000 * planner.planning_s:.0f} ms, used {1000 * planner.plan_age_s:.0f} ms after "
        f"the question, {100 * planner.late_rate:.0f} % late, disagreement "
        f"{planner.disagreement:.3g}"
    )


def _episode(episode: Any) -> str:
    if not episode.operation:
        return "none"
    done = f"{episode.finished} of {episode.requested} finished"
    return f"{episode.episode_id} step {episode.step}, {done} ({episode.operation})"


def _real_time(report: Any) -> str:
    names = ("timer_slack", "memory_locked", "fifo_scheduling", "gc_frozen")
    return ", ".join(f"{n.replace('_', ' ')}: {printer.cell(getattr(report, n))}" for n in names)
