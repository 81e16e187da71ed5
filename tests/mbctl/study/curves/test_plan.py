"""Which runs a command line asks for."""

import pytest

from mbctl.algorithms.registry import ALGORITHMS
from mbctl.config import ConfigError
from mbctl.study.curves.plan import RunPlan, StudyRhythm, parse_variant, plan_runs
from mbctl.study.shift import Shift
from tests.mbctl.algorithms.cases import PRESET_DIR

RHYTHM = StudyRhythm()


def test_an_algorithm_is_named_with_its_preset_and_what_differs():
    variant = parse_variant("mal:paper,npg_steps=3,model_hidden=[64, 32],model_kinematics=true")
    assert (variant.algorithm, variant.preset) == ("mal", "paper")
    assert variant.settings == {
        "npg_steps": 3,
        "model_hidden": [64, 32],
        "model_kinematics": True,
    }
    assert parse_variant("sac").preset == "default"


def test_each_task_algorithm_and_seed_is_a_run():
    variants = [parse_variant(text) for text in ("pal:paper", "pal,npg_steps=7")]
    plans = plan_runs(["dclaw-turn-random", "dclaw-turn-fixed"], variants, [5, 6], RHYTHM)
    assert len({plan.directory for plan in plans}) == 8
    assert [plan.identity.seed for plan in plans] == [5] * 4 + [6] * 4
    assert plans[0].identity.settings["npg_steps"] == 4
    assert plans[1].identity.settings["npg_steps"] == 7
    assert plans[0].identity.observation == "paper"
    assert plans[1].identity.observation == "default"
    assert all("/" not in plan.directory for plan in plans)


def test_a_run_of_version_0_1_0_is_read(plan):
    """It said `episodes` of what `mbctl up` calls `evaluation_episodes`."""
    old = plan.model_dump()
    old["rhythm"]["episodes"] = old["rhythm"].pop("evaluation_episodes")
    assert RunPlan.model_validate(old) == plan


@pytest.mark.parametrize(
    ("task", "variant", "said"),
    [
        ("dclaw-turn", "pal", "unknown task"),
        ("dclaw-turn-random", "pil", "unknown algorithm"),
        ("dclaw-turn-random", "pal:papr", "no such preset"),
        ("dclaw-turn-random", "pal,npg_stps=3", "npg_stps"),
        ("dclaw-turn-random", "pal,npg_steps", "KEY=VALUE"),
        ("dclaw-turn-random", "mbctl,planner.=3", "empty key"),
        ("dclaw-turn-random", "mbctl,planner.horizn=3", "planner.*horizn"),
        ("dclaw-turn-random", "memb,true_model=true", "not known in closed form"),
        ("mbbl/Hopper", "memb,true_model=true", "not known in closed form"),
        ("gym/Pendulum-v1", "sac,target_entropy=1", "must be below 0.6836"),
        ("dclaw-turn-random", "maac-mpc,target_entropy=6.2", "no policy of 9 joints"),
        ("gym/Hopper-v5", "memb,learn_temperature=true,target_entropy=3", "must be below 2.051"),
        ("gym/Hopper-v5", "sac,target_entropy=nan", "target_entropy"),
        ("dclaw-turn-random", "pal,initial_log_std=inf", "initial_log_std"),
        (
            "dclaw-turn-random",
            "maac,learned_reward=true,reward=task,relabelled=0",
            "depends on its goal",
        ),
        ("dclaw-turn-random", "mbpo,elites=9", "settings: elites = 9, must be at most members = 5"),
    ],
)
def test_what_does_not_exist_is_named(task, variant, said):
    with pytest.raises(ConfigError, match=said):
        plan_runs([task], [parse_variant(variant)], [0], RHYTHM)


def test_what_the_settings_ask_for_may_be_what_a_task_has():
    for task, variant in (
        ("gym/Pendulum-v1", "memb,true_model=true"),
        ("gym/Pendulum-v1", "sac,target_entropy=0.6"),
        ("gym/Pendulum-v1", "sac,target_entropy=3,learn_temperature=false"),  # not aimed at
        ("gym/Hopper-v5", "mbpo:paper,learned_reward=true"),
    ):
        assert plan_runs([task], [parse_variant(variant)], [0], RHYTHM)


BENCHMARKS = {
    "ant": "gym/Ant-v5",
    "half-cheetah": "gym/HalfCheetah-v5",
    "released-hopper": "pal/Hopper",
    "hopper": "gym/Hopper-v5",
    "humanoid": "gym/Humanoid-v5",
    "inverted-pendulum": "gym/InvertedPendulum-v5",
    "pendulum": "gym/Pendulum-v1",
    "pendulum-true": "gym/Pendulum-v1",
    "reacher": "gym/Reacher-v5",
    "swimmer": "gym/Swimmer-v5",
    "walker2d": "gym/Walker2d-v5",
    "orient": "dkitty-orient-random",
}


@pytest.mark.parametrize("stem", sorted(path.stem for path in PRESET_DIR.glob("*.toml")))
def test_every_preset_can_be_asked_for_on_its_task(stem):
    """The task is in the preset's name; the others are for D'Claw."""
    algorithm = max((n for n in ALGORITHMS.names() if f"{stem}-".startswith(f"{n}-")), key=len)
    preset = stem.removeprefix(algorithm).removeprefix("-") or "default"
    fitting = (task for name, task in BENCHMARKS.items() if preset.endswith(name))
    task = next(fitting, "dclaw-turn-random")
    (plan,) = plan_runs([task], [parse_variant(f"{algorithm}:{preset}")], [0], RHYTHM)
    assert plan.identity.algorithm == algorithm


def test_a_folder_s_name_is_never_too_long():
    many = "pal," + ",".join(f"model_hidden=[{'32,' * 90}{last}]" for last in (16, 24))
    variants = [parse_variant(text) for text in (many[: many.index(",model", 8)], many)]
    plans = plan_runs(["dclaw-turn-random"], variants, [0], RHYTHM)
    names = {plan.directory for plan in plans}
    assert len(names) == 2
    assert all(len(name) < 255 for name in names)


def test_a_change_comes_before_the_last_sample():
    change = Shift(kind="goals", at=RHYTHM.samples)
    with pytest.raises(ConfigError, match=rf"--at {RHYTHM.samples}: must be below --samples"):
        plan_runs(["dclaw-turn-random"], [parse_variant("pal")], [0], RHYTHM, change)


def test_a_key_may_lead_into_a_table():
    variant = parse_variant("mbctl,planner.horizon=7,planner.elites=3")
    (plan,) = plan_runs(["dclaw-turn-random"], [variant], [0], RHYTHM)
    planner = plan.identity.settings["planner"]
    assert (planner["horizon"], planner["elites"], planner["population"]) == (7, 3, 96)


def test_the_same_run_twice_is_refused():
    with pytest.raises(ConfigError, match="twice"):
        plan_runs(["dclaw-turn-random"], [parse_variant("pal")] * 2, [0], RHYTHM)
