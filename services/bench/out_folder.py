"""Where a benchmark puts what it finds, made before anything is measured."""

import tempfile
from pathlib import Path

from mbctl.config import ConfigError


def make_out_folder(path: Path) -> None:
    """Make the folder, if it is not there, and see whether it can be written to.

    Raises:
        ConfigError: it cannot.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise ConfigError(
            f"--out {str(path)!r}: {error.strerror or error}; expected a folder that can be written"
        ) from error
