"""A file is replaced entirely or not at all."""

from pathlib import Path

import pytest

from services.whole_file import write_whole


def test_replaces_the_content(tmp_path: Path):
    path = tmp_path / "a.json"
    write_whole(path, "one")
    write_whole(path, "two")
    assert path.read_text() == "two\n"
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_a_failure_leaves_what_was_there_and_nothing_else(tmp_path: Path):
    path = tmp_path / "a"
    path.mkdir()  # a file cannot replace a directory
    with pytest.raises(OSError, match="a"):
        write_whole(path, "one")
    assert [p.name for p in tmp_path.iterdir()] == ["a"]
