"""The directory given with --tls. Imports next to nothing: an emergency stop waits for it."""

from pathlib import Path
from typing import NamedTuple


class TlsDirectory(NamedTuple):
    """Its files."""

    directory: Path

    @property
    def certificate(self) -> Path:
        return self.directory / "certificate.pem"

    @property
    def key(self) -> Path:
        return self.directory / "key.pem"

    @property
    def client_ca(self) -> Path | None:
        path = self.directory / "ca.pem"
        return path if path.is_file() else None


def tls_directory(directory: Path | None) -> TlsDirectory | None:
    """The directory's files; None for none.

    Raises:
        ConfigError: certificate or key is missing.
    """
    if directory is None:
        return None
    files = TlsDirectory(directory)
    for path in (files.certificate, files.key):
        if not path.is_file():
            from mbctl.config import ConfigError

            raise ConfigError(f"--tls {directory}: {path.name} is missing there")
    return files
