"""The safety gate: the last code before a robot, which cannot be configured away.

A request that is unusable, or a state that cannot be trusted, is a fault and yields no command. All
else is shaped. Of positions, the range beats the velocity bound, which beats the acceleration
bound, so a joint that is derated or led back into its range may brake faster than the acceleration
limit. Of torques and forces, none drives a joint on that is too fast or out of its range; that
beats derating, which beats the bound on their rate, which lets them sink to 0 at once.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hal.commands import kind_mismatch
from hal.faults import FaultCause
from hal.limits import bound_target, drives_on
from hal.types import ActuatorKind, JointCommand, RobotSpec, RobotState, Vector
from hal.verdict import CurrentLoad, GateLimits, GateMemory, GateVerdict, current_load, over_for_s

__all__ = ["GateLimits", "GateMemory", "GateVerdict", "SafetyGate"]

_ALTERED = 1e-9  # smaller changes are rounding
_NS_PER_S = 1e9

Mask = NDArray[np.bool_]
Causes = list[tuple[str, Callable[[], Mask]]]  # what altered a command, and in which joints [J]


class SafetyGate:
    """The gate of one control loop.

    Args:
        spec: limits of the robot.
        period_s: control period.
        limits: what else is accepted.

    Raises:
        ValueError: a period that is not positive and finite.
    """

    def __init__(self, spec: RobotSpec, period_s: float, limits: GateLimits | None = None) -> None:
        if not 0.0 < period_s < float("inf"):
            raise ValueError(f"period_s is {period_s}, expected a positive time")
        self._spec = spec
        self._period_s = period_s
        self._limits = limits or GateLimits()
        self._step_max = spec.velocity_max_rad_s * period_s
        self._effort_change_max = np.array([j.effort_rate_max for j in spec.joints]) * period_s
        self._accelerations_bound = bool(np.isfinite(spec.acceleration_max_rad_s2).any())
        self._whole_step = np.ones(len(spec.joints))
        self._current_max = np.array([j.current_max_ma for j in spec.joints])
        self._temperature_max = np.array([j.temperature_max_c for j in spec.joints])
        self._memory = GateMemory.empty(len(spec.joints))
        self._warm_up()

    @property
    def step_max_rad(self) -> Vector:
        """[J] how far a joint that is driven by position may be sent in one period."""
        return self._step_max

    @property
    def memory(self) -> GateMemory:
        """What the last cycle left."""
        return self._memory

    def reset(self) -> None:
        """Forget the last cycle: after an activation, and after a reset moved the robot."""
        self._memory = GateMemory.empty(len(self._spec.joints))

    def check(self, state: RobotState, requested: JointCommand, now_ns: int) -> GateVerdict:
        """Decide what is sent for `requested` at `now_ns`, given the latest measurement."""
        verdict, self._memory = self.judge(self._memory, state, requested, now_ns)
        return verdict

    def judge(
        self, memory: GateMemory, state: RobotState, requested: JointCommand, now_ns: int
    ) -> tuple[GateVerdict, GateMemory]:
        """`check` as a pure function of everything it depends on."""
        readable = state.valid & np.isfinite(state.joint_position_rad)
        invalid_reads = np.where(readable, 0, memory.invalid_reads + 1)
        load = current_load(memory.load, state.joint_current_ma, self._current_max, state.stamp_ns)
        kept = replace(memory, invalid_reads=invalid_reads, load=load)
        refusal = (
            self._refuse_request(requested)
            or self._refuse_age(state.stamp_ns, now_ns)
            or self._refuse_invalid(invalid_reads, memory.command)
            or self._refuse_current(load, state)
            or self._refuse_temperature(state)
        )
        if refusal is not None:
            return refusal, kept
        return self._shape(kept, state, requested.target, readable)

    def _refuse_request(self, requested: JointCommand) -> GateVerdict | None:
        target, count = requested.target, len(self._spec.joints)
        if target.shape != (count,) or target.dtype != np.float64:
            return GateVerdict.refuse(
                FaultCause.COMMAND_SHAPE,
                f"command is {target.dtype} {target.shape}, expected float64 ({count},)",
            )
        if wrong := kind_mismatch(self._spec, requested):
            return GateVerdict.refuse(FaultCause.COMMAND_KIND, wrong)
        finite = np.isfinite(target)
        if not finite.all():
            joint = int(np.argmin(finite))
            kind = self._spec.kinds[joint]
            noun = "angle" if kind is ActuatorKind.POSITION else kind.value
            return GateVerdict.refuse(
                FaultCause.COMMAND_NOT_FINITE,
                f"joint {self._name(joint)} commanded {target[joint]} {kind.unit}, expected a "
                f"finite {noun}",
            )
        return None

    def _refuse_age(self, stamp_ns: int, now_ns: int) -> GateVerdict | None:
        age_s = (now_ns - stamp_ns) / _NS_PER_S
        if 0.0 <= age_s <= self._limits.state_age_max_s:
            return None
        return GateVerdict.refuse(
            FaultCause.STATE_STALE,
            f"measurement is {age_s:.4g} s old, limit [0, {self._limits.state_age_max_s}] s",
        )

    def _refuse_invalid(
        self, invalid_reads: NDArray[np.int64], last_command: Vector | None
    ) -> GateVerdict | None:
        allowed = 0 if last_command is None else self._limits.invalid_reads_max
        if not (invalid_reads > allowed).any():
            return None
        unread = np.flatnonzero(invalid_reads > allowed)
        why = "; it has no earlier command to hold" if last_command is None else ""
        return GateVerdict.refuse(
            FaultCause.STATE_INVALID,
            f"{self._names(unread)} unreadable for {invalid_reads.max()} cycles in a row, "
            f"limit {allowed}{why}",
        )

    def _refuse_current(self, load: CurrentLoad | None, state: RobotState) -> GateVerdict | None:
        if load is None:
            return None
        over_s, allowed_s = over_for_s(load), self._limits.current_over_max_s
        if not (over_s > allowed_s).any():
            return None
        joint = int(np.argmax(over_s))
        return GateVerdict.refuse(
            FaultCause.CURRENT_LIMIT,
            f"joint {self._name(joint)} draws {state.joint_current_ma[joint]:.0f} mA, for "
            f"{over_s[joint]:.1f} s more than its limit of {self._current_max[joint]:.0f} mA, "
            f"allowed for {allowed_s} s: look for what is in its way",
        )

    def _refuse_temperature(self, state: RobotState) -> GateVerdict | None:
        # NaN, for "not measured", compares false.
        over = state.joint_temperature_c > self._temperature_max
        if over.any():
            joint = int(np.argmax(over))
            return GateVerdict.refuse(
                FaultCause.TEMPERATURE_LIMIT,
                f"joint {self._name(joint)} is at {state.joint_temperature_c[joint]:.0f} degC, "
                f"limit {self._temperature_max[joint]:.0f} degC",
            )
        return None

    def _shape(
        self, memory: GateMemory, state: RobotState, requested: Vector, readable: Mask
    ) -> tuple[GateVerdict, GateMemory]:
        """What may be sent of `requested`, bounded joint by joint as the joint is driven."""
        drawn = state.joint_current_ma if memory.load is None else memory.load.mean_ma
        by_current = self._derate(drawn, self._current_max)
        by_temperature = self._derate(state.joint_temperature_c, self._temperature_max)
        share = by_current * by_temperature
        derated: Causes = [
            ("CURRENT_DERATED", lambda: readable & (by_current < 1.0)),
            ("TEMPERATURE_DERATED", lambda: readable & (by_temperature < 1.0)),
        ]
        target, velocity, causes = self._shape_positions(
            memory, state, requested, readable, share, derated
        )
        if not self._spec.takes_positions:
            efforts, others = self._shape_efforts(
                memory, state, requested, readable, share, derated
            )
            driven = self._spec.is_position
            target, velocity = np.where(driven, target, efforts), np.where(driven, velocity, 0.0)
            causes = [*_among(driven, causes), *_among(~driven, others)]
        clipped = bool(_differ(target, requested).any())
        names = dict.fromkeys(name for name, joints in causes if clipped and joints().any())
        verdict = GateVerdict(self._spec.command(target), clipped, tuple(names))
        return verdict, replace(memory, command=target, velocity_rad_s=velocity)

    def _shape_positions(
        self,
        memory: GateMemory,
        state: RobotState,
        requested: Vector,
        readable: Mask,
        share: Vector,
        derated: Causes,
    ) -> tuple[Vector, Vector, Causes]:
        """[J] positions that may be sent, and the velocities that they imply."""
        spec, position = self._spec, state.joint_position_rad
        in_range = np.clip(requested, spec.position_min_rad, spec.position_max_rad)
        smooth = self._bound_acceleration(in_range, position, memory.velocity_rad_s)
        step_max = self._step_max * share
        target = bound_target(
            smooth, position, spec.position_min_rad, spec.position_max_rad, step_max
        )
        velocity = (target - position) / self._period_s
        if memory.command is not None:
            target = np.where(readable, target, memory.command)
            velocity = np.where(readable, velocity, 0.0)
        causes: Causes = [
            ("POSITION_LIMIT", lambda: _differ(in_range, requested)),
            ("ACCELERATION_LIMIT", lambda: readable & _differ(smooth, in_range)),
            ("VELOCITY_LIMIT", lambda: readable & (np.abs(in_range - position) > self._step_max)),
            *derated,
            ("UNREADABLE_JOINT_HELD", lambda: ~readable),
        ]
        return target, velocity, causes

    def _shape_efforts(
        self,
        memory: GateMemory,
        state: RobotState,
        requested: Vector,
        readable: Mask,
        share: Vector,
        derated: Causes,
    ) -> tuple[Vector, Causes]:
        """[J] torques and forces that may be sent; none where a joint cannot be read."""
        spec, velocity = self._spec, state.joint_velocity_rad_s
        low, high = spec.command_min, spec.command_max
        in_range = np.clip(requested, low, high)
        before = np.zeros(len(spec.joints)) if memory.command is None else memory.command
        least = np.minimum(before - self._effort_change_max, 0.0)
        most = np.maximum(before + self._effort_change_max, 0.0)
        smooth = np.clip(in_range, least, most)
        weak = np.clip(smooth, low * share, high * share)
        outside = drives_on(
            weak, state.joint_position_rad, spec.position_min_rad, spec.position_max_rad
        )
        too_fast = drives_on(weak, velocity, -spec.velocity_max_rad_s, spec.velocity_max_rad_s)
        blind = ~(readable & np.isfinite(velocity))
        causes: Causes = [
            ("EFFORT_LIMIT", lambda: _differ(in_range, requested)),
            ("EFFORT_RATE_LIMIT", lambda: _differ(smooth, in_range)),
            ("POSITION_LIMIT", lambda: outside),
            ("VELOCITY_LIMIT", lambda: too_fast),
            *derated,
            ("UNREADABLE_JOINT_RELEASED", lambda: blind),
        ]
        return np.where(outside | too_fast | blind, 0.0, weak), causes

    def _bound_acceleration(self, target: Vector, position: Vector, previous: Vector) -> Vector:
        """Keep the implied velocity within the acceleration limit of the `previous` one."""
        if not self._accelerations_bound:
            return target  # exactly, without the rounding of the detour over velocities
        change = self._spec.acceleration_max_rad_s2 * self._period_s
        velocity = (target - position) / self._period_s
        bounded = np.clip(velocity, previous - change, previous + change)
        return np.where(bounded == velocity, target, position + bounded * self._period_s)

    def _derate(self, load: Vector, load_max: Vector) -> Vector:
        """[J] 1 up to the knee, falling to 0 at the limit; 1 where `load` is not measured."""
        if not np.isfinite(load).any():
            return self._whole_step
        start = self._limits.derate_from
        fraction = np.where(np.isfinite(load), load, 0.0) / load_max
        return np.clip((1.0 - fraction) / (1.0 - start), 0.0, 1.0)

    def _warm_up(self) -> None:
        """The first call imports array_api_compat's NumPy part: 0.1 s that no cycle can spare."""
        low, high = self._spec.position_min_rad, self._spec.position_max_rad
        bound_target(low, low, low, high, self._step_max)

    def _names(self, joints: NDArray[np.int64]) -> str:
        """All that are meant: to name one of many would send people to a servo that is well."""
        names = ", ".join(self._name(int(joint)) for joint in joints)
        count = len(self._spec.joints)
        if 1 < len(joints) == count:
            return f"all {count} joints"
        return f"joint{'s' if len(joints) > 1 else ''} {names}"

    def _name(self, joint: int) -> str:
        return repr(self._spec.joint_names[joint])


def _differ(a: Vector, b: Vector) -> Mask:
    return np.abs(a - b) > _ALTERED


def _among(joints: Mask, causes: Causes) -> Causes:
    """The causes, told of these joints [J] alone."""
    return [(name, lambda mask=mask: joints & mask()) for name, mask in causes]
