"""A writable copy of the installed package, for programs that must change its files."""

import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def robel_copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The parent folder of the copy."""
    spec = find_spec("robel")
    assert spec is not None
    assert spec.submodule_search_locations
    folder = tmp_path_factory.mktemp("robel")
    shutil.copytree(next(iter(spec.submodule_search_locations)), folder / "robel")
    return folder
