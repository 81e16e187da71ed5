"""The process that started the control process dies: who stops the robot then."""

import dataclasses
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from hal.lifecycle import Lifecycle
from mbctl.policies.snapshot import save_snapshot
from services.controller.control.settings import ControlSettings
from services.ipc.segment import SharedSegment
from services.ipc.state_board import StateBoard
from services.ipc.words import SignalWords, Word

STAND_IN = """
import sys, time
from pathlib import Path
from mbctl.policies.snapshot import load_snapshot
from services.controller.control_channel import ControlChannel
from services.controller.control.settings import ControlSettings

channel = ControlChannel(ControlSettings.model_validate_json(sys.argv[1]))
channel.start()
channel.set_lease(1 << 62)
channel.publish_policy(load_snapshot(Path(sys.argv[2])))
channel.call("activate")
channel.call(
    "run_episodes", operation="op", count=99, purpose="train", explore=True, first_index=0
)
sys.stdout.write(f"{channel.pid} {channel.descriptor}\\n")
sys.stdout.flush()
while True:
    channel.heartbeat()
    channel.drain()
    time.sleep(0.01)
"""


def is_running(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"


@pytest.mark.parametrize("clock", ["wall", "lockstep"])
@pytest.mark.parametrize("death", [signal.SIGKILL, signal.SIGSTOP])
def test_when_the_service_process_dies_the_robot_is_stopped(tmp_path, policy, clock, death):
    told = ControlSettings.model_validate(
        {
            "task": {"name": "dclaw-turn-random"},
            "clock": clock,
            "seed": 3,
            "loop": {"service_timeout_s": 0.5},
            "stop": {"hold_s": 0.2, "ramp_s": 0.2},
        }
    )
    snapshot = save_snapshot(policy(1), tmp_path)
    stand_in = subprocess.Popen(
        [
            sys.executable,
            "-P",
            "-c",
            textwrap.dedent(STAND_IN),
            told.model_dump_json(),
            str(snapshot),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    control = -1
    try:
        assert stand_in.stdout is not None
        control, descriptor = (int(word) for word in stand_in.stdout.readline().split())
        inherited = os.open(f"/proc/{control}/fd/{descriptor}", os.O_RDWR)
        with SharedSegment.attach(inherited) as segment:
            words, board = SignalWords(segment.words), StateBoard(segment.board)
            before = board.read()
            assert before is not None
            assert before.lifecycle == Lifecycle.ACTIVE
            stand_in.send_signal(death)
            deadline = time.monotonic() + 15
            while is_running(control) and time.monotonic() < deadline:
                time.sleep(0.02)
            assert not is_running(control)
            assert words.get(Word.STOPPED) == 1
            after = board.read()
            assert after is not None
            assert after.lifecycle == Lifecycle.INACTIVE
            assert dataclasses.replace(after, cycle=0) != dataclasses.replace(before, cycle=0)
    finally:
        stand_in.kill()
        stand_in.wait()
        assert stand_in.stdout is not None
        stand_in.stdout.close()
        if control > 0 and is_running(control):
            os.kill(control, signal.SIGKILL)
