"""The checkpoint is replaced whole, comes back bit for bit, and is refused when it does not fit."""

from pathlib import Path

import pytest
import torch

from services.trainer.checkpoint import (
    CHECKPOINT_FILE,
    CheckpointError,
    CheckpointHead,
    check_identity,
    load_checkpoint,
    save_checkpoint,
)
from services.trainer.messages import Published

NEWEST = Published(refit=3, version=4, rows=160, rows_sha256="0" * 64, metrics={"loss": 0.5})
IDENTITY = {"algorithm": "pal", "seed": 0, "settings": {"members": 4, "hidden": [64, 64]}}
HEAD = CheckpointHead(identity=IDENTITY, newest=NEWEST)


def test_state_comes_back_bit_for_bit(tmp_path: Path) -> None:
    assert load_checkpoint(tmp_path) is None
    state = {
        "weight": torch.randn(3, 5),
        "nothing": torch.tensor(float("nan")),
        "generator": torch.Generator().get_state(),
        "counters": torch.tensor([2**40, 1]),
    }
    save_checkpoint(tmp_path, HEAD, {"weight": torch.zeros(1)})
    save_checkpoint(tmp_path, HEAD, state)
    found = load_checkpoint(tmp_path)
    assert found is not None
    head, loaded = found
    assert head == HEAD
    assert loaded.keys() == state.keys()
    for name, tensor in state.items():
        assert loaded[name].numpy().tobytes() == tensor.numpy().tobytes()
    assert [path.name for path in (tmp_path / CHECKPOINT_FILE).parent.iterdir()] == [
        "learner.safetensors"
    ]


@pytest.mark.parametrize("content", [b"", b"nonsense" * 100, b"\xff" * 8])
def test_damage_is_named(tmp_path: Path, content: bytes) -> None:
    save_checkpoint(tmp_path, HEAD, {"weight": torch.zeros(1)})
    (tmp_path / CHECKPOINT_FILE).write_bytes(content)
    with pytest.raises(CheckpointError, match="is damaged") as caught:
        load_checkpoint(tmp_path)
    assert caught.value.reason == "CHECKPOINT_DAMAGED"


def test_a_checkpoint_of_something_else_is_damage(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    path = tmp_path / CHECKPOINT_FILE
    path.parent.mkdir()
    save_file({"weight": torch.zeros(1)}, path)
    with pytest.raises(CheckpointError, match="is damaged"):
        load_checkpoint(tmp_path)


def test_what_differs_is_named(tmp_path: Path) -> None:
    check_identity(HEAD, {**IDENTITY}, tmp_path)
    other = {"algorithm": "mal", "seed": 0, "settings": {"members": 5, "hidden": [64, 64]}}
    with pytest.raises(CheckpointError) as caught:
        check_identity(HEAD, other, tmp_path)
    assert "algorithm was 'pal', is 'mal'; settings.members was 4, is 5" in str(caught.value)
