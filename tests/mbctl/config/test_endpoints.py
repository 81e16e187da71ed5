"""What is wrong with a certificate is told by name before a daemon starts with it."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from mbctl.config import ConfigError, load_controller, load_trainer
from mbctl.config.endpoints import check_tls
from tests.mbctl.config.certificates import Pair, make_pair

RSA = ("rsa:2048",)
EDWARDS = ("ed25519",)
PROGRAM = """
import sys
from pathlib import Path
from mbctl.config.endpoints import check_tls
from tests.mbctl.config.certificates import Pair
check_tls("tls", Pair(Path(sys.argv[1]), Path(sys.argv[2])), "server")
"""


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    return make_pair(tmp_path / "good")


@pytest.mark.parametrize("role", ["server", "client"])
@pytest.mark.parametrize("key", [None, RSA])
def test_a_good_pair_passes(tmp_path: Path, role, key):
    found = make_pair(tmp_path / "pair", **({"key": key} if key else {}))
    check_tls("tls", found, role)
    check_tls("tls", replace(found, client_ca=found.certificate), role)
    with pytest.raises(ConfigError, match="tls"):
        check_tls("tls", replace(found, client_ca=found.key), role)


@pytest.mark.parametrize(
    ("field", "text", "message"),
    [
        ("certificate", "nonsense\n", r"tls\.certificate = .*bad\.pem: is no PEM file"),
        ("certificate", "", r"tls\.certificate = .*bad\.pem: is no PEM file"),
        ("key", "nonsense\n", r"tls\.key = .*bad\.pem: is no PEM file"),
        ("client_ca", "nonsense\n", r"tls\.client_ca = .*bad\.pem: is no PEM file"),
        (
            "certificate",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            r"tls\.certificate = .*: holds no certificate that reads",
        ),
        (
            "key",
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
            r"tls\.key = .*: holds no private key that reads",
        ),
        (
            "key",
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
            r"tls\.key = .*: is encrypted",
        ),
    ],
)
def test_garbage_is_told_by_file(pair: Pair, tmp_path: Path, field: str, text: str, message: str):
    (tmp_path / "bad.pem").write_text(text)
    with pytest.raises(ConfigError, match=message):
        check_tls("tls", replace(pair, **{field: tmp_path / "bad.pem"}), "server")


def test_files_that_were_swapped_are_told(pair: Pair):
    with pytest.raises(ConfigError, match=r"tls\.certificate = .*key\.pem: holds no certificate"):
        check_tls("tls", Pair(pair.key, pair.certificate), "server")
    with pytest.raises(ConfigError, match=r"tls\.key = .*: holds no private key"):
        check_tls("tls", Pair(pair.certificate, pair.certificate), "server")


def test_a_key_of_another_certificate_is_told(pair: Pair, tmp_path: Path):
    other = make_pair(tmp_path / "other")
    with pytest.raises(ConfigError, match=r"tls\.key = .*: does not belong to certificate .*good"):
        check_tls("tls", Pair(pair.certificate, other.key), "server")


@pytest.mark.parametrize("role", ["server", "client"])
@pytest.mark.parametrize(
    ("days", "message"),
    [((-60.0, -1.0), "certificate has expired"), ((2.0, 30.0), "certificate is not yet valid")],
)
def test_a_wrong_date_is_told_with_the_clock(tmp_path: Path, role, days, message: str):
    dated = make_pair(tmp_path / "dated", days=days)
    with pytest.raises(ConfigError, match=rf"tls\.certificate = .*: {message}; by this machine's"):
        check_tls("tls", dated, role)


def test_an_authority_that_has_expired_is_told(pair: Pair, tmp_path: Path):
    old = make_pair(tmp_path / "old", days=(-60.0, -1.0), section="authority").certificate
    with pytest.raises(ConfigError, match=r"tls\.client_ca = .*: holds an authority that was"):
        check_tls("tls", replace(pair, client_ca=old), "server")


@pytest.mark.parametrize(("role", "purpose"), [("server", "clientAuth"), ("client", "serverAuth")])
def test_a_certificate_for_the_other_end_is_told(tmp_path: Path, role, purpose: str):
    other = make_pair(tmp_path / "other", purpose=purpose)
    with pytest.raises(ConfigError, match=r"tls\.certificate = .*purpose"):
        check_tls("tls", other, role)


def test_a_key_that_grpc_does_not_take_is_told(tmp_path: Path):
    edwards = make_pair(tmp_path / "edwards", key=EDWARDS)
    with pytest.raises(ConfigError, match=r"tls\.key = .*: is an Edwards curve's"):
        check_tls("tls", edwards, "server")


def test_a_file_that_may_not_be_read_is_told(pair: Pair):
    pair.key.chmod(0)
    nobody = ["unshare", "--user", "--map-user=54321", "--map-group=54321"]
    if subprocess.run([*nobody, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine lets nobody take on another user's number")
    root = str(Path(__file__).parents[3])
    done = subprocess.run(
        [*nobody, sys.executable, "-P", "-c", PROGRAM, str(pair.certificate), str(pair.key)],
        env=os.environ | {"PYTHONPATH": root}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert f"tls.key = {pair.key}: cannot be read: Permission denied" in done.stderr


@pytest.mark.parametrize("load", [load_controller, load_trainer])
def test_both_daemons_look_at_their_own(load, tmp_path: Path):
    old = make_pair(tmp_path / "old", days=(-60.0, -1.0))
    given = ["task.name=dclaw-turn-random", f"run_dir={tmp_path}"]
    given += [f"tls.certificate={old.certificate}", f"tls.key={old.key}"]
    with pytest.raises(ConfigError, match=r"tls\.certificate = .*: certificate has expired"):
        load(None, given, {})


def test_a_controller_looks_at_what_it_shows_its_trainer(tmp_path: Path):
    server = make_pair(tmp_path / "server", purpose="serverAuth")
    given = ["task.name=dclaw-turn-random", f"run_dir={tmp_path}"]
    given += [f"trainer_tls.certificate={server.certificate}", f"trainer_tls.key={server.key}"]
    with pytest.raises(ConfigError, match=r"trainer_tls\.certificate = .*purpose"):
        load_controller(None, given, {})
