"""Settings and the command line that gives them are the same thing."""

import pytest

from sim.servo_bus.__main__ import _parser
from sim.servo_bus.settings import VirtualBusSettings, VirtualBusSettingsError

CHANGED = VirtualBusSettings(
    robot="dkitty",
    port_link="kitty",
    baud=3_000_000,
    latency_ms=16.0,
    return_delay_us=500.0,
    turnaround_us=20.0,
    paced=False,
    firmware=38,
    model=1060,
    feed="own",
    chain="stop",
    actuator="robel",
    seed=7,
    faults="faults.json",
    record="record",
    control="socket",
    tracker_udp="127.0.0.1:9",
    initial="lie",
    stop_with_stdin=True,
)


@pytest.mark.parametrize("settings", [VirtualBusSettings(), CHANGED])
def test_the_command_line_gives_the_settings(settings):
    parsed = _parser().parse_args(settings.command_line())
    assert VirtualBusSettings(**vars(parsed)) == settings


def test_every_field_is_changed_above():
    """So that none is forgotten on the command line."""
    plain = VirtualBusSettings()
    same = [n for n in plain.__dataclass_fields__ if getattr(plain, n) == getattr(CHANGED, n)]
    assert same == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("robot", "cat"),
        ("feed", "none"),
        ("chain", "skip"),
        ("baud", 1),
        ("model", 12),
        ("firmware", 0),
        ("firmware", 256),
        ("latency_ms", 256.0),
        ("latency_ms", float("nan")),
        ("return_delay_us", 509.0),
        ("turnaround_us", -1.0),
        ("seed", -1),
        ("initial", "stand"),
    ],
)
def test_what_cannot_be_is_named(field, value):
    with pytest.raises(VirtualBusSettingsError, match=field) as caught:
        VirtualBusSettings(**{field: value})
    assert caught.value.reason == "BUS_SETTINGS_INVALID"


def test_each_robot_has_its_own_poses():
    assert VirtualBusSettings(robot="dclaw").initial_pose == "home"
    assert VirtualBusSettings(robot="dkitty").initial_pose == "stand"
