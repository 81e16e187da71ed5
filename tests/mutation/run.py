"""Counts the changes of the source that no test notices; `python -m tests.mutation.run --help`.

Each mutant is tried in a copy of the checkout with the tests that mirror its file or import it.
Results lie in a JSON file: what stands there is not tried again, so a run can be cut short.
"""

import argparse
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.mutation.mutants import PACKAGES, Mutant, mirrored, sample

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("hal", "mbctl", "protos", "services", "sim", "tests", "pyproject.toml", "README.md")
KILLED, SURVIVED, NO_ANSWER, UNUSABLE = "killed", "survived", "timeout", "tests fail without it"


class Checkout:
    """A copy of the source in which one file at a time is changed.

    Args:
        limit_s: of the tests of one mutant, s. Each test has the limit of its own besides.
    """

    def __init__(self, folder: Path, limit_s: float) -> None:
        self._folder, self._limit_s = folder, limit_s
        for name in COPIED:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, folder / name)
            else:
                shutil.copy(ROOT / name, folder / name)

    def judge(self, mutant: Mutant) -> str:
        """What the tests say of it; the first that fails must pass on the source as it is."""
        path = self._folder / mutant.path
        before = path.read_text()
        path.write_text(mutant.text)
        try:
            output = self._failure(mirrored(self._folder, mutant.path))
        finally:
            path.write_text(before)
        if output is None:
            return NO_ANSWER
        if not output:
            return SURVIVED
        failed = re.findall(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", output, re.MULTILINE)
        return KILLED if failed and self._failure(failed[:1]) == "" else UNUSABLE

    def _failure(self, tests: list[str]) -> str | None:
        """What pytest prints; "" where all pass, None where they do not end in time."""
        command = [sys.executable, "-P", "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
        environment = {
            **os.environ,
            "PYTHONPATH": str(self._folder),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        with tempfile.TemporaryFile("w+", errors="replace") as output:
            process = subprocess.Popen(
                [*command, *tests],
                cwd=self._folder,
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                code = process.wait(self._limit_s)
            except subprocess.TimeoutExpired:
                return None
            finally:  # whatever they have started ends with them
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            output.seek(0)
            return output.read() or "nothing was printed" if code else ""


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Judge what has not been judged, and write after each."""
    out = Path(arguments.out)
    results = json.loads(out.read_text()) if out.is_file() else {}
    drawn = sample(ROOT, arguments.count, arguments.seed, tuple(arguments.packages))
    with tempfile.TemporaryDirectory(prefix="mbctl-mutants-") as folder:
        checkout = Checkout(Path(folder), arguments.limit_s)
        for number, mutant in enumerate(drawn, 1):
            if mutant.name not in results:
                verdict = checkout.judge(mutant)
                results[mutant.name] = {"verdict": verdict, "diff": mutant.diff}
                write_json(out, results)
            verdict = results[mutant.name]["verdict"]
            print(f"{number}/{len(drawn)} {verdict}: {mutant.name}", flush=True)  # noqa: T201
    return {mutant.name: results[mutant.name] for mutant in drawn}


def report(results: dict[str, Any]) -> str:
    """Survivors with their diffs, and the share of those that tests notice."""
    verdicts = [entry["verdict"] for entry in results.values()]
    judged = [verdict for verdict in verdicts if verdict != UNUSABLE]
    noticed = sum(verdict in (KILLED, NO_ANSWER) for verdict in judged)
    survivors = [e["diff"] for e in results.values() if e["verdict"] == SURVIVED]
    share = f"{noticed / len(judged):.0%}" if judged else "none"
    counts = f"{noticed} of {len(judged)} noticed ({share}), {len(verdicts) - len(judged)} unusable"
    return "\n\n".join([*survivors, counts])


def write_json(path: Path, results: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    new.write_text(json.dumps(results, indent=1))
    new.rename(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=300, help="mutants to draw")
    parser.add_argument("--seed", type=int, default=0, help="of the draw")
    parser.add_argument("--out", default="runs/mutants.json", help="results, kept between runs")
    parser.add_argument(
        "--limit-s", type=float, default=900.0, help="time limit of one mutant's tests, s"
    )
    parser.add_argument("packages", nargs="*", default=list(PACKAGES), help="folders to draw from")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # ends the tests that run, too
    print(report(run(parser.parse_args())))  # noqa: T201


if __name__ == "__main__":
    main()
