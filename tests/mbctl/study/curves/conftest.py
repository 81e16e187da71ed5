"""A run of seconds: a tiny PAL on D'Claw."""

import pytest

from mbctl.study.curves.plan import RunPlan, StudyRhythm, parse_variant, plan_runs

TINY = (
    "pal,initial_rows=90,rows_per_refit=50,model_steps_min=5,model_epochs=1,model_hidden=[16,16],"
    "npg_steps=1,rollouts=8,symmetry=false"
)
RHYTHM = StudyRhythm(samples=170, evaluate_every=60, evaluation_episodes=1, final_episodes=2)


@pytest.fixture
def plan() -> RunPlan:
    (made,) = plan_runs(["dclaw-turn-random"], [parse_variant(TINY)], [3], RHYTHM)
    return made
