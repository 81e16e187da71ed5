"""Variables that are ours are told from an orchestrator's, and mistakes name their variable."""

from pathlib import Path

import pytest

from mbctl.config import ConfigError, ControllerConfig, load_controller, load_trainer

# What Kubernetes gives every container beside a service `mbctl-controller` of two named ports.
KUBERNETES = {
    "MBCTL_CONTROLLER_SERVICE_HOST": "10.96.0.12",
    "MBCTL_CONTROLLER_SERVICE_PORT": "50051",
    "MBCTL_CONTROLLER_SERVICE_PORT_GRPC": "50051",
    "MBCTL_CONTROLLER_SERVICE_PORT_METRICS": "9090",
    "MBCTL_CONTROLLER_PORT": "tcp://10.96.0.12:50051",
    "MBCTL_CONTROLLER_PORT_50051_TCP": "tcp://10.96.0.12:50051",
    "MBCTL_CONTROLLER_PORT_50051_TCP_PROTO": "tcp",
    "MBCTL_CONTROLLER_PORT_50051_TCP_PORT": "50051",
    "MBCTL_CONTROLLER_PORT_50051_TCP_ADDR": "10.96.0.12",
    "MBCTL_CONTROLLER_PORT_9763_UDP": "udp://10.96.0.12:9763",
    # of a container that is linked under this name
    "MBCTL_CONTROLLER_NAME": "/station/mbctl_controller",
    "MBCTL_CONTROLLER_ENV_LANG": "C.UTF-8",
    # of a service `mbctl-controller-left`
    "MBCTL_CONTROLLER_LEFT_SERVICE_HOST": "10.96.0.13",
    "MBCTL_CONTROLLER_LEFT_PORT": "tcp://10.96.0.13:50051",
    "MBCTL_CONTROLLER_LEFT_PORT_50051_TCP_ADDR": "10.96.0.13",
}


def load(folder: Path, **environment: str) -> ControllerConfig:
    given = ["task.name=dclaw-turn-random", f"run_dir={folder}"]
    return load_controller(None, given, environment)


def test_an_orchestrator_s_variables_are_passed_over(tmp_path: Path):
    assert load(tmp_path, **KUBERNETES) == load(tmp_path)
    trainer = {name.replace("CONTROLLER", "TRAINER"): v for name, v in KUBERNETES.items()}
    given = ["task.name=dclaw-turn-random", f"run_dir={tmp_path}"]
    assert load_trainer(None, given, trainer) == load_trainer(None, given, {})


def test_ours_count_beside_them(tmp_path: Path):
    assert load(tmp_path, **KUBERNETES, MBCTL_CONTROLLER_SEED="3").seed == 3


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("ROBTO__NAME", "left", "unknown key 'robto'; did you mean 'robot'"),
        ("ROBOT__NAM", "left", r"unknown key 'robot\.nam'.*set by MBCTL_CONTROLLER_ROBOT__NAM\)"),
        ("PORT", "/dev/ttyUSB0", "unknown key 'port'"),
        ("NAME", "left", "unknown key 'name'"),
        ("SEED", "two", r"seed = 'two'.*set by MBCTL_CONTROLLER_SEED\)"),
        ("SEED", "", r"seed = ''.*set by MBCTL_CONTROLLER_SEED\)"),
        ("TASK__NAME", "x", r"task\.name = 'x': unknown task.*set by MBCTL_CONTROLLER_TASK__NAME"),
        ("SEED__X", "1", r"seed.*MBCTL_CONTROLLER_SEED__X"),
        ("", "1", "unknown key ''"),
        ("_ROBOT", "1", "unknown key '_robot'"),
        ("ROBOT_NAME", "left", r"robot\.name is set by MBCTL_CONTROLLER_ROBOT__NAME"),
        ("TLS_CLIENT_CA", "a", r"tls\.client_ca is set by MBCTL_CONTROLLER_TLS__CLIENT_CA"),
        ("ROBOT_NAM", "left", "unknown key 'robot_nam'; did you mean 'robot'"),
    ],
)
def test_a_mistake_names_its_variable(name: str, value: str, message: str, tmp_path: Path):
    variable = f"MBCTL_CONTROLLER_{name}"
    task = {"MBCTL_CONTROLLER_TASK__NAME": "dclaw-turn-random"}
    with pytest.raises(ConfigError, match=message) as caught:
        load_controller(None, [f"run_dir={tmp_path}"], task | {variable: value})
    assert variable in str(caught.value)


def test_an_overruled_variable_is_not_blamed(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"seed = 'x'") as caught:
        load_controller(
            None,
            ["task.name=dclaw-turn-random", f"run_dir={tmp_path}", "seed=x"],
            {"MBCTL_CONTROLLER_SEED": "3"},
        )
    assert "MBCTL" not in str(caught.value)
