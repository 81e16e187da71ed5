"""Certificates of every kind, made by OpenSSL."""

import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

DAY_S = 86_400.0
_CA = """
[ca]
default_ca = here
[here]
database = index
serial = serial
new_certs_dir = .
default_md = default
policy = any
[any]
commonName = supplied
[leaf]
extendedKeyUsage = {purpose}
[authority]
basicConstraints = critical, CA:true
"""


@dataclass(frozen=True)
class Pair:
    """A self-signed certificate and its key."""

    certificate: Path
    key: Path
    client_ca: Path | None = None


def make_pair(
    folder: Path,
    *,
    days: tuple[float, float] = (-1.0, 30.0),
    key: tuple[str, ...] = ("ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
    purpose: str = "serverAuth, clientAuth",
    section: str = "leaf",
) -> Pair:
    """A pair in a new `folder`, valid from and until so many days from now.

    Skips the test where there is no OpenSSL.
    """
    if shutil.which("openssl") is None:
        pytest.skip("makes its certificates with openssl")
    folder.mkdir()
    (folder / "index").touch()
    (folder / "serial").write_text("01")
    (folder / "ca.cnf").write_text(_CA.format(purpose=purpose))
    new = ["-nodes", "-subj", "/CN=localhost", "-keyout", "key.pem", "-out", "request.pem"]
    _openssl(folder, "req", "-new", "-newkey", *key, *new)
    sign = ["-batch", "-notext", "-selfsign", "-keyfile", "key.pem", "-in", "request.pem"]
    begin, end = (_moment(days_from_now) for days_from_now in days)
    dates = ["-startdate", begin, "-enddate", end, "-extensions", section]
    _openssl(folder, "ca", "-config", "ca.cnf", *sign, *dates, "-out", "certificate.pem")
    return Pair(folder / "certificate.pem", folder / "key.pem")


def _moment(days_from_now: float) -> str:
    return time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + days_from_now * DAY_S))


def _openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)
