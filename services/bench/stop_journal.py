"""A file of trials, one JSON line each: a measurement that was cut off goes on where it was."""

import json
import os
from pathlib import Path
from typing import Any

Trial = dict[str, Any]


class TrialJournal:
    """Trials of a measurement, by kind.

    Args:
        path: JSON lines, made when it does not exist; None keeps them in memory only.

    Raises:
        ValueError: a line that is not a trial.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._trials: list[Trial] = []
        if path is None or not path.is_file():
            return
        for number, line in enumerate(path.read_text().splitlines(), 1):
            trial = json.loads(line)
            if not isinstance(trial, dict) or "kind" not in trial:
                raise ValueError(f"{path}:{number}: expected an object with a kind, got {line!r}")
            self._trials.append(trial)

    def of(self, kind: str) -> list[Trial]:
        """The trials of one kind, oldest first."""
        return [trial for trial in self._trials if trial["kind"] == kind]

    def add(self, kind: str, **found: Any) -> None:
        """Note a trial, and the load average of the last minute.

        Raises:
            OSError: it cannot be written.
        """
        trial = {"kind": kind, **found, "load": round(os.getloadavg()[0], 1)}
        self._trials.append(trial)
        if self._path is not None:
            with self._path.open("a") as file:
                file.write(json.dumps(trial) + "\n")
