"""A plan from choices and assignments, and what makes two plans the same run."""

from dataclasses import replace
from pathlib import Path

import pytest

from hal.backends import BACKENDS, Backend
from mbctl.config import ConfigError
from services.up.plan import Choices, Plan, differences, make_plan


@pytest.fixture
def choices(tmp_path: Path) -> Choices:
    return Choices(
        task="dclaw-turn-random",
        algorithm="pal",
        preset="default",
        samples=1000,
        seed=3,
        run_dir=tmp_path / "run",
        backend="mujoco",
        clock="lockstep",
    )


def test_choices_reach_both_daemons(choices: Choices):
    plan = make_plan(choices, (), {})
    assert plan.controller.seed == plan.trainer.seed == 3
    assert plan.controller.task == plan.trainer.task
    assert plan.controller.clock == "lockstep"
    assert plan.trainer.run_dir != plan.controller.run_dir
    assert plan.trainer.algorithm.settings["members"] >= 1


@pytest.mark.parametrize(
    ("task", "model"), [("dkitty-walk-fixed", "dkitty"), ("dclaw-turn-fixed", "dclaw")]
)
def test_the_task_says_which_robot_it_is_for(choices: Choices, task: str, model: str):
    plan = make_plan(replace(choices, task=task), (), {})
    assert plan.controller.robot.model == plan.trainer.robot_model == model
    assert plan.controller.robot.name == f"{model}0"


def test_an_unknown_task_is_named(choices: Choices):
    with pytest.raises(ConfigError, match=r"task\.name = 'dkitty-walk': unknown task"):
        make_plan(replace(choices, task="dkitty-walk"), (), {})


@pytest.mark.parametrize("preset", ["default", "paper"])
def test_a_task_without_a_robot_is_refused(choices: Choices, preset: str):
    message = r"task\.name = 'gym/Hopper-v5': a benchmark task, .* `mbctl bench curves --task gym/"
    with pytest.raises(ConfigError, match=message):
        make_plan(replace(choices, task="gym/Hopper-v5", preset=preset), (), {})


def test_assignments_find_their_place(choices: Choices):
    texts = (
        "algorithm.members=3",
        "evaluate_every=500",
        "controller.gate.derate_from=0.5",
        "trainer.seed=9",
    )
    plan = make_plan(choices, texts, {"MBCTL_TRAINER_SEED": "8"})
    assert plan.trainer.algorithm.settings["members"] == 3
    assert plan.rhythm.evaluate_every == 500
    assert plan.controller.gate.derate_from == 0.5
    assert plan.trainer.seed == 9


def test_the_paper_s_preset_differs(choices: Choices):
    default = make_plan(choices, (), {})
    paper = make_plan(replace(choices, preset="paper"), (), {})
    assert default.trainer.algorithm.settings != paper.trainer.algorithm.settings
    assert default.controller.task.observation == "default"
    assert paper.controller.task.observation == paper.trainer.task.observation == "paper"
    robel = make_plan(replace(choices, preset="paper"), ("task.observation=robel",), {})
    assert robel.controller.task == robel.trainer.task
    assert robel.trainer.task.observation == "robel"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"task": "dclaw-turn-rando"}, r"task\.name = 'dclaw-turn-rando': unknown task; did you"),
        (
            {"algorithm": "pall"},
            r"algorithm\.name = 'pall': unknown algorithm 'pall'; did you",
        ),
        ({"algorithm": "../pal"}, r"algorithm\.name = '\.\./pal'"),
        ({"preset": "papr"}, r"no such preset for pal; did you mean 'paper'\? known: default"),
        ({"preset": "../../x"}, r"algorithm\.preset"),
        ({"backend": "hardware"}, r"robot\.backend = 'hardware': .*known: mujoco, dyn"),
        ({"clock": "fast"}, r"clock = 'fast'"),
        ({"seed": -1}, r"seed = -1"),
    ],
)
def test_a_wrong_choice_is_named(choices: Choices, change: dict[str, object], message: str):
    with pytest.raises(ConfigError, match=message):
        make_plan(replace(choices, **change), (), {})


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        (
            "algorithm.membrs=3",
            r"unknown key 'algorithm\.settings\.membrs'; did you mean 'members'",
        ),
        ("algorithm.members=0", r"algorithm\.settings\.members = 0: .*greater than or equal"),
        ("controler.seed=1", r"unknown key; .*controller\.KEY"),
        ("controller.sed=1", r"unknown key 'sed'; did you mean 'seed'"),
        ("trainer.task.name=dclaw-turn-fixed", r"both must be the same; set task\.KEY"),
        ("task.observation=x", r"task\.observation = 'x': unknown observation"),
        ("evaluate_every=0", r"evaluate_every = 0"),
        ("seed=1", r"--set 'seed=1': unknown key"),
    ],
)
def test_a_wrong_assignment_is_named(choices: Choices, assignment: str, message: str):
    with pytest.raises(ConfigError, match=message):
        make_plan(choices, (assignment,), {})


def test_a_larger_budget_and_other_addresses_are_the_same_run(choices: Choices, tmp_path: Path):
    plan = make_plan(choices, (), {})
    stored = Plan.model_validate_json(plan.model_dump_json())
    assert differences(stored, plan) == []
    moved = replace(choices, samples=2000, run_dir=tmp_path / "elsewhere")
    texts = ("controller.listen=127.0.0.1:9", "trainer.listen=127.0.0.1:8")
    assert differences(stored, make_plan(moved, texts, {})) == []


