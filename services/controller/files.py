"""The controller's run directory: locked by one process, with the spool in it."""

import contextlib
from dataclasses import dataclass
from pathlib import Path

from mbctl.config import ControllerConfig
from mbctl.data.chunk_store import ChunkStore
from mbctl.data.lock import hold_lock
from mbctl.data.private_files import make_directory
from mbctl.data.sqlite import StoreError
from mbctl.exit_codes import StartUpError
from mbctl.tasks.registry import make_task
from mbctl.tasks.task import Task
from services.controller import paths
from services.controller.policy_choice import PolicyChoice, read_choice
from services.controller.policy_shelf import PolicyShelf
from services.controller.reserve import DiskReserve
from services.controller.spool import Spool

MIB = 1 << 20
DYING_S = 2.0  # a predecessor that was told to stop may take so long


@dataclass(frozen=True)
class Files:
    """What was opened."""

    task: Task
    spool: Spool
    shelf: PolicyShelf
    choice: PolicyChoice
    choice_path: Path


def open_files(config: ControllerConfig, stack: contextlib.AsyncExitStack) -> Files:
    """Open everything, to be closed with `stack`.

    Raises:
        StartUpError: unknown task, another controller in the directory, or damage in it.
    """
    directory = config.run_dir
    try:
        make_directory(directory)
        task = make_task(config.task.name, config.task.observation)
        stack.enter_context(hold_lock(directory / paths.LOCK_FILE, "controller", DYING_S))
        store = ChunkStore(directory / paths.SPOOL_FILE, quota_bytes=config.spool_quota_mb * MIB)
        stack.callback(store.close)
        period_s = task.period_s if config.period_s is None else config.period_s
        shelf = PolicyShelf(directory / paths.POLICIES_DIR, task, period_s)
        choice_path = directory / paths.CHOICE_FILE
        spool = Spool(store, DiskReserve(directory / paths.RESERVE_FILE))
        return Files(task, spool, shelf, read_choice(choice_path), choice_path)
    except OSError as error:
        raise StartUpError(f"run directory {directory} cannot be used: {error}") from error
    except (StoreError, ValueError) as error:
        raise StartUpError(str(error)) from error
