"""What several of these tests need."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def short_dir() -> Iterator[Path]:
    """A directory whose path leaves room for the name of a unix socket."""
    with tempfile.TemporaryDirectory(prefix="mb-") as name:
        yield Path(name).resolve()
