"""D'Kitty Stand: stand up from a crouch, or from any pose, and stay where it is.

Definition: ROBEL's DKittyStand{Fixed,Random} (Ahn et al. 2019). With u the uprightness, e the mean
error of the legs from straight and D the distance from the centre, the reward is
2 u - 100 [u < 0] - 4 e - 2 D + 5 u [e < 30 deg] + 10 [e < 15 deg and u > 0.9].
"""

import math

import numpy as np

from hal.arrays import array_namespace
from hal.robots.dkitty import DKITTY
from hal.types import ResetTarget
from mbctl.tasks.dkitty import DKittyTask, Falling
from mbctl.tasks.dkitty_physical import LEGS, upright
from mbctl.tasks.registry import task
from mbctl.tasks.task import Array, flag

CROUCH_RAD = (0.0, math.pi / 4, -math.pi / 2)
KNEE_STOP_RAD = -math.pi / 2
NEAR_RAD = math.pi / 6
SUCCESS_RAD = math.pi / 12
SUCCESS_UPRIGHT = 0.9
SETTLE_S = 0.35  # a control step and 100 physics steps in the benchmark


@task("dkitty-stand", variants=("fixed", "random"))
class DKittyStand(DKittyTask):
    """The pose that it starts from is drawn; nothing tells its halves apart, so it has no mirror.

    ROBEL's columns end with the legs' errors.
    """

    falling = Falling(threshold=0.0, reward=2.0, cost=100.0)

    @property
    def own_names(self) -> tuple[str, ...]:
        if self.observation_kind == "default":
            return ()
        return tuple(f"{joint}_error_rad" for joint in DKITTY.joint_names)

    def sample_start(self, rng: np.random.Generator) -> ResetTarget:
        legs = np.array(CROUCH_RAD * 4)
        if self.random:
            low = DKITTY.position_min_rad.copy()
            if not self.quirks.knees_start_past_their_stop:
                low = np.maximum(low, KNEE_STOP_RAD)
            legs = rng.uniform(low, DKITTY.position_max_rad)
        return ResetTarget(legs, np.zeros(0), np.zeros((1, 6)), settle_s=SETTLE_S)

    def own_columns(self, physical: Array, goal: Array) -> Array:
        legs = physical[..., LEGS]
        return legs[..., :0] if self.observation_kind == "default" else -legs

    def reward(self, physical: Array, goal: Array) -> Array:
        return self.objective(physical, goal) - 2.0 * self.centre_distance(physical)

    def objective(self, physical: Array, goal: Array) -> Array:
        cosine, error = upright(physical), self._pose_error(physical)
        near = flag(error < NEAR_RAD, error) * cosine
        there = flag(self.success(physical, goal), error)
        return self.falling.value(cosine) - 4.0 * error + 5.0 * near + 10.0 * there

    def success(self, physical: Array, goal: Array) -> Array:
        is_up = upright(physical) > SUCCESS_UPRIGHT
        return (self._pose_error(physical) < SUCCESS_RAD) & is_up

    def _pose_error(self, physical: Array) -> Array:
        xp = array_namespace(physical)
        return xp.mean(xp.abs(physical[..., LEGS]), axis=-1)
