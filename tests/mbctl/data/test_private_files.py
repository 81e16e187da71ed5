"""What the daemons write is their user's alone and goes through nobody's link."""

import os
import stat
from pathlib import Path

import pytest

from mbctl.data.private_files import make_directory, open_private, write_whole
from services.controller.reserve import DiskReserve


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


@pytest.fixture
def loose_umask():
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("loose_umask")
def test_what_is_made_is_for_its_user_alone(tmp_path: Path):
    make_directory(tmp_path / "run")
    os.close(open_private(tmp_path / "run" / "lock", os.O_RDWR | os.O_CREAT))
    write_whole(tmp_path / "run" / "whole", "text")
    DiskReserve(tmp_path / "run" / "reserve", 4096)
    found = {path.name: mode_of(path) for path in (tmp_path / "run").iterdir()}
    assert found == {"lock": 0o600, "whole": 0o600, "reserve": 0o600}
    assert mode_of(tmp_path / "run") == 0o700


def test_a_directory_with_a_link_in_it_is_refused(tmp_path: Path):
    (tmp_path / "spool.db").symlink_to(tmp_path / "precious")
    with pytest.raises(OSError, match=r"symbolic link to .*precious.*spool\.db"):
        make_directory(tmp_path)


@pytest.mark.parametrize("kind", ["link", "dangling", "pipe", "second name", "directory"])
def test_nothing_but_a_plain_file_of_one_name_is_opened(tmp_path: Path, kind: str):
    precious, path = tmp_path / "precious", tmp_path / "file"
    precious.write_text("kept")
    if kind == "link":
        path.symlink_to(precious)
    elif kind == "dangling":
        path.symlink_to(tmp_path / "nowhere")
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "second name":
        path.hardlink_to(precious)
    else:
        path.mkdir()
    with pytest.raises(OSError, match="file"):
        open_private(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
    assert precious.read_text() == "kept"
    assert not (tmp_path / "nowhere").exists()


def test_a_link_in_the_place_of_a_draft_is_not_written_through(tmp_path: Path):
    precious = tmp_path / "precious"
    precious.write_text("kept")
    (tmp_path / "a.draft").symlink_to(precious)
    with pytest.raises(OSError, match="symbolic link"):
        write_whole(tmp_path / "a", "text")
    assert precious.read_text() == "kept"


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
