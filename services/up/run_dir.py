"""A run's directory: owned by one session at a time, and only by runs of one configuration."""

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from pydantic import ValidationError

from mbctl.config import ConfigError
from mbctl.data.lock import is_locked, take_lock
from mbctl.data.private_files import make_directory, write_whole
from mbctl.exit_codes import StartUpError
from services.up.plan import Plan, differences

PLAN_FILE = "run.json"
LOCK_FILE = "up.lock"
DIFFERENCES_SHOWN = 5  # run.json has them all


class RunDir:
    """Paths within a run's directory."""

    def __init__(self, path: Path) -> None:
        """Where `path` leads to from here.

        Raises:
            ConfigError: it is relative, and the working directory has been removed.
        """
        try:
            self.path = path.absolute()
        except FileNotFoundError as error:
            raise ConfigError(
                f"--run-dir {path}: the working directory has been removed: cd into another, or "
                "give an absolute path"
            ) from error

    @property
    def plan(self) -> Path:
        return self.path / PLAN_FILE

    @property
    def curve_csv(self) -> Path:
        return self.path / "curve.csv"

    @property
    def curve_png(self) -> Path:
        return self.path / "curve.png"

    @property
    def summary(self) -> Path:
        return self.path / "summary.json"

    @property
    def versions(self) -> Path:
        return self.path / "trainer" / "versions"

    def config_of(self, daemon: str) -> Path:
        return self.path / f"{daemon}.json"

    def log_of(self, daemon: str) -> Path:
        return self.path / "logs" / f"{daemon}.log"

    def wait_for_predecessors(
        self, timeout_s: float, meanwhile: Callable[[], None] = lambda: None
    ) -> None:
        """Wait until daemons that a killed session left are gone; they stop by themselves.

        Args:
            meanwhile: is called again and again, and may raise.

        Raises:
            StartUpError: one still runs after `timeout_s`; names its lock.
        """
        deadline = time.monotonic() + timeout_s
        for name in ("controller", "trainer"):
            lock = self.path / name / f"{name}.lock"
            while lock.exists() and is_locked(lock):
                meanwhile()
                if time.monotonic() > deadline:
                    raise StartUpError(f"another {name} runs in this directory: it holds {lock}")
                time.sleep(0.1)

    def check(self, plan: Plan) -> None:
        """Make sure that this directory is free or holds this very run.

        Raises:
            ConfigError: it holds something else; says what.
        """
        if self.path.exists() and not self.path.is_dir():
            raise ConfigError(f"--run-dir {self.path}: is a file, expected a directory")
        if not self.plan.exists():
            self._check_free()
            return
        stored = self._stored_plan()
        if different := differences(stored, plan):
            more = len(different) - DIFFERENCES_SHOWN
            shown = [*different[:DIFFERENCES_SHOWN], *([f"and {more} more"] if more > 0 else [])]
            raise ConfigError(
                f"--run-dir {self.path} holds another run: {'; '.join(shown)}. "
                "Choose another --run-dir, or the options of that run to resume it"
            )

    @contextlib.contextmanager
    def claimed(self, plan: Plan) -> Iterator[bool]:
        """Own the directory for the block and store the plan; yields whether it is a resumption.

        Raises:
            ConfigError: it holds another run.
            StartUpError: another session owns it, or it cannot be written.
        """
        self.check(plan)
        try:
            make_directory(self.path)
            make_directory(self.path / "logs")
        except OSError as error:
            raise StartUpError(f"--run-dir {self.path}: {error}") from error
        descriptor = take_lock(
            self.path / LOCK_FILE,
            lambda holder: (
                f"--run-dir {self.path} is in use by another mbctl up (process {holder}); stop it "
                "or choose another"
            ),
        )
        try:
            self.check(plan)
            resumed = self.plan.exists()
            self._store(plan)
            yield resumed
        finally:
            os.close(descriptor)

    def _store(self, plan: Plan) -> None:
        try:
            write_whole(self.plan, plan.model_dump_json(indent=2))
        except OSError as error:
            raise StartUpError(f"{self.plan} cannot be written: {error.strerror}") from error

    def _check_free(self) -> None:
        ours = {LOCK_FILE, "logs"}
        if self.path.exists() and any(entry.name not in ours for entry in self.path.iterdir()):
            raise ConfigError(
                f"--run-dir {self.path} is not empty and holds no {PLAN_FILE}: choose a new one"
            )

    def _stored_plan(self) -> Plan:
        try:
            return Plan.model_validate_json(self.plan.read_bytes())
        except (ValidationError, OSError) as error:
            raise ConfigError(
                f"{self.plan} is damaged or of another version of mbctl: choose another --run-dir"
            ) from error
