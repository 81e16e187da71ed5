"""The control process works with what `mbctl show config` prints, key by key."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mbctl.config import ControlConfig, ControllerConfig
from services.controller.control_channel import ControlChannel
from services.controller.link import settings_of

# For every key another value than its default; the rest needs servos, or is another task's.
CHANGED = {
    "robot.name": "left",
    "robot.port": "/dev/ttyUSB7",
    "robot.baud_rate": 57_600,
    "robot.calibration": "left.json",
    "robot.bus.bus_period_s": 0.025,
    "robot.bus.watchdog_s": 0.2,
    "robot.bus.cycle_budget_s": 0.017,
    "robot.bus.turnaround_s": 0.005,
    "robot.bus.misses_degraded": 4,
    "robot.bus.comm_fault_s": 0.2,
    "robot.bus.scan_s": 0.7,
    "robot.bus.relax_on_connect": True,
    "robot.bus.configure_servos": True,
    "robot.bus.allow_no_watchdog": True,
    "robot.bus.allow_unexpected_servos": True,
    "robot.bus.latency_timer_max_ms": 2,
    "robot.bus.fast_reads": False,
    "robot.bus.voltage_min_v": 10.5,
    "robot.bus.voltage_low_s": 0.4,
    "robot.bus.enable_temperature_max_c": 55.0,
    "robot.bus.warn_temperature_c": 65.0,
    "robot.bus.stop_temperature_c": 72.0,
    "robot.bus.soft_start_s": 0.9,
    "robot.bus.soft_start_velocity_rad_s": 0.4,
    "robot.bus.profile_velocity_rad_s": 2.0,
    "robot.bus.seed_timeout_s": 2.5,
    "robot.bus.object_velocity_rad_s": 1.5,
    "robot.bus.object_velocity_max_rad_s": 15.0,
    "robot.tracker.kind": "openvr",
    "robot.tracker.listen": "127.0.0.1:9764",
    "robot.tracker.devices.torso": "LHR-1",
    "robot.tracker.mounting.torso": [1.0, 0.0, 0.0, 0.0],
    "robot.tracker.stale_s": 0.2,
    "task.name": "dclaw-turn-fixed",
    "clock": "lockstep",
    "period_s": 0.05,
    "seed": 7,
    "gate.state_age_max_s": 0.3,
    "gate.invalid_reads_max": 4,
    "gate.derate_from": 0.7,
    "gate.current_over_max_s": 0.9,
    "stop.hold_s": 0.4,
    "stop.ramp_s": 0.3,
    "loop.overruns_degraded": 6,
    "loop.overruns_in_a_row_max": 21,
    "loop.service_timeout_s": 25.0,
    "loop.realtime": False,
}
UNCHANGED = {"robot.model", "robot.backend", "robot.actuator", "task.observation"}


def flat(tree: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def shown(folder: Path, assignments: dict[str, Any]) -> tuple[dict[str, Any], ControllerConfig]:
    """What `mbctl show config controller` prints, and the configuration that a daemon has of it."""
    pairs = {"run_dir": str(folder), **assignments}
    texts = [f"{k}={v if isinstance(v, str) else json.dumps(v)}" for k, v in pairs.items()]
    options = [word for text in texts for word in ("--set", text)]
    command = [sys.executable, "-P", "-m", "mbctl", "show", "config", "controller", *options]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(run.stdout), ControllerConfig.model_validate_json(run.stdout)


@pytest.mark.parametrize("changed", [{}, CHANGED], ids=["defaults", "changed"])
def test_the_process_uses_what_show_config_prints(tmp_path: Path, changed: dict[str, Any]):
    printed, config = shown(tmp_path, changed)
    if changed:
        assert {key: dict(flat(printed))[key] for key in changed} == changed
    with ControlChannel(settings_of(config)) as channel:
        started = channel.start(120.0)
    used = dict(flat(started["settings"]))
    expected = dict(flat({key: printed[key] for key in ControlConfig.model_fields}))
    assert used == {**expected, "latched": None}
    if changed:
        assert expected.keys() == changed.keys() | UNCHANGED, "each key is tried"
    assert started["period_s"] == changed.get("period_s", 0.1)
    assert started["service_timeout_s"] == changed.get("loop.service_timeout_s", 0.5)
