"""Faults keep their cycles from the control process's event to the wire."""

from hal.lifecycle import Lifecycle
from services.controller.status import fault_to_proto
from services.controller.view import ControlView, fault_from_event, new_fault
from services.ipc.state_board import BoardRecord

EVENT = {
    "type": "fault",
    "reason": "COMMAND_NOT_FINITE",
    "message": "joint 3 commanded nan",
    "stamp_ns": 5,
    "wall_time_ns": 1_500_000_000,
    "cycles": [
        {
            "cycle": number,
            "stamp_ns": 100 * number,
            "position": [0.1, 0.2],
            "velocity": [0.0, 1.0],
            "command": [0.3, 0.4],
            "verdict": "CLIPPED",
        }
        for number in range(50)
    ],
}


def test_a_fault_keeps_its_last_fifty_cycles():
    message = fault_to_proto(fault_from_event(EVENT))
    assert (message.reason, message.monotonic_ns) == ("COMMAND_NOT_FINITE", 5)
    assert (message.wall_time.seconds, message.wall_time.nanos) == (1, 500_000_000)
    assert [cycle.cycle for cycle in message.last_cycles] == list(range(50))
    last = message.last_cycles[-1]
    assert list(last.joint_position_rad) == [0.1, 0.2]
    assert list(last.command_position_rad) == [0.3, 0.4]
    assert last.verdict == "CLIPPED"


def _view(lifecycle: Lifecycle) -> ControlView:
    board = BoardRecord(int(lifecycle), 1, 2, 3, 4, 5, None)
    return ControlView(read_board=lambda: board, alive=True)


def test_an_emergency_stop_comes_before_a_fault():
    view = _view(Lifecycle.ACTIVE)
    assert view.lifecycle is Lifecycle.ACTIVE
    view.control_fault = fault_from_event(EVENT)
    view.stop_fault = new_fault("EMERGENCY_STOP", "smoke")
    assert (view.lifecycle, view.fault.reason) == (Lifecycle.E_STOPPED, "EMERGENCY_STOP")
    view.stop_fault = None
    assert view.fault.reason == "COMMAND_NOT_FINITE"


def test_a_dead_control_process_is_a_fault_whatever_the_board_still_says():
    view = _view(Lifecycle.ACTIVE)
    view.alive = False
    assert view.lifecycle is Lifecycle.UNCONFIGURED
    view.control_fault = new_fault("CONTROL_PROCESS_DIED", "exit code -9")
    assert view.lifecycle is Lifecycle.FAULT
