"""Sizes at which tests run each algorithm.

Those that the registry has and that give none here take those of the settings they derive from.
"""

from pathlib import Path

import mbctl.algorithms
from mbctl.algorithms.branched.settings import BranchedSettings
from mbctl.algorithms.game.settings import GameSettings
from mbctl.algorithms.registry import ALGORITHMS
from mbctl.algorithms.sac.settings import ActorCriticSettings
from mbctl.algorithms.settings import AlgorithmSettings
from tests.conformance.algorithm import Case

PRESET_DIR = Path(mbctl.algorithms.__path__[0]).parent / "configs"

# Of algorithms with two players that meet in a model.
SMALL_GAME = {
    "initial_rows": 60,
    "rows_per_refit": 20,
    "members": 2,
    "model_hidden": [16],
    "model_batch": 20,
    "model_epochs": 2,
    "model_steps_min": 5,
    "npg_steps": 2,
    "rollouts": 8,
    "policy_hidden": [8],
    "value_hidden": [8],
    "model_noise": 0.5,
    "intermediate_fraction": 0.5,
}
LEARNING_GAME = {
    "initial_rows": 200,
    "rows_per_refit": 50,
    "members": 4,
    "model_hidden": [32],
    "model_batch": 200,
    "model_epochs": 10,
    "model_learning_rate": 0.01,
    "model_steps_min": 100,
    "model_noise": 0.0,
    "npg_steps": 16,
    "step_size": 0.2,
    "initial_log_std": -0.5,
    "rollouts": 30,
    "intermediate_fraction": 0.0,
    "fresh_goals": True,
    "policy_hidden": [16],
    "value_hidden": [32],
    "gamma": 0.9,
    "fisher_rows": 300,
    "cg_damping": 1e-3,
}
# Of actor-critics.
SMALL_ACTOR_CRITIC = {
    "initial_rows": 60,
    "rows_per_refit": 20,
    "updates_per_row": 0.5,
    "batch": 16,
    "policy_hidden": [8],
    "critic_hidden": [8],
}
LEARNING_ACTOR_CRITIC = {
    "updates_per_row": 1.0,
    "batch": 64,
    "policy_hidden": [32],
    "critic_hidden": [32, 32],
    "policy_learning_rate": 3e-3,
    "critic_learning_rate": 3e-3,
    "gamma": 0.9,
    "target_rate": 0.02,
    "initial_temperature": 0.1,
}
# Of those of them that branch off real states in a model.
SMALL_BRANCHED = {
    **SMALL_ACTOR_CRITIC,
    "members": 3,
    "elites": 2,
    "model_hidden": [8],
    "model_weight_decay": [1e-4, 1e-4],
    "model_batch": 16,
    "model_steps_max": 10,
    "rollouts": 8,
    "horizon_schedule": [1, 2, 0.0, 0.07],
    "real_share": 0.25,
    "retained_refits": 2,
}
LEARNING_BRANCHED = {
    **LEARNING_ACTOR_CRITIC,
    "initial_rows": 200,
    "rows_per_refit": 50,
    "updates_per_row": 2.0,
    "elites": 3,
    "model_hidden": [32],
    "rollouts": 200,
    "fresh_goals": True,
    "horizon": 3,
    "temperature_learning_rate": 3e-3,
}
SMALL_SEARCH = {"horizon": 3, "population": 10, "iterations": 1, "elites": 2, "proposals": 2}
MAAC_SEARCH = {"method": "cem", **SMALL_SEARCH, "prior_std": True, "reward": "task"}

