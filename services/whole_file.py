"""Replacing a small text file so that a reader never sees half of it."""

import contextlib
import os
from pathlib import Path

from services.private_files import open_private


def write_whole(path: Path, text: str) -> None:
    """Replace a file's content, entirely or not at all; durable when this returns, mode 0600.

    Raises:
        OSError: the disk refused; the former file is still there.
    """
    draft = path.with_name(path.name + ".draft")
    try:
        descriptor = open_private(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise
