"""In a process of its own: locked memory and a real-time class are not for the test runner."""

import json
import subprocess
import sys

SCRIPT = """
import dataclasses, gc, json, os
from hal.realtime import apply_realtime
report = apply_realtime()
facts = dataclasses.asdict(report)
facts["policy_is_fifo"] = os.sched_getscheduler(0) == os.SCHED_FIFO
facts["frozen"] = gc.get_freeze_count()
with open("/proc/self/status") as status:
    facts["locked_kb"] = int(next(l for l in status if l.startswith("VmLck")).split()[1])
print(json.dumps(facts))
"""


def test_report_says_what_really_took_effect():
    done = subprocess.run(
        [sys.executable, "-P", "-c", SCRIPT], capture_output=True, text=True, timeout=60, check=True
    )
    facts = json.loads(done.stdout)
    assert facts["fifo_scheduling"] == facts["policy_is_fifo"]
    assert facts["memory_locked"] == (facts["locked_kb"] > 0)
    assert facts["gc_frozen"] == (facts["frozen"] > 0)
    assert facts["timer_slack"] is True  # needs no rights


def test_priority_that_no_kernel_grants_is_reported_not_raised():
    script = "from hal.realtime import apply_realtime; print(apply_realtime(1000).fifo_scheduling)"
    done = subprocess.run(
        [sys.executable, "-P", "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "False"
