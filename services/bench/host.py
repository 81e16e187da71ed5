"""The machine a figure was measured on, and how busy it was with other things."""

import os
import platform
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from services.up.cpu_time import cpu_seconds

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PACKAGES = ("torch", "numpy", "mujoco", "grpcio")


@dataclass(frozen=True)
class Host:
    """A machine at a moment.

    Attributes:
        load_average: of the last minute, the benchmark's own share included.
        at_s, busy_s, own_s: monotonic time; processor time used by everybody since boot and by this
            process and its children.
    """

    processor: str
    cores: int
    load_average: float
    versions: dict[str, str]
    at_s: float
    busy_s: float
    own_s: float

    def cores_used_by_others(self, later: "Host") -> float:
        """Cores that were busy between here and `later` with what is not this benchmark's."""
        others = (later.busy_s - self.busy_s) - (later.own_s - self.own_s)
        return max(0.0, others / (later.at_s - self.at_s))

    def plain(self) -> dict[str, Any]:
        return {"processor": self.processor, "cores": self.cores, "versions": self.versions}


def measure_host() -> Host:
    """The machine as it is now."""
    versions = {name: version(name) for name in _PACKAGES}
    return Host(
        _processor(),
        len(os.sched_getaffinity(0)),
        os.getloadavg()[0],
        {"python": platform.python_version(), "linux": platform.release(), **versions},
        time.monotonic(),
        _busy_seconds(),
        cpu_seconds(os.getpid()),
    )


def filesystem_of(path: Path) -> str:
    """Type of the filesystem that holds `path`: an fsync on tmpfs would prove nothing."""
    target = str(path.resolve())
    best, kind = "", "unknown"
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, mount, found, *_ = line.split()
        inside = target == mount or target.startswith(mount.rstrip("/") + "/")
        if inside and len(mount) >= len(best):
            best, kind = mount, found
    return kind


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _busy_seconds() -> float:
    """All cores together since boot, without idling and waiting for disks."""
    fields = Path("/proc/stat").read_text().splitlines()[0].split()[1:]
    user, nice, system, _idle, _iowait, irq, softirq = (int(ticks) for ticks in fields[:7])
    return (user + nice + system + irq + softirq) / _TICKS_PER_S
