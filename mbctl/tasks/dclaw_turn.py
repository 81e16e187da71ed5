"""D'Claw Turn: three fingers turn a valve to a goal angle and hold it there.

Definition: ROBEL's DClawTurn{Fixed,Random} (Ahn et al. 2019), with the observation of the PAL/MAL
paper (Rajeswaran et al. 2020, appendix B.1), which has the velocities that the reward needs.

Physical part [20]: claw positions 9 (rad), claw velocities 9 (rad/s), valve angle (rad, unwrapped),
valve velocity (rad/s). Goal [1]: valve angle, rad.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from hal.arrays import array_namespace
from hal.limits import action_to_target, bound_target, target_to_action
from hal.robots.dclaw import DCLAW
from hal.types import ResetTarget, RobotSpec, RobotState
from mbctl.tasks.action_cost import no_action_cost
from mbctl.tasks.angles import wrap_angle
from mbctl.tasks.dclaw_kinematics import HANDLES, handle_features
from mbctl.tasks.dclaw_observation import (
    NAMES,
    POSITIONS,
    VALVE,
    VALVE_VELOCITY,
    VELOCITIES,
    compose,
    error_part,
    last_action_part,
    physical_part,
    reflection_of,
)
from mbctl.tasks.dclaw_symmetry import DCLAW_SYMMETRIES, transform_dclaw
from mbctl.tasks.length import length
from mbctl.tasks.limits import limit_arrays
from mbctl.tasks.reflection import Reflection

Array = Any

SUCCESS_RAD = 0.1  # bonus_big and success
NEAR_RAD = 0.25  # bonus_small
SLOW_RAD_S = 0.5  # joint velocities below this cost nothing


@dataclass(frozen=True)
class DClawTurn:
    """D'Claw Turn with a fixed or a random start and goal.

    Attributes:
        random: start U(-60, 60) deg, goal 180 deg + U(-60, 60) deg; otherwise 0 and 180 deg.
        observation_kind: "default", "paper" or "robel"; dclaw_observation.py lists their columns.
            ROBEL's lacks velocities: recovered ones read as zero, so an imagined reward lacks its
            velocity cost.
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

    @property
    def physical_names(self) -> tuple[str, ...]:
        return (*POSITIONS, *VELOCITIES, "valve_position_rad", "valve_velocity_rad_s")

    @property
    def goal_names(self) -> tuple[str, ...]:
        return ("valve_goal_rad",)

    @property
    def observation_names(self) -> tuple[str, ...]:
        return NAMES[self.observation_kind]

    @property
    def reflection(self) -> Reflection | None:
        return reflection_of(self.observation_kind)

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
        return compose(self.observation_kind, physical, last_action, goal)

    def physical(self, observation: Array) -> Array:
        return physical_part(self.observation_kind, observation)

    def last_action(self, observation: Array) -> Array:
        return last_action_part(self.observation_kind, observation)

    def goal(self, observation: Array) -> Array:
        valve = self.physical(observation)[..., VALVE : VALVE + 1]
        return valve + error_part(self.observation_kind, observation)

    def physical_difference(self, after: Array, before: Array) -> Array:
        xp = array_namespace(after)
        difference = after - before
        angle = wrap_angle(difference[..., VALVE : VALVE + 1])
        return xp.concat([difference[..., :VALVE], angle, difference[..., VALVE + 1 :]], axis=-1)

    def dynamics_inputs(self, physical: Array, action: Array, kinematic: bool) -> Array:
        """The valve has three like handles, so its angle enters as cos 3 theta, sin 3 theta."""
        xp = array_namespace(physical)
        valve = physical[..., VALVE : VALVE + 1]
        parts = [physical[..., :VALVE], physical[..., VALVE_VELOCITY:], action]
        if kinematic:
            low, high, _ = limit_arrays(DCLAW, physical)
            target = action_to_target(action, low, high)
            parts.append(handle_features(valve, physical[..., :9], target))
        else:
            parts += [xp.cos(HANDLES * valve), xp.sin(HANDLES * valve)]
        return xp.concat(parts, axis=-1)

    def applied_action(self, physical: Array, action: Array) -> Array:
        low, high, velocity = limit_arrays(DCLAW, physical)
        target = action_to_target(action, low, high)
        sent = bound_target(target, physical[..., :9], low, high, velocity * self.period_s)
        return target_to_action(sent, low, high)

    def reward(self, physical: Array, goal: Array) -> Array:
        xp = array_namespace(physical)
        distance = self._distance(physical, goal)
        home = xp.asarray(DCLAW.home_position_rad, dtype=physical.dtype)
        pose = length(physical[..., :9] - home)
        velocity = physical[..., 9:18]
        fast = xp.where(xp.abs(velocity) >= SLOW_RAD_S, velocity, xp.zeros_like(velocity))
        return self._turn_reward(distance) - pose - length(fast)

    def action_cost(self, applied_action: Array) -> Array:
        return no_action_cost(applied_action)

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
