"""D'Claw Turn: three fingers turn a valve to a goal angle and hold it there.

Definition: ROBEL's DClawTurn{Fixed,Random} (Ahn et al. 2019), with the observation of the PAL/MAL
paper (Rajeswaran et al. 2020, appendix B.1), which has the velocities that the reward needs.

Physical part [20]: claw positions 9 (rad), claw velocities 9 (rad/s), valve angle (rad, unwrapped),
valve velocity (rad/s). Goal [1]: valve angle, rad.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from array_api_compat import array_namespace

from hal.limits import action_to_target, bound_target, target_to_action
from hal.robots.dclaw import DCLAW
from hal.types import ResetTarget, RobotSpec, RobotState
from mbctl.tasks.angles import wrap_angle
from mbctl.tasks.dclaw_symmetry import DCLAW_SYMMETRIES, transform_dclaw
from mbctl.tasks.limits import limit_arrays

Array = Any

SUCCESS_RAD = 0.1  # bonus_big and success
NEAR_RAD = 0.25  # bonus_small
SLOW_RAD_S = 0.5  # joint velocities below this cost nothing
VALVE, VALVE_VELOCITY = 18, 19  # columns of the physical part


@dataclass(frozen=True)
class DClawTurn:
    """D'Claw Turn with a fixed or a random start and goal.

    Attributes:
        random: start U(-60, 60) deg, goal 180 deg + U(-60, 60) deg; otherwise 0 and 180 deg.
        observation_kind: "default" or "robel" (ROBEL's own 21 columns, without velocities: their
            physical part reads as zero, so an imagined reward lacks its velocity cost).
    """

    random: bool
    observation_kind: str = "default"
    period_s: float = 0.1
    episode_steps: int = 40
    symmetries: int = DCLAW_SYMMETRIES

    @property
    def name(self) -> str:
        return "dclaw-turn-random" if self.random else "dclaw-turn-fixed"

    @property
    def robot(self) -> RobotSpec:
        return DCLAW

    @cached_property
    def physical_names(self) -> tuple[str, ...]:
        joints = DCLAW.joint_names
        positions = tuple(f"{j}_position_rad" for j in joints)
        velocities = tuple(f"{j}_velocity_rad_s" for j in joints)
        return (*positions, *velocities, "valve_position_rad", "valve_velocity_rad_s")

    @property
    def goal_names(self) -> tuple[str, ...]:
        return ("valve_goal_rad",)

    @cached_property
    def observation_names(self) -> tuple[str, ...]:
        last_action = tuple(f"{j}_last_action" for j in DCLAW.joint_names)
        positions, velocities = self.physical_names[:9], self.physical_names[9:18]
        if self.observation_kind == "robel":
            return (*positions, "valve_cos", "valve_sin", *last_action, "valve_error_rad")
        valve = ("valve_cos", "valve_sin", "valve_velocity_rad_s")
        return (*positions, *velocities, *valve, *last_action, "error_cos", "error_sin")

    def sample_start(self, rng: np.random.Generator) -> ResetTarget:
        angle = rng.uniform(-math.pi / 3, math.pi / 3) if self.random else 0.0
        return ResetTarget(np.array(DCLAW.home_position_rad), np.array([angle]))

    def sample_goal(self, rng: np.random.Generator) -> np.ndarray:
        offset = rng.uniform(-math.pi / 3, math.pi / 3) if self.random else 0.0
        return np.array([wrap_angle(np.float64(math.pi + offset))])

    def physical_from_state(self, state: RobotState) -> np.ndarray:
        return np.concatenate(
            [
                state.joint_position_rad,
                state.joint_velocity_rad_s,
                state.object_position_rad,
                state.object_velocity_rad_s,
            ]
        )

    def observation(self, physical: Array, last_action: Array, goal: Array) -> Array:
        xp = array_namespace(physical)
        angle = physical[..., VALVE : VALVE + 1]
        error = wrap_angle(goal - angle)
        turned = [xp.cos(angle), xp.sin(angle)]
        if self.observation_kind == "robel":
            return xp.concat([physical[..., :9], *turned, last_action, error], axis=-1)
        velocity = physical[..., VALVE_VELOCITY:]
        aim = [xp.cos(error), xp.sin(error)]
        return xp.concat([physical[..., :18], *turned, velocity, last_action, *aim], axis=-1)

    def physical(self, observation: Array) -> Array:
        xp = array_namespace(observation)
        if self.observation_kind == "robel":
            claw, cos, sin = observation[..., :9], observation[..., 9:10], observation[..., 10:11]
            still = xp.zeros_like(claw)
            return xp.concat([claw, still, xp.atan2(sin, cos), xp.zeros_like(cos)], axis=-1)
        angle = xp.atan2(observation[..., 19:20], observation[..., 18:19])
        return xp.concat([observation[..., :18], angle, observation[..., 20:21]], axis=-1)

    def last_action(self, observation: Array) -> Array:
        begin = 11 if self.observation_kind == "robel" else 21
        return observation[..., begin : begin + 9]

    def goal(self, observation: Array) -> Array:
        xp = array_namespace(observation)
        angle = self.physical(observation)[..., VALVE : VALVE + 1]
        if self.observation_kind == "robel":
            return angle + observation[..., -1:]
        return angle + xp.atan2(observation[..., -1:], observation[..., -2:-1])

    def physical_difference(self, after: Array, before: Array) -> Array:
        xp = array_namespace(after)
        difference = after - before
        angle = wrap_angle(difference[..., VALVE : VALVE + 1])
        return xp.concat([difference[..., :VALVE], angle, difference[..., VALVE + 1 :]], axis=-1)

    def physical_features(self, physical: Array) -> Array:
        """The valve has three identical handles, so its angle enters as cos 3 theta, sin 3 theta."""
        xp = array_namespace(physical)
        angle = 3.0 * physical[..., VALVE : VALVE + 1]
        parts = [physical[..., :VALVE], xp.cos(angle), xp.sin(angle)]
        return xp.concat([*parts, physical[..., VALVE_VELOCITY:]], axis=-1)

    def applied_action(self, physical: Array, action: Array) -> Array:
        low, high, velocity = limit_arrays(DCLAW, physical)
        target = action_to_target(action, low, high)
        sent = bound_target(target, physical[..., :9], low, high, velocity * self.period_s)
        return target_to_action(sent, low, high)

    def reward(self, physical: Array, goal: Array) -> Array:
        xp = array_namespace(physical)
        distance = self._distance(physical, goal)
        home = xp.asarray(DCLAW.home_position_rad, dtype=physical.dtype)
        pose = xp.sqrt(xp.sum((physical[..., :9] - home) ** 2, axis=-1))
        velocity = physical[..., 9:18]
        fast = xp.where(xp.abs(velocity) >= SLOW_RAD_S, velocity, xp.zeros_like(velocity))
        return self._turn_reward(distance) - pose - xp.sqrt(xp.sum(fast**2, axis=-1))

    def objective(self, physical: Array, goal: Array) -> Array:
        return self._turn_reward(self._distance(physical, goal))

    def terminated(self, physical: Array) -> Array:
        return physical[..., 0] != physical[..., 0]  # never, except for what is not a number

    def success(self, physical: Array, goal: Array) -> Array:
        return self._distance(physical, goal) < SUCCESS_RAD

    def transform(self, physical: Array, action: Array, symmetry: int) -> tuple[Array, Array]:
        return transform_dclaw(physical, action, symmetry)

    def _distance(self, physical: Array, goal: Array) -> Array:
        xp = array_namespace(physical)
        return xp.abs(wrap_angle(goal[..., 0] - physical[..., VALVE]))

    def _turn_reward(self, distance: Array) -> Array:
        xp = array_namespace(distance)
        one, zero = xp.ones_like(distance), xp.zeros_like(distance)
        near = xp.where(distance < NEAR_RAD, one, zero)
        there = xp.where(distance < SUCCESS_RAD, one, zero)
        return -5.0 * distance + 10.0 * near + 50.0 * there
