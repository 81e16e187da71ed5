"""Configuration trees: frozen, strict, and equal after a trip through JSON."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from mbctl.config import AlgorithmConfig, ControllerConfig, TaskConfig, TlsConfig, TrainerConfig

TASK = TaskConfig(name="dclaw-turn-random")


def make_tls(folder: Path) -> TlsConfig:
    """Files that exist; what is in them is for the daemons to judge."""
    for name in ("c", "k"):
        (folder / name).touch()
    return TlsConfig(certificate=folder / "c", key=folder / "k")


def test_certificate_files_must_exist(tmp_path: Path):
    make_tls(tmp_path)
    with pytest.raises(ValidationError, match="does not point to a file"):
        TlsConfig(certificate=tmp_path / "c", key=tmp_path / "absent")


def test_controller_survives_json(tmp_path: Path):
    tls = make_tls(tmp_path)
    config = ControllerConfig(task=TASK, run_dir=tmp_path, seed=7, tls=tls, clock="lockstep")
    assert ControllerConfig.model_validate_json(config.model_dump_json()) == config


def test_trainer_survives_json(tmp_path: Path):
    algorithm = AlgorithmConfig(settings={"hidden": [512, 512], "rate": 1e-3, "flag": True})
    config = TrainerConfig(task=TASK, run_dir=tmp_path, algorithm=algorithm)
    assert TrainerConfig.model_validate_json(config.model_dump_json()) == config


def test_a_configuration_cannot_be_changed(tmp_path: Path):
    config = ControllerConfig(task=TASK, run_dir=tmp_path)
    with pytest.raises(ValidationError, match="frozen"):
        config.seed = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    "listen", ["127.0.0.1:0", "localhost:50051", "[::1]:9", "unix:/run/x.sock", "127.0.0.1:65535"]
)
def test_loopback_needs_no_certificate(tmp_path: Path, listen: str):
    assert ControllerConfig(task=TASK, run_dir=tmp_path, listen=listen).listen == listen


@pytest.mark.parametrize("listen", ["0.0.0.0:50051", "10.0.0.2:50051", "[::]:1", "robot.lab:5"])
def test_elsewhere_needs_a_certificate(tmp_path: Path, listen: str):
    with pytest.raises(ValidationError, match=r"set tls\.certificate"):
        TrainerConfig(task=TASK, run_dir=tmp_path, listen=listen)
    tls = make_tls(tmp_path)
    assert TrainerConfig(task=TASK, run_dir=tmp_path, listen=listen, tls=tls).listen == listen


@pytest.mark.parametrize("listen", ["", "50051", "host:", ":5", "127.0.0.1:65536", "a:-1", "unix:"])
def test_what_is_no_address_is_refused(tmp_path: Path, listen: str):
    with pytest.raises(ValidationError):
        ControllerConfig(task=TASK, run_dir=tmp_path, listen=listen)


def test_a_controller_may_run_without_a_trainer(tmp_path: Path):
    assert ControllerConfig(task=TASK, run_dir=tmp_path, trainer="").trainer == ""


@pytest.mark.parametrize("name", ["../dclaw0", "a/b", "", "A", "x" * 65])
def test_a_robot_name_is_a_plain_word(tmp_path: Path, name: str):
    with pytest.raises(ValidationError, match=r"robot\.name"):
        ControllerConfig.model_validate(
            {"task": {"name": "t"}, "run_dir": tmp_path, "robot": {"name": name}}
        )


@pytest.mark.parametrize(
    ("metrics", "message"),
    [
        ("unix:/run/m.sock", "is reached through host:port only"),
        ("unix-abstract:m", "is reached through host:port only"),
        ("0.0.0.0:9090", r"set tls\.certificate"),
        ("127.0.0.1:50052", "is also listen"),
        ("9090", "is not an address"),
    ],
)
def test_a_page_of_figures_needs_a_port_of_its_own(tmp_path: Path, metrics: str, message: str):
    with pytest.raises(ValidationError, match=message):
        TrainerConfig(task=TASK, run_dir=tmp_path, metrics_listen=metrics)
