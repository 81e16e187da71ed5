"""Who commands a robot has a name, also where the system knows none."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mbctl.cli import connect
from mbctl.config import ConfigError
from tests.mbctl.config.certificates import make_pair

UID = 54321
NAMELESS = ("LOGNAME", "USER", "LNAME", "USERNAME")
PROGRAM = "from mbctl.cli.connect import owner_name; print(owner_name('robot activate'))"


def test_an_owner_is_who_called(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LOGNAME", "ann")
    assert connect.owner_name("robot jog").startswith("mbctl robot jog by ann@")


def test_a_user_without_a_name_is_called_by_number():
    unshare = ["unshare", "--user", f"--map-user={UID}", f"--map-group={UID}"]
    if subprocess.run([*unshare, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine lets nobody take on another user's number")
    environment = {k: v for k, v in os.environ.items() if k not in NAMELESS}
    done = subprocess.run(
        [*unshare, sys.executable, "-P", "-c", PROGRAM],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout.startswith(f"mbctl robot activate by uid {UID}@"), done.stderr


@pytest.mark.parametrize("client", [connect.controller, connect.trainer])
def test_a_certificate_that_cannot_do_is_told_before_a_call(client, tmp_path: Path):
    old = make_pair(tmp_path / "old", days=(-60.0, -1.0)).certificate.parent
    with pytest.raises(ConfigError, match=r"--tls\.certificate = .*: certificate has expired"):
        client("127.0.0.1:1", old)
