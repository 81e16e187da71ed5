"""pal/Hopper: Hopper with each action held for two of Gymnasium's steps.

So does the released configuration of PAL (Rajeswaran et al. 2020); the paper does not mention it.
Rewards are the sums over both steps, but for the step that ends an episode, which has that of one
frame less; so returns compare with gym/Hopper-v5. One sample here is two
of Gymnasium's frames, which curves drawn over frames have to count.
"""

from dataclasses import replace

from mbctl.tasks.gym.hopper import Hopper

REPEATS = 2
_FRAME_SKIP = 4  # of gym/Hopper-v5


class RepeatedHopper(Hopper):
    """Physical part [12] as Hopper's; `x_velocity` is the mean over both steps.

    Health is judged once, after the second step.
    """

    facts = replace(
        Hopper.facts,
        name="pal/Hopper",
        period_s=REPEATS * Hopper.facts.period_s,
        cost_weight=REPEATS * Hopper.facts.cost_weight,
        episode_steps=Hopper.facts.episode_steps // REPEATS,
        options={"frame_skip": REPEATS * _FRAME_SKIP},
    )
    forward_weight = REPEATS * Hopper.forward_weight
    healthy_bonus = REPEATS * Hopper.healthy_bonus
