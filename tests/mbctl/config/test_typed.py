"""The same text means the same from --set, from a variable and from a file: what its field asks."""

from pathlib import Path
from typing import Any

import pytest

from mbctl.config import ConfigError, ControllerConfig, TrainerConfig, load_controller, load_trainer

TASK = "task.name=dclaw-turn-random"


def by_assignment(key: str, text: str, folder: Path) -> ControllerConfig:
    return load_controller(None, [TASK, f"run_dir={folder}", f"{key}={text}"], {})


def by_variable(key: str, text: str, folder: Path) -> ControllerConfig:
    name = f"MBCTL_CONTROLLER_{key.replace('.', '__').upper()}"
    return load_controller(None, [TASK], {"MBCTL_CONTROLLER_RUN_DIR": str(folder), name: text})


def by_file(key: str, text: str, folder: Path) -> ControllerConfig:
    """As a quoted text, whatever its field is."""
    path = folder / "c.toml"
    other = f'run_dir = "{folder}"\n' if key != "run_dir" else ""
    path.write_text(f"{key} = '{text}'\n{other}task.name = 'dclaw-turn-random'\n")
    return load_controller(path, (), {})


def value_of(config: Any, key: str) -> Any:
    for part in key.split("."):
        config = getattr(config, part)
    return config


@pytest.mark.parametrize("load", [by_assignment, by_variable, by_file])
@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("robot.name", "1_0", "1_0"),
        ("robot.name", "0x1f", "0x1f"),
        ("robot.name", "1e3", "1e3"),
        ("robot.name", "on", "on"),
        ("robot.name", "off", "off"),
        ("robot.name", "null", "null"),
        ("robot.name", "true", "true"),
        ("robot.name", "inf", "inf"),
        ("robot.name", "2026-11-30", "2026-11-30"),
        ("robot.name", "007", "007"),
        ("run_dir", "2026-11-30", Path("2026-11-30")),
        ("run_dir", "2026", Path("2026")),
        ("run_dir", "[a]", Path("[a]")),
        ("run_dir", "{a=1}", Path("{a=1}")),
        ("run_dir", "12:30:00", Path("12:30:00")),
        ("robot.calibration", "1.json", Path("1.json")),
        ("robot.calibration", "null", None),
        ("robot.calibration", "", None),
        ("robot.port", "null", "null"),
        ("robot.port", "1_000", "1_000"),
        ("seed", "1_0", 10),
        ("seed", "1e3", 1000),
        ("seed", "0x1f", 31),
        ("seed", "007", 7),
        ("robot.baud_rate", "1_000_000", 1_000_000),
        ("robot.baud_rate", "1e6", 1_000_000),
        ("period_s", "null", None),
        ("period_s", "1e-2", 0.01),
        ("period_s", "1", 1.0),
        ("robot.bus.fast_reads", "off", False),
        ("robot.bus.fast_reads", "no", False),
        ("robot.bus.fast_reads", "0", False),
        ("robot.bus.relax_on_connect", "on", True),
        ("robot.bus.relax_on_connect", "true", True),
        ("tls", "null", None),
        ("trainer", "", ""),
    ],
)
def test_a_text_is_read_by_its_field(load, key: str, text: str, value: object, tmp_path: Path):
    found = value_of(load(key, text, tmp_path), key)
    assert (type(found), found) == (type(value), value)


@pytest.mark.parametrize("load", [by_assignment, by_variable, by_file])
@pytest.mark.parametrize(
    ("key", "text", "message"),
    [
        ("seed", "true", r"seed = 'true': .*integer"),
        ("seed", "1.5", r"seed = 1\.5: .*integer"),
        ("seed", "inf", r"seed = inf: "),
        ("seed", "1e400", r"seed = inf: "),
        ("seed", "2026-11-30", r"seed = '2026-11-30': .*integer"),
        ("seed", "[1]", r"seed = '\[1\]': .*integer"),
        ("seed", "null", r"seed = 'null': .*integer"),
        ("period_s", "inf", r"period_s = inf: .*finite"),
        ("period_s", "on", r"period_s = 'on': .*number"),
        ("robot.bus.fast_reads", "2", r"robot\.bus\.fast_reads = '2': .*boolean"),
        ("robot.bus.fast_reads", "null", r"robot\.bus\.fast_reads = 'null': .*boolean"),
        ("robot.bus", "[1]", r"robot\.bus = \[1\]: "),
        ("clock", "1", r"clock = '1': Input should be 'wall' or 'lockstep'"),
    ],
)
def test_a_text_that_its_field_cannot_be(load, key: str, text: str, message: str, tmp_path: Path):
    with pytest.raises(ConfigError, match=message):
        load(key, text, tmp_path)


@pytest.mark.parametrize("text", ["{torso = '1_0'}", '{"torso": "1_0"}'])
def test_a_table_may_be_toml_or_json(text: str, tmp_path: Path):
    found = by_assignment("robot.tracker", "{devices = {torso = '1_0'}}", tmp_path)
    assert found.robot.tracker is not None
    assert found.robot.tracker.devices == {"torso": "1_0"}
    assert by_assignment("robot.tracker.devices", text, tmp_path).robot.tracker == (
        found.robot.tracker
    )


def test_numbers_in_a_list_are_read_one_by_one(tmp_path: Path):
    found = by_assignment("robot.tracker.mounting.torso", '[1, "0", 0, "1e-3"]', tmp_path)
    assert found.robot.tracker is not None
    assert found.robot.tracker.mounting == {"torso": (1.0, 0.0, 0.0, 0.001)}


def test_quotes_as_toml_has_them_are_no_part_of_a_text(tmp_path: Path):
    assert by_assignment("robot.name", '"left"', tmp_path).robot.name == "left"


def settings_of(text: str, folder: Path) -> dict:
    config: TrainerConfig = load_trainer(None, [TASK, f"run_dir={folder}", text], {})
    return config.algorithm.settings


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [("npg_steps", "1e1", 10), ("model_hidden", "[8, 8]", [8, 8]), ("members", "0x3", 3)],
)
def test_so_is_a_setting_of_an_algorithm(key: str, text: str, value: object, tmp_path: Path):
    assert settings_of(f"algorithm.settings.{key}={text}", tmp_path)[key] == value


def test_so_is_a_setting_of_one_planner_among_others(tmp_path: Path):
    keys = ["algorithm.name=pal-mpc", "algorithm.settings.planner.elites=1e1"]
    config = load_trainer(None, [TASK, f"run_dir={tmp_path}", *keys], {})
    assert config.algorithm.settings["planner"]["elites"] == 10


def test_a_setting_that_cannot_be_is_named(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"algorithm\.settings\.members = 'true': .*integer"):
        settings_of("algorithm.settings.members=true", tmp_path)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("robot.name = 1_0", r"robot\.name = 10: text is expected; put it in quotes"),
        ("run_dir = 2026-11-30", r"run_dir = 2026-11-30: text is expected; put it in quotes"),
        ("robot.port = true", r"robot\.port = true: text is expected; put it in quotes"),
        ("seed = true", r"seed = 'true': .*integer"),
        ("robot.bus.fast_reads = 3", r"robot\.bus\.fast_reads = 3: .*boolean"),
    ],
)
def test_a_file_says_when_it_lacks_quotes(line: str, message: str, tmp_path: Path):
    path = tmp_path / "c.toml"
    other = "" if line.startswith("run_dir") else f'run_dir = "{tmp_path}"\n'
    path.write_text(f"{line}\n{other}task.name = 'dclaw-turn-random'\n")
    with pytest.raises(ConfigError, match=message):
        load_controller(path, (), {})
