"""How an emergency stop ended, as the control process confirms it."""

import asyncio
import time
from dataclasses import dataclass

from hal.lifecycle import Lifecycle
from services.controller.control_channel import ControlChannel
from services.controller.episode_events import Event
from services.ipc.words import Word

STOP_S = 2.0
EVENT_S = 1.0
_POLL_S = 0.001


@dataclass(frozen=True)
class Stopped:
    """How an emergency stop ended.

    Attributes:
        done_ns: monotonic time at which torque was confirmed off, or waiting for that was given up.
        torque_off_failed: joints for which it was not confirmed.
    """

    lifecycle: Lifecycle
    done_ns: int
    torque_off_failed: tuple[str, ...]


class StopConfirmation:
    """Waits for the word and the event in which the control process tells of a stop."""

    def __init__(self, joint_names: tuple[str, ...]) -> None:
        self._joint_names = joint_names
        self._event: Event | None = None

    def take(self, event: Event) -> None:
        """An "estop" event."""
        self._event = event

    def forget(self) -> None:
        """Another control process counts anew."""
        self._event = None

    async def of(self, channel: ControlChannel, request: int) -> Stopped | None:
        """The end of this stop; None when nothing has confirmed it within STOP_S."""
        deadline = time.monotonic() + STOP_S
        while channel.word(Word.ESTOP_DONE) < request:
            if time.monotonic() > deadline or channel.exit_code is not None:
                return None
            await asyncio.sleep(_POLL_S)
        done_ns = channel.word(Word.ESTOP_DONE_NS)
        return Stopped(Lifecycle.E_STOPPED, done_ns, await self._unconfirmed(request))

    async def _unconfirmed(self, request: int) -> tuple[str, ...]:
        """Joints whose torque-off failed, as told in an event that is already in the ring."""
        deadline = time.monotonic() + EVENT_S
        while (event := self._event) is None or event["request"] < request:
            if time.monotonic() > deadline:
                return self._joint_names
            await asyncio.sleep(_POLL_S)
        return tuple(event["torque_off_failed"])
