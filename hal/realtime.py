"""Real-time measures for the process that runs a control loop, each tried and none required."""

import ctypes
import gc
import os
import resource
from dataclasses import dataclass

_PR_SET_TIMERSLACK = 29
_MCL_CURRENT = 1
_MCL_FUTURE = 2
FIFO_PRIORITY = 50


@dataclass(frozen=True, slots=True)
class RealTimeReport:
    """Which measures took effect."""

    timer_slack: bool
    memory_locked: bool
    fifo_scheduling: bool
    gc_frozen: bool


def apply_realtime(fifo_priority: int = FIFO_PRIORITY) -> RealTimeReport:
    """Apply all measures to the calling thread and its process, after all imports.

    For loops that wait for the wall clock only: a lockstep loop under SCHED_FIFO never yields.
    """
    return RealTimeReport(
        timer_slack=_set_timer_slack(),
        memory_locked=_lock_memory(),
        fifo_scheduling=_schedule_fifo(fifo_priority),
        gc_frozen=_freeze_gc(),
    )


def _set_timer_slack() -> bool:
    """1 ns instead of 50 us: what the kernel may add to each wake-up."""
    return ctypes.CDLL(None).prctl(_PR_SET_TIMERSLACK, ctypes.c_ulong(1), 0, 0, 0) == 0


def _lock_memory() -> bool:
    """Keep pages in memory; future ones only where no limit could turn that into failed mallocs."""
    soft, _ = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    future = _MCL_FUTURE if soft == resource.RLIM_INFINITY else 0
    return ctypes.CDLL(None).mlockall(_MCL_CURRENT | future) == 0


def _schedule_fifo(priority: int) -> bool:
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(priority))
    except OSError:
        return False
    return True


def _freeze_gc() -> bool:
    """Collect once and take what is left out of every later collection."""
    gc.collect()
    gc.freeze()
    return gc.get_freeze_count() > 0
