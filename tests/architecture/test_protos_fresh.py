"""The committed Python files are what the .proto files give."""

from pathlib import Path

from protos.generate import generate


def test_generated_files_are_fresh(root: Path, tmp_path: Path):
    generate(tmp_path)
    fresh = {p.name: p.read_text() for p in (tmp_path / "protos").iterdir()}
    committed = {p.name: p.read_text() for p in (root / "protos").glob("*_pb2*") if p.is_file()}
    assert fresh.keys() == committed.keys()
    stale = [name for name in fresh if fresh[name] != committed[name]]
    assert not stale, "run `make protos`"
