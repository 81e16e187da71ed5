"""Every registered algorithm keeps the contract. A new one gives its sizes here."""

import pytest

from mbctl.algorithms.registry import ALGORITHM_NAMES
from tests.conformance.algorithm import AlgorithmContract, Case

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
CASES = {
    "pal": Case("pal", SMALL_GAME, {**LEARNING_GAME, "npg_steps": 6}, refits=4),
    "mal": Case("mal", SMALL_GAME, LEARNING_GAME, refits=3),
    "gda": Case(
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
    ),
    "br": Case(
        "br",
        {**SMALL_GAME, "initial_model_epochs": 5},
        {**LEARNING_GAME, "initial_model_epochs": 100, "model_epochs": 100},
        refits=3,
    ),
    "sac": Case(
        "sac",
        {
            "initial_rows": 60,
            "rows_per_refit": 20,
            "updates_per_row": 0.5,
            "batch": 16,
            "policy_hidden": [8],
            "critic_hidden": [8],
        },
        {
            "initial_rows": 300,
            "rows_per_refit": 100,
            "updates_per_row": 1.0,
            "batch": 64,
            "policy_hidden": [32],
            "critic_hidden": [32, 32],
            "policy_learning_rate": 3e-3,
            "critic_learning_rate": 3e-3,
            "temperature_learning_rate": 3e-3,
            "gamma": 0.9,
            "target_rate": 0.02,
            "initial_temperature": 0.1,
            "relabelled": 0.5,
        },
        refits=5,
    ),
    "mbpo": Case(
        "mbpo",
        {
            "initial_rows": 60,
            "rows_per_refit": 20,
            "updates_per_row": 0.5,
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
            "batch": 16,
            "policy_hidden": [8],
            "critic_hidden": [8],
        },
        {
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
            "batch": 64,
            "policy_hidden": [32],
            "critic_hidden": [32, 32],
            "policy_learning_rate": 3e-3,
            "critic_learning_rate": 3e-3,
            "temperature_learning_rate": 3e-3,
            "gamma": 0.9,
            "target_rate": 0.02,
            "initial_temperature": 0.1,
            "relabelled": 0.5,
        },
        refits=3,
    ),
}
SMALL_SEARCH = {"horizon": 3, "population": 10, "iterations": 1, "elites": 2, "proposals": 2}
CASES["pal-mpc"] = Case(
    "pal-mpc", {**SMALL_GAME, "planner": SMALL_SEARCH}, CASES["pal"].learning, refits=4
)
CASES["mal-mpc"] = Case(
    "mal-mpc", {**SMALL_GAME, "planner": SMALL_SEARCH}, CASES["mal"].learning, refits=3
)
CASES["memb"] = Case(
    "memb",
    {
        "initial_rows": 60,
        "rows_per_refit": 20,
        "model_updates_per_row": 0.5,
        "updates_per_row": 0.5,
        "batch": 16,
        "model_hidden": [8],
        "policy_hidden": [8],
        "critic_hidden": [8],
        "known_termination": True,
    },
    {
        "initial_rows": 300,
        "rows_per_refit": 100,
        "model_updates_per_row": 1.0,
        "model_learning_rate": 3e-3,
        "updates_per_row": 1.0,
        "batch": 64,
        "model_hidden": [32],
        "policy_hidden": [32],
        "critic_hidden": [32, 32],
        "policy_learning_rate": 3e-3,
        "critic_learning_rate": 3e-3,
        "gamma": 0.9,
        "target_rate": 0.02,
        "initial_temperature": 0.05,
        "learned_reward": False,
        "relabelled": 0.5,
    },
    refits=8,
)
CASES["maac"] = Case(
    "maac",
    {
        "initial_rows": 60,
        "rows_per_refit": 20,
        "updates_per_row": 0.5,
        "members": 3,
        "elites": 2,
        "model_hidden": [8],
        "model_batch": 16,
        "model_steps_max": 10,
        "rollouts": 8,
        "rollout_blocks": 2,
        "retained_refits": 3,
        "horizon_schedule": [1, 2, 0.0, 0.07],
        "real_share": 0.25,
        "horizon": 2,
        "terminal_actions": 2,
        "batch": 16,
        "policy_hidden": [8],
        "critic_hidden": [8],
    },
    {
        "initial_rows": 200,
        "rows_per_refit": 50,
        "updates_per_row": 2.0,
        "elites": 3,
        "model_hidden": [32],
        "model_batch": 100,
        "model_learning_rate": 0.01,
        "model_steps_max": 300,
        "rollouts": 200,
        "fresh_goals": True,
        "horizon": 3,
        "entropy": "path",
        "batch": 64,
        "policy_hidden": [32],
        "critic_hidden": [32, 32],
        "policy_learning_rate": 3e-3,
        "critic_learning_rate": 3e-3,
        "temperature_learning_rate": 3e-3,
        "gamma": 0.9,
        "target_rate": 0.02,
        "initial_temperature": 0.1,
    },
    refits=4,
)


def test_every_registered_algorithm_has_sizes():
    assert set(ALGORITHM_NAMES) <= set(CASES), "give sizes for the new algorithm in CASES"


@pytest.fixture(params=ALGORITHM_NAMES)
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


class TestEveryAlgorithm(AlgorithmContract):
    pass