PAL = Case("pal", SMALL_GAME, {**LEARNING_GAME, "npg_steps": 6}, refits=4)
MAL = Case("mal", SMALL_GAME, LEARNING_GAME, refits=3)
GDA = Case(
    "gda",
    {**SMALL_GAME, "initial_model_epochs": 5},
    {
        **LEARNING_GAME,
        "rows_per_refit": 20,
        "initial_model_epochs": 100,
        "model_epochs": 1,
        "model_steps_min": 1,
        "npg_steps": 1,
    },
    refits=25,
)
BR = Case(
    "br",
    {**SMALL_GAME, "initial_model_epochs": 5},
    {**LEARNING_GAME, "initial_model_epochs": 100, "model_epochs": 100},
    refits=3,
)
SAC = Case(
    "sac",
    SMALL_ACTOR_CRITIC,
    {
        **LEARNING_ACTOR_CRITIC,
        "initial_rows": 300,
        "rows_per_refit": 100,
        "temperature_learning_rate": 3e-3,
        "relabelled": 0.5,
    },
    refits=5,
)
MBPO = Case(
    "mbpo",
    SMALL_BRANCHED,
    {
        **LEARNING_ACTOR_CRITIC,
        "initial_rows": 300,
        "rows_per_refit": 100,
        "updates_per_row": 2.0,
        "model_hidden": [32],
        "model_batch": 64,
        "model_steps_max": 200,
        "model_learning_rate": 5e-3,
        "rollouts": 500,
        "horizon_schedule": [1, 3, 0.0, 0.5],
        "retained_refits": 3,
        "real_share": 0.1,
        "temperature_learning_rate": 3e-3,
        "relabelled": 0.5,
    },
    refits=3,
)
MEMB = Case(
    "memb",
    {
        **SMALL_ACTOR_CRITIC,
        "model_updates_per_row": 0.5,
        "model_hidden": [8],
        "known_termination": True,
    },
    {
        **LEARNING_ACTOR_CRITIC,
        "initial_rows": 300,
        "rows_per_refit": 100,
        "model_updates_per_row": 1.0,
        "model_learning_rate": 3e-3,
        "model_hidden": [32],
        "initial_temperature": 0.05,
        "learned_reward": False,
        "relabelled": 0.5,
    },
    refits=8,
)
MAAC = Case(
    "maac",
    {
        **SMALL_BRANCHED,
        "model_weight_decay": [],
        "rollout_blocks": 2,
        "retained_refits": 3,
        "horizon": 2,
        "terminal_actions": 2,
    },
    {
        **LEARNING_BRANCHED,
        "model_batch": 100,
        "model_learning_rate": 0.01,
        "model_steps_max": 300,
        "entropy": "path",
    },
    refits=3,
)
DDPPO = Case(
    "ddppo",
    {**SMALL_BRANCHED, "neighbours": 3, "directions_per_step": 2, "horizon": 2},
    {
        **LEARNING_BRANCHED,
        "model_batch": 64,
        "model_steps_max": 150,
        "model_learning_rate": 5e-3,
        "directions_per_step": 1,
        "retained_refits": 3,
        "relabelled": 0.5,
    },
    refits=3,
)
PAL_MPC = Case("pal-mpc", {**SMALL_GAME, "planner": SMALL_SEARCH}, PAL.learning, refits=2)
MAL_MPC = Case("mal-mpc", {**SMALL_GAME, "planner": SMALL_SEARCH}, MAL.learning, refits=2)
MAAC_MPC = Case(
    "maac-mpc",
    {
        **MAAC.settings,
        "reward": "task",
        "gamma": 0.99,
        "planner": {**MAAC_SEARCH, "gamma": 0.99},
    },
    {**MAAC.learning, "planner": {**MAAC_SEARCH, "gamma": 0.9}},
    refits=2,
    success=MAAC.success,
)
MBCTL = Case(
    "mbctl",
    {
        **SMALL_GAME,
        "model_kinematics": False,
        "symmetry": False,
        "mirrored_policy": False,
        "planner": SMALL_SEARCH,
    },
    PAL.learning,
    refits=2,
)
ROWS = {"initial_rows": 60, "rows_per_refit": 20}
LEARNING_ROWS = {"initial_rows": 300, "rows_per_refit": 100}
_FAMILIES = (
    (GameSettings, SMALL_GAME, LEARNING_GAME),
    (BranchedSettings, SMALL_BRANCHED, LEARNING_BRANCHED),
    (ActorCriticSettings, SMALL_ACTOR_CRITIC, {**LEARNING_ACTOR_CRITIC, **LEARNING_ROWS}),
    (AlgorithmSettings, ROWS, LEARNING_ROWS),
)


def family_case(name: str, settings: type[AlgorithmSettings]) -> Case:
    """The sizes of the first family whose settings these derive from, as far as they have them."""
    sizes = next(sizes for family, *sizes in _FAMILIES if issubclass(settings, family))
    small, learning = ({k: v for k, v in s.items() if k in settings.model_fields} for s in sizes)
    return Case(name, small, learning)


_OURS = (PAL, MAL, GDA, BR, SAC, MBPO, MEMB, MAAC, DDPPO, PAL_MPC, MAL_MPC, MAAC_MPC, MBCTL)
CASES = {name: family_case(name, ALGORITHMS[name].settings) for name in ALGORITHMS.names()}
CASES |= {case.name: case for case in _OURS}
