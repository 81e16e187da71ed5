"""The order file, variables, --set; and what each kind of mistake is answered with."""

from pathlib import Path

import pytest

from mbctl.config import ConfigError, ControllerConfig, load_controller

FILE = """
seed = 1
run_dir = "runs/x"
[task]
name = "dclaw-turn-random"
[robot]
name = "left"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "controller.toml"
    path.write_text(FILE)
    return path


def load(file: Path, *assignments: str, **environment: str) -> ControllerConfig:
    return load_controller(file, assignments, environment)


def test_a_file_lies_over_the_defaults(file: Path):
    config = load(file)
    assert (config.seed, config.robot.name, config.robot.model) == (1, "left", "dclaw")


def test_variables_lie_over_the_file(file: Path):
    config = load(file, MBCTL_CONTROLLER_SEED="2", MBCTL_CONTROLLER_ROBOT__NAME="right")
    assert (config.seed, config.robot.name) == (2, "right")


def test_assignments_lie_over_variables(file: Path):
    config = load(file, "seed=3", "gate.derate_from=0.5", "trainer=", MBCTL_CONTROLLER_SEED="2")
    assert (config.seed, config.gate.derate_from, config.trainer) == (3, 0.5, "")


def test_the_last_assignment_wins(file: Path):
    assert load(file, "seed=3", "seed=4").seed == 4


def test_another_program_s_variables_are_left_alone(file: Path):
    assert load(file, MBCTL_TRAINER_SEED="9", PATH="/bin").seed == 1


def test_json_loads_as_well(file: Path, tmp_path: Path):
    config = load(file)
    path = tmp_path / "controller.json"
    path.write_text(config.model_dump_json())
    assert load(path) == config


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("seeed=3", r"unknown key 'seeed'; did you mean 'seed'\?"),
        ("robot.nam=x", r"unknown key 'robot\.nam'; did you mean 'name'\?"),
        (
            "trainer_tls.certificat=x",
            r"unknown key 'trainer_tls\.certificat'; did you mean 'certificate'",
        ),
        ("seed=-1", r"seed = -1: .*greater than or equal to 0"),
        ("seed=two", r"seed = 'two'"),
        ("clock=fast", r"clock = 'fast': Input should be 'wall' or 'lockstep'"),
        ("robot.model=dclow", r"robot\.model = 'dclow': .*did you mean 'dclaw'"),
        ("task.name=dclaw-turn", r"task\.name = 'dclaw-turn': unknown task; did you mean 'dclaw-"),
        ("listen=0.0.0.0:1", r"listen = '0\.0\.0\.0:1' is not a loopback address"),
        ("seed.x=1", r"'seed' holds the value 1, not a table"),
        ("seed", r"--set 'seed': expected key=value"),
        ("=1", r"empty key"),
        ("gate.derate_from=nan", r"gate\.derate_from = nan: .*finite"),
    ],
)
def test_a_mistake_is_named_with_its_remedy(file: Path, assignment: str, message: str):
    with pytest.raises(ConfigError, match=message):
        load(file, assignment)


@pytest.mark.parametrize(
    ("text", "message"),
    [("seed = ", "does not parse"), ("\xff\xfe", "does not parse"), ("", "missing key")],
)
def test_a_broken_file_is_named(tmp_path: Path, text: str, message: str):
    path = tmp_path / "broken.toml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ConfigError, match=rf"broken\.toml: {message}"):
        load(path)


def test_an_absent_file_is_named(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"gone\.toml: cannot be read: No such file"):
        load(tmp_path / "gone.toml")


def test_json_that_is_no_table_is_refused(tmp_path: Path):
    path = tmp_path / "list.json"
    path.write_text("[1, 2]")
    with pytest.raises(ConfigError, match="holds a list, expected a table"):
        load(path)