def test_another_seed_is_another_run(choices: Choices):
    plan = make_plan(choices, (), {})
    other = make_plan(replace(choices, seed=4), ("algorithm.members=2",), {})
    different = differences(plan, other)
    assert "controller.seed is 3 there and 4 here" in different
    assert [d for d in different if d.startswith("trainer.algorithm.settings.members is ")]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"algorithm": "sac"}, ["trainer.algorithm.name is 'pal' there and 'sac' here"]),
        ({"preset": "paper"}, ["trainer.algorithm.preset is 'default' there and 'paper' here"]),
        (
            {"task": "dkitty-stand-fixed"},
            [
                "controller.task.name is 'dclaw-turn-random' there and 'dkitty-stand-fixed' here",
                "trainer.task.name is ",
            ],
        ),
        ({"backend": "virtual-bus", "clock": ""}, ["controller.robot.backend is 'mujoco' there"]),
        ({"seed": 4}, ["controller.seed is 3 there and 4 here", "trainer.seed is "]),
    ],
)
def test_what_follows_from_a_difference_is_not_told(choices: Choices, change, told: list[str]):
    different = differences(
        make_plan(choices, (), {}), make_plan(replace(choices, **change), (), {})
    )
    assert len(different) == len(told), different
    assert all(line.startswith(start) for line, start in zip(different, told, strict=True))


def test_a_virtual_bus_is_the_run_s_own_and_runs_in_real_time(choices: Choices):
    chosen = replace(choices, backend="virtual-bus", clock="")
    plan = make_plan(chosen, (), {})
    robot = plan.controller.robot
    assert (robot.backend, plan.controller.clock) == ("virtual-bus", "wall")
    assert robot.port == str(choices.run_dir / "servo-bus")
    assert robot.tracker is None
    walks = make_plan(replace(chosen, task="dkitty-orient-random"), (), {}).controller.robot
    assert walks.model == "dkitty"
    assert walks.tracker is not None
    assert walks.tracker.kind == "udp"
    with pytest.raises(ConfigError, match="clock 'lockstep' needs backend 'mujoco'"):
        make_plan(replace(chosen, clock="lockstep"), (), {})


def test_the_simulated_twin_runs_in_lockstep_unless_told_otherwise(choices: Choices):
    assert make_plan(replace(choices, clock=""), (), {}).controller.clock == "lockstep"
    assert make_plan(replace(choices, clock="wall"), (), {}).controller.clock == "wall"


def test_so_does_whatever_else_keeps_any_pace(choices: Choices, monkeypatch: pytest.MonkeyPatch):
    twin = Backend("lab.twin:build_robot", is_simulated=True, has_virtual_time=True)
    monkeypatch.setitem(BACKENDS._definitions, "twin", (twin, "lab"))
    chosen = replace(choices, backend="twin", clock="")
    assert make_plan(chosen, (), {}).controller.clock == "lockstep"
    port = "controller.robot.port=/dev/ttyUSB0"
    with pytest.raises(ConfigError, match="'lockstep' needs backend 'mujoco' or 'twin', not 'dyn"):
        make_plan(replace(choices, backend="dynamixel"), [port], {})


def test_a_backend_that_nobody_has_is_told_of(choices: Choices):
    with pytest.raises(ConfigError, match="unknown backend 'mujoko'; did you mean 'mujoco'"):
        make_plan(replace(choices, backend="mujoko", clock=""), (), {})


def test_only_a_virtual_bus_has_a_choice_of_actuators(choices: Choices):
    chosen = replace(choices, backend="virtual-bus", clock="")
    assert make_plan(chosen, (), {}).controller.robot.actuator == "servo"
    soft = ("controller.robot.actuator=robel",)
    assert make_plan(chosen, soft, {}).controller.robot.actuator == "robel"
    with pytest.raises(ConfigError, match=r"actuator 'robel' is of backend 'virtual-bus'"):
        make_plan(replace(choices, backend="mujoco", clock=""), soft, {})


def test_a_real_robot_needs_its_port(choices: Choices):
    chosen = replace(choices, backend="dynamixel", clock="")
    with pytest.raises(ConfigError, match=r"needs robot\.port"):
        make_plan(chosen, (), {})
    plan = make_plan(chosen, ("controller.robot.port=/dev/ttyUSB0",), {})
    assert plan.controller.robot.bus.watchdog_s == 0.1


def test_another_directory_s_bus_is_the_same_run(choices: Choices, tmp_path: Path):
    chosen = replace(choices, backend="virtual-bus", clock="")
    moved = replace(chosen, run_dir=tmp_path / "elsewhere")
    assert differences(make_plan(chosen, (), {}), make_plan(moved, (), {})) == []


def test_who_looks_on_makes_no_other_run(choices: Choices):
    watched = make_plan(choices, ["controller.subscribers.recorder.path=cycles.jsonl"], {})
    assert watched.controller.subscribers == {"recorder": {"path": "cycles.jsonl"}}
    assert differences(make_plan(choices, (), {}), watched) == []
