"""A file of another encoding, or none at all, is told as what it is, and never waited for."""

import codecs
import os
import socket
from pathlib import Path

import pytest

from mbctl.config import ConfigError, load_controller
from mbctl.config.file import FILE_BYTES_MAX

TEXT = "seed = 3\nrun_dir = 'runs/ü'\n[task]\nname = 'dclaw-turn-random'\n"


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
def test_utf_8_is_read_with_or_without_a_mark(tmp_path: Path, mark: bytes, end: str):
    path = tmp_path / "c.toml"
    path.write_bytes(mark + TEXT.replace("\n", end).encode())
    config = load_controller(path, (), {})
    assert (config.seed, config.run_dir) == (3, Path("runs/ü"))


def test_json_may_have_a_mark_too(tmp_path: Path):
    path = tmp_path / "c.json"
    config = load_controller(None, ["task.name=dclaw-turn-random", "run_dir=r"], {})
    path.write_bytes(codecs.BOM_UTF8 + config.model_dump_json().encode())
    assert load_controller(path, (), {}) == config


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (TEXT.encode("utf-16"), "it is in UTF-16; save it as UTF-8"),
        (codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"), "it is in UTF-16; save it as UTF-8"),
        (TEXT.encode("utf-32"), "it is in UTF-32; save it as UTF-8"),
        (TEXT.encode("utf-16-le"), "holds NUL bytes, as UTF-16 has them; save it as UTF-8"),
        (TEXT.encode("latin-1"), r"line 2 is not UTF-8 \(byte 0xfc\); save it as UTF-8"),
        (b"#" * (FILE_BYTES_MAX + 1), f"larger than {FILE_BYTES_MAX} bytes"),
        (b"[" * 100_000, "does not parse"),
        (b"\x7fELF\x02\x01\x01\x00", "holds NUL bytes"),
    ],
)
def test_another_encoding_is_named(tmp_path: Path, content: bytes, message: str):
    path = tmp_path / "c.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=rf"c\.toml: .*{message}"):
        load_controller(path, (), {})


@pytest.mark.timeout(20)
def test_what_is_no_file_is_named_at_once(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket"))
        for path, message in (
            (tmp_path, "is a directory, expected a file in TOML or JSON"),
            (tmp_path / "pipe", "is a pipe, expected a file"),
            (Path("/dev/zero"), "is a device, expected a file"),
            (tmp_path / "socket", "cannot be read: No such device or address"),
            (tmp_path / "loop", "cannot be read: Too many levels of symbolic links"),
            (tmp_path / "c.toml" / "x", "cannot be read: No such file or directory"),
            (Path("a\0b"), "cannot be read: embedded null byte"),
        ):
            with pytest.raises(ConfigError, match=message):
                load_controller(path, (), {})
