"""Processor time of a family of processes, from /proc."""

import os
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def cpu_seconds(root: int) -> float:
    """Processor seconds used so far by `root`, its living descendants, and reaped children."""
    processes = _read_all()
    family, added = {root}, True
    while added:
        younger = {pid for pid, (parent, _) in processes.items() if parent in family} - family
        added = bool(younger)
        family |= younger
    return sum(processes[pid][1] for pid in family if pid in processes) / _TICKS_PER_S


def _read_all() -> dict[int, tuple[int, int]]:
    found: dict[int, tuple[int, int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                found[int(entry.name)] = _parse((entry / "stat").read_text())
            except OSError:  # it ended while we looked
                continue
    return found


def _parse(stat: str) -> tuple[int, int]:
    """(parent's pid, ticks): own and reaped children's time, in user and in kernel mode."""
    after_name = stat[stat.rindex(")") + 2 :].split()
    return int(after_name[1]), sum(int(ticks) for ticks in after_name[11:15])
