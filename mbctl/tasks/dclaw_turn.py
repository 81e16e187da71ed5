"""D'Claw Turn: three fingers turn a valve to a goal angle and hold it there.

Definition: ROBEL's DClawTurn{Fixed,Random} (Ahn et al. 2019), with the observation of the PAL/MAL
paper (Rajeswaran et al. 2020, appendix B.1), which has the velocities that the reward needs.
"""

import math

import numpy as np

from hal.arrays import array_namespace
from hal.robots.dclaw import DCLAW
from hal.types import ResetTarget
from mbctl.tasks.dclaw import CLAW, CLAW_VELOCITIES, VALVE, DClawTask
from mbctl.tasks.geometry import length, wrap_angle
from mbctl.tasks.reflection import Reflection, kept
from mbctl.tasks.registry import task
from mbctl.tasks.task import Array, flag

SUCCESS_RAD = 0.1  # bonus_big and success
NEAR_RAD = 0.25  # bonus_small
SLOW_RAD_S = 0.5  # joint velocities below this cost nothing
SPREAD_RAD = math.pi / 3  # of the start about 0 and of the goal about half a turn


@task("dclaw-turn", variants=("fixed", "random"))
class DClawTurn(DClawTask):
    """Goal [1]: valve angle, rad.

    Observed last is the valve's error: its cos and sin, or the angle among ROBEL's columns.
    """

    goal_names = ("valve_goal_rad",)
    episode_steps = 40

    @property
    def own_names(self) -> tuple[str, ...]:
        is_robel = self.observation_kind == "robel"
        return ("valve_error_rad",) if is_robel else ("error_cos", "error_sin")

    @property
    def reflection(self) -> Reflection | None:
        return self.mirror(kept(1.0, -1.0))

    def sample_start(self, rng: np.random.Generator) -> ResetTarget:
        angle = rng.uniform(-SPREAD_RAD, SPREAD_RAD) if self.random else 0.0
        return ResetTarget(np.array(DCLAW.home_position_rad), np.array([angle]))

    def sample_goal(self, rng: np.random.Generator) -> np.ndarray:
        offset = rng.uniform(-SPREAD_RAD, SPREAD_RAD) if self.random else 0.0
        return np.array([wrap_angle(np.float64(math.pi + offset))])

    def own_columns(self, physical: Array, goal: Array) -> Array:
        xp = array_namespace(physical)
        error = wrap_angle(goal - physical[..., VALVE : VALVE + 1])
        if self.observation_kind == "robel":
            return error
        return xp.concat([xp.cos(error), xp.sin(error)], axis=-1)

    def goal(self, observation: Array) -> Array:
        error = observation[..., -1:]
        if self.observation_kind != "robel":
            error = array_namespace(observation).atan2(error, observation[..., -2:-1])
        return self.physical(observation)[..., VALVE : VALVE + 1] + error

    def reward(self, physical: Array, goal: Array) -> Array:
        xp = array_namespace(physical)
        turn = self.objective(physical, goal)
        home = xp.asarray(DCLAW.home_position_rad, dtype=physical.dtype, device=physical.device)
        pose = length(physical[..., CLAW] - home)
        velocity = physical[..., CLAW_VELOCITIES]
        fast = xp.where(xp.abs(velocity) >= SLOW_RAD_S, velocity, xp.zeros_like(velocity))
        return turn - pose - length(fast)

    def objective(self, physical: Array, goal: Array) -> Array:
        distance = self._distance(physical, goal)
        near, there = flag(distance < NEAR_RAD, distance), flag(distance < SUCCESS_RAD, distance)
        return -5.0 * distance + 10.0 * near + 50.0 * there

    def success(self, physical: Array, goal: Array) -> Array:
        return self._distance(physical, goal) < SUCCESS_RAD

    def _distance(self, physical: Array, goal: Array) -> Array:
        xp = array_namespace(physical)
        return xp.abs(wrap_angle(goal[..., 0] - physical[..., VALVE]))
