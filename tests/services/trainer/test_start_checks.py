"""What keeps a trainer from starting is found without starting it."""

import sqlite3
from pathlib import Path

import pytest

from mbctl.config import TaskConfig, TrainerConfig
from mbctl.exit_codes import StartUpError
from services.trainer import paths
from services.trainer.start_checks import check_trainer

TASK = TaskConfig(name="dclaw-turn-random")


def test_a_good_one_passes_and_makes_nothing(tmp_path: Path):
    check_trainer(TrainerConfig(task=TASK, run_dir=tmp_path / "run"))
    assert list(tmp_path.iterdir()) == []


def test_another_program_s_database_is_told(tmp_path: Path):
    with sqlite3.connect(tmp_path / paths.DATABASE_FILE) as other:
        other.execute("CREATE TABLE mine (a)")
    other.close()
    with pytest.raises(StartUpError, match="is a database of another program"):
        check_trainer(TrainerConfig(task=TASK, run_dir=tmp_path))


@pytest.mark.parametrize("key", ["listen", "metrics_listen"])
def test_an_address_of_another_machine_is_told(tmp_path: Path, key: str):
    import services.start_checks as checks

    with pytest.raises(StartUpError, match=rf"{key} = '127\.0\.0\.1:1': "):
        _refused_at(checks, key)


def _refused_at(checks, key: str) -> None:
    """As where the port is for the system's own programs only."""
    import errno
    import os
    from unittest import mock

    refusal = PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    with mock.patch.object(checks.socket.socket, "bind", side_effect=refusal):
        checks.check_address(key, "127.0.0.1:1", None)
