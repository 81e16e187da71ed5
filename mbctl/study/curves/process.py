"""One run as a process of its own: `python -m mbctl.study.curves.process DIRECTORY PARENT`.

It reads run.json there, says how it goes as JSON lines on stdout, and ends when the run does; the
kernel kills it when the process that started it ends.
"""

import json
import os
import sys
import time
from pathlib import Path

from hal.child import end_with_parent, leave_terminal_to_parent
from mbctl import exit_codes
from mbctl.data.lock import hold_lock
from mbctl.study.curves.plan import RunPlan
from mbctl.study.curves.points import RunFilesError
from mbctl.study.curves.run_files import LOCK_FILE, PLAN_FILE, RunFiles

LOCK_WAIT_S = 5.0
TELL_PERIOD_S = 5.0


def main(directory: Path, parent: int) -> int:
    """Run what the directory's plan says until its budget is used."""
    if not end_with_parent(parent=parent):
        return exit_codes.START_UP
    leave_terminal_to_parent()
    output = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what anything prints goes to stderr
    from mbctl.nn.torch_set_up import set_up_torch
    from mbctl.policies.manifest import row_layout
    from mbctl.study.curves.learning import CurveRun, RunProgress
    from mbctl.tasks.registry import make_task

    set_up_torch()
    plan = RunPlan.model_validate_json((directory / PLAN_FILE).read_text(encoding="utf-8"))
    task = make_task(plan.identity.task, plan.identity.observation)
    told: tuple[float, object] = (0.0, None)

    def report(now: RunProgress) -> None:
        nonlocal told
        if now.point is told[1] and time.monotonic() < told[0] + TELL_PERIOD_S:
            return
        told = time.monotonic(), now.point
        point = None if now.point is None else now.point.model_dump()
        line = {"samples": now.samples, "doing": now.doing, "point": point, "wall_s": now.wall_s}
        output.write(json.dumps(line) + "\n")

    with hold_lock(directory / LOCK_FILE, "run", LOCK_WAIT_S):
        try:
            run = CurveRun(plan, RunFiles(directory, row_layout(task).width), report)
            try:
                run.run()
            finally:
                run.close()
        except RunFilesError as error:
            sys.stderr.write(f"{error}\n")
            return exit_codes.START_UP
    return exit_codes.OK


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))
