"""Whether this machine can run a control loop: rights, cores, wake-ups, disk."""

import ctypes
import os
import pwd
import resource
import shutil
from collections.abc import Iterator
from pathlib import Path

from hal.clock import WallClock
from hal.realtime import FIFO_PRIORITY
from services.bring_up.finding import Finding, Level, fail, ok, warn
from services.bring_up.serial_ports import UDEV_RULE

CORES_MIN = 2
DISK_WARN_GIB = 2.0
DISK_FAIL_GIB = 0.2
WAKE_UPS = 200
WAKE_PERIOD_NS = 2_000_000
WAKE_LATE_WARN_MS = 3.0
UDEV_RULES = Path("/etc/udev/rules.d")
LIMITS = "/etc/security/limits.d/99-mbctl.conf"
_GIB = 2**30
_MCL_CURRENT = 1


def host_findings(
    run_dir: Path, proc: Path = Path("/proc"), sys: Path = Path("/sys")
) -> list[Finding]:
    """Everything about the machine; takes about half a second."""
    real_time = _fifo()
    return [
        real_time,
        _locked_memory(),
        _cores(),
        _wake_ups(has_rights=real_time.level is Level.OK),
        *_governor(sys),
        *_modem_manager(proc),
        _disk(run_dir),
    ]


def _fifo() -> Finding:
    """Try it: rights come from a limit, a capability or a container, and only the kernel knows."""
    policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(FIFO_PRIORITY))
    except OSError:
        message = f"no right to SCHED_FIFO {FIFO_PRIORITY}: other programs can make the loop late"
        remedy = (
            f"echo '{_user()} - rtprio {FIFO_PRIORITY}' | sudo tee -a {LIMITS}, then log in again"
        )
        return warn("real time", message, remedy)
    os.sched_setscheduler(0, policy, parameters)
    return ok("real time", f"SCHED_FIFO {FIFO_PRIORITY} is allowed")


def _locked_memory() -> Finding:
    """Try it, as the loop does: a limit says nothing of whoever has the capability."""
    c_library = ctypes.CDLL(None)
    if c_library.mlockall(_MCL_CURRENT) == 0:
        c_library.munlockall()
        return ok("locked memory", "is allowed")
    soft, _ = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    message = f"limited to {soft // 1024} KiB: pages of the loop may be swapped out"
    remedy = f"echo '{_user()} - memlock unlimited' | sudo tee -a {LIMITS}, then log in again"
    return warn("locked memory", message, remedy)


def _user() -> str:
    """For limits.conf; who runs this may have no name, as in a container."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return "*"


def _cores() -> Finding:
    cores = len(os.sched_getaffinity(0))
    if cores >= CORES_MIN:
        return ok("processor", f"{cores} cores")
    message = f"{cores} core for control loop, service process and kernel; {CORES_MIN} are needed"
    return warn("processor", message, "run the controller on a machine with more cores: nproc")


def _wake_ups(has_rights: bool) -> Finding:
    """How late a sleeping process of usual priority wakes, as a loop without rights does."""
    clock = WallClock()
    start_ns = clock.now_ns() + WAKE_PERIOD_NS
    late_ms = []
    for i in range(WAKE_UPS):
        deadline_ns = start_ns + i * WAKE_PERIOD_NS
        clock.sleep_until(deadline_ns)
        late_ms.append((clock.now_ns() - deadline_ns) / 1e6)
    late_ms.sort()
    p50_ms, p99_ms = late_ms[WAKE_UPS // 2], late_ms[WAKE_UPS * 99 // 100]
    message = f"late by {p50_ms:.2f} ms p50, {p99_ms:.2f} ms p99, {late_ms[-1]:.2f} ms at most"
    if p99_ms < WAKE_LATE_WARN_MS:
        return ok("wake-ups", message)
    remedy = "see what else runs: top" + ("" if has_rights else "; give real-time rights as above")
    return warn("wake-ups", f"{message}; above {WAKE_LATE_WARN_MS:g} ms p99", remedy)


def _governor(sys: Path) -> Iterator[Finding]:
    path = sys / "devices/system/cpu/cpu0/cpufreq/scaling_governor"
    if not path.is_file():
        return
    governor = path.read_text().strip()
    if governor == "powersave":
        message = "frequency governor 'powersave': the loop waits for the clock to rise"
        yield warn("governor", message, "sudo cpupower frequency-set -g performance")
    else:
        yield ok("governor", governor)


def _modem_manager(proc: Path) -> Iterator[Finding]:
    """It opens each new serial port and sends modem commands into it: garbage for the servos."""
    for name in proc.glob("[0-9]*/comm"):
        try:
            runs = name.read_text().strip() == "ModemManager"
        except OSError:  # that process has just ended
            continue
        if runs and not (UDEV_RULES / Path(UDEV_RULE).name).exists():
            message = "ModemManager runs and tries every new serial port as a modem"
            remedy = f"sudo cp {UDEV_RULE} /etc/udev/rules.d/ && sudo udevadm control --reload"
            yield warn("modem manager", message, remedy)
            return


def _disk(run_dir: Path) -> Finding:
    """Room for rows that wait for the trainer; the directory may not exist yet."""
    place = next(p for p in (run_dir.absolute(), *run_dir.absolute().parents) if p.is_dir())
    free_gib = shutil.disk_usage(place).free / _GIB
    message = f"{free_gib:.1f} GiB free below {place}"
    if free_gib >= DISK_WARN_GIB:
        return ok("disk", message)
    remedy = (
        f"make room, or choose another disk with run_dir: df -h {place}; du -xh {place} | sort -h"
    )
    level = fail if free_gib < DISK_FAIL_GIB else warn
    return level("disk", f"{message}; {DISK_WARN_GIB:g} GiB are advised", remedy)
