"""What keeps a controller from starting is found without starting it, and without a robot."""

import socket
import sqlite3
from pathlib import Path

import pytest

from mbctl.config import ControllerConfig, TaskConfig
from mbctl.exit_codes import StartUpError
from services.controller.start_checks import check_controller, check_twin


def config(folder: Path, **changes: object) -> ControllerConfig:
    given = {"task": {"name": "dclaw-turn-random"}, "run_dir": folder / "run"}
    return ControllerConfig.model_validate(given | changes)


def test_a_good_one_passes_and_makes_nothing(tmp_path: Path):
    check_controller(config(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_one_that_runs_is_not_disturbed(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        check_controller(config(tmp_path, listen=f"127.0.0.1:{taken.getsockname()[1]}"))
        taken.setblocking(False)
        with pytest.raises(BlockingIOError):  # nobody knocked
            taken.accept()


def test_missing_meshes_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sim.assets.find_spec", lambda package: None)
    with pytest.raises(StartUpError, match=r"robot's scene is missing; install it.*ASSET_MISSING"):
        check_controller(config(tmp_path))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"listen": "unix:{}/absent/a.sock"}, "there is no directory"),
        ({"listen": "unix:{}/" + "a" * 200}, "at most 107"),
        ({"listen": "unix:{}/file"}, "it is no socket"),
        ({"run_dir": "{}/file"}, r"run_dir = .*file is no directory"),
        ({"run_dir": "{}/file/run"}, r"run_dir = .*file is no directory"),
        ({"run_dir": "{}/linked"}, "is a symbolic link"),
        ({"run_dir": "{}/foreign"}, "is a database of another program"),
        ({"run_dir": "{}/damaged"}, r"choice\.json|policy"),
        (
            {"robot": {"backend": "dynamixel", "port": "/dev/none", "calibration": "{}/absent"}},
            "absent",
        ),
        (
            {"robot": {"backend": "dynamixel", "port": "/dev/none", "calibration": "{}/file"}},
            "file",
        ),
    ],
)
def test_what_is_in_the_way_is_named(tmp_path: Path, changes: dict, message: str):
    (tmp_path / "file").write_text("x")
    for name in ("linked", "foreign", "damaged"):
        (tmp_path / name).mkdir()
    (tmp_path / "linked" / "spool.db").symlink_to(tmp_path / "file")
    from services.controller import paths

    with sqlite3.connect(tmp_path / "foreign" / paths.SPOOL_FILE) as other:
        other.execute("CREATE TABLE mine (a)")
    other.close()
    (tmp_path / "damaged" / paths.CHOICE_FILE).write_text("x")
    with pytest.raises(StartUpError, match=message):
        check_controller(config(tmp_path, **_placed(changes, tmp_path)))


def _placed(changes: dict, folder: Path) -> dict:
    return {
        key: _placed(value, folder) if isinstance(value, dict) else value.format(folder)
        for key, value in changes.items()
    }


def test_a_period_that_the_simulation_cannot_keep_is_told(tmp_path: Path):
    with pytest.raises(StartUpError, match="period"):
        check_controller(config(tmp_path, period_s=0.0333))


def test_a_virtual_bus_needs_the_meshes_where_it_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("sim.assets.find_spec", lambda package: None)
    on_bus = config(tmp_path, robot={"backend": "virtual-bus", "port": "/dev/none"})
    check_controller(on_bus)
    with pytest.raises(StartUpError, match="ASSET_MISSING"):
        check_twin(on_bus)


def test_a_robot_on_a_bus_needs_no_bus(tmp_path: Path):
    check_controller(config(tmp_path, robot={"backend": "dynamixel", "port": "/dev/none"}))
    tracked = {"model": "dkitty", "backend": "dynamixel", "port": "/dev/none", "tracker": {}}
    task = TaskConfig(name="dkitty-stand-fixed")
    check_controller(config(tmp_path, robot=tracked, task=task))
    assert list(tmp_path.iterdir()) == []
