"""The machine: what it may do is tried, not guessed."""

import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from services.bring_up import host
from services.bring_up.finding import Level
from services.bring_up.host import host_findings


def found(subject: str, **arguments: Path):
    findings = host_findings(arguments.pop("run_dir", Path("runs")), **arguments)
    return next((f for f in findings if f.subject == subject), None)


@pytest.fixture(autouse=True)
def few_wake_ups(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(host, "WAKE_UPS", 5)


def test_everything_is_looked_at_and_scheduling_stays_as_it_was():
    before = os.sched_getscheduler(0), os.sched_getparam(0)
    subjects = [f.subject for f in host_findings(Path("runs/none/yet"))]
    assert {"real time", "locked memory", "processor", "wake-ups", "disk"} <= set(subjects)
    assert (os.sched_getscheduler(0), os.sched_getparam(0)) == before


def test_without_the_right_to_fifo_the_limits_file_is_named(monkeypatch: pytest.MonkeyPatch):
    def refuse(*arguments):
        raise PermissionError

    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    finding = found("real time")
    assert finding.level is Level.WARN
    assert "rtprio 50" in finding.remedy
    assert host.LIMITS in finding.remedy


@pytest.mark.parametrize("has_rights", [True, False])
def test_late_wake_ups_are_put_down_to_missing_rights_only_where_they_miss(
    has_rights: bool, monkeypatch: pytest.MonkeyPatch
):
    def schedule(*arguments):
        if not has_rights:
            raise PermissionError

    monkeypatch.setattr(os, "sched_setscheduler", schedule)
    monkeypatch.setattr(host, "WAKE_LATE_WARN_MS", 0.0)
    finding = found("wake-ups")
    assert finding.level is Level.WARN
    assert ("as above" in finding.remedy) is not has_rights


def test_memory_that_cannot_be_locked_is_warned_of(monkeypatch: pytest.MonkeyPatch):
    library = SimpleNamespace(mlockall=lambda flags: -1)
    monkeypatch.setattr(host.ctypes, "CDLL", lambda name: library)
    finding = host._locked_memory()
    assert finding.level is Level.WARN
    assert "memlock unlimited" in finding.remedy


def test_one_core_is_too_few(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0})
    assert found("processor").level is Level.WARN


@pytest.mark.parametrize(
    ("free_gib", "level"), [(50, Level.OK), (1, Level.WARN), (0.1, Level.FAIL)]
)
def test_a_full_disk_is_told_from_a_small_one(
    free_gib: float, level: Level, monkeypatch: pytest.MonkeyPatch
):
    usage = SimpleNamespace(free=free_gib * 2**30)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    assert found("disk").level is level


@pytest.mark.parametrize(
    ("governor", "level"), [("powersave", Level.WARN), ("performance", Level.OK)]
)
def test_the_frequency_governor_counts(governor: str, level: Level, tmp_path: Path):
    path = tmp_path / "devices/system/cpu/cpu0/cpufreq/scaling_governor"
    path.parent.mkdir(parents=True)
    path.write_text(f"{governor}\n")
    assert found("governor", sys=tmp_path).level is level


def test_a_running_modem_manager_is_warned_of_until_the_rule_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "77").mkdir()
    (tmp_path / "77/comm").write_text("ModemManager\n")
    monkeypatch.setattr(host, "UDEV_RULES", tmp_path)
    assert found("modem manager", proc=tmp_path).level is Level.WARN
    (tmp_path / "99-mbctl.rules").touch()
    assert found("modem manager", proc=tmp_path) is None
