"""The learner's checkpoint: one safetensors file that says all that the next move depends on.

Rows are not in it: they are named by count and hash, and read from the database again.
"""

import os
from pathlib import Path
from typing import Any, Literal

import safetensors
import safetensors.torch
from pydantic import BaseModel, ConfigDict, ValidationError
from torch import Tensor

from hal.errors import ReasonedError
from services.trainer.messages import Published

CHECKPOINT_FILE = "checkpoint/learner.safetensors"
_HEAD = "mbctl"


class CheckpointError(ReasonedError):
    """A checkpoint that cannot be resumed from.

    Its reason is CHECKPOINT_DAMAGED, CHECKPOINT_MISMATCH or CHECKPOINT_MISSING.
    """


class CheckpointHead(BaseModel):
    """Where the learner stands.

    Attributes:
        identity: configuration that must be the same on resumption.
        newest: the version that this state publishes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    identity: dict[str, Any]
    newest: Published


def save_checkpoint(run_dir: Path, head: CheckpointHead, state: dict[str, Tensor]) -> None:
    """Replace the checkpoint: write beside it, flush, rename, flush the directory.

    Raises:
        OSError: the disk refused; the old checkpoint stands.
    """
    path = run_dir / CHECKPOINT_FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".draft")
    data = safetensors.torch.save(state, metadata={_HEAD: head.model_dump_json()})
    with draft.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def load_checkpoint(run_dir: Path) -> tuple[CheckpointHead, dict[str, Tensor]] | None:
    """The checkpoint, or None when there is none yet.

    Raises:
        CheckpointError: CHECKPOINT_DAMAGED.
    """
    path = run_dir / CHECKPOINT_FILE
    if not path.is_file():
        return None
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no dict
        return CheckpointHead.model_validate_json(metadata.get(_HEAD, "")), state
    except (safetensors.SafetensorError, ValidationError) as error:
        message = f"checkpoint {path} is damaged: {error}"
        raise CheckpointError(message, reason="CHECKPOINT_DAMAGED") from error


def check_identity(head: CheckpointHead, identity: dict[str, Any], run_dir: Path) -> None:
    """Refuse to go on with another configuration than the checkpoint's.

    Raises:
        CheckpointError: CHECKPOINT_MISMATCH, naming what differs.
    """
    keys = sorted(head.identity.keys() | identity.keys())
    settings = "settings"
    wrong = [k for k in keys if k != settings and head.identity.get(k) != identity.get(k)]
    pairs = [(k, head.identity.get(k), identity.get(k)) for k in wrong]
    old, new = head.identity.get(settings, {}), identity.get(settings, {})
    pairs += [
        (f"{settings}.{k}", old.get(k), new.get(k))
        for k in sorted(old.keys() | new.keys())
        if old.get(k) != new.get(k)
    ]
    if pairs:
        differences = "; ".join(f"{k} was {a!r}, is {b!r}" for k, a, b in pairs[:5])
        raise CheckpointError(
            f"run directory {run_dir} was learned with another configuration: {differences}; "
            "restore it or choose another run directory",
            reason="CHECKPOINT_MISMATCH",
        )
