"""What the control process says about episodes, as records."""

import struct
from typing import Any

from mbctl.data.chunk import EpisodeSummary
from mbctl.data.layout import RowLayout
from services.ipc.row_message import RowMessage

Event = dict[str, Any]


def summary_from_event(event: Event, robot: str, task: str) -> EpisodeSummary:
    """The record in "episode_finished", or what is known of it in "episode_started"."""
    return EpisodeSummary(
        episode_id=event["episode_id"],
        robot=robot,
        task=task,
        purpose=event["purpose"],
        index=event["index"],
        policy_version=event["policy_version"],
        steps=event.get("steps", 0),
        episode_return=event.get("return", 0.0),
        success=event.get("success", False),
        end_reason=event.get("end_reason", ""),
        start_wall_ns=event["start_wall_ns"],
        clipped_steps=event.get("clipped_steps", 0),
    )


class OpenEpisode:
    """Follows the running episode, to give an account of it if the control process dies in it."""

    def __init__(self, layout: RowLayout) -> None:
        self._reward_at = 4 * layout.reward
        self._started: Event | None = None
        self._row_episode = ""
        self._steps = 0
        self._return = 0.0

    def take_event(self, event: Event) -> None:
        """Follow "episode_started" and "episode_finished"."""
        if event["type"] == "episode_started":
            self._started = event
        elif event["type"] == "episode_finished":
            self._started = None

    def take_row(self, row: RowMessage) -> None:
        """Count a row; rows may come a little before or after the events about them."""
        if row.episode_id != self._row_episode:
            self._row_episode, self._return = row.episode_id, 0.0
        self._steps = row.step + 1
        self._return += struct.unpack_from("<f", row.row, self._reward_at)[0]

    def cut_short(self) -> Event | None:
        """The "episode_finished" that nobody sent; None when no episode was running."""
        started = self._started
        if started is None:
            return None
        has_rows = started["episode_id"] == self._row_episode
        outcome = {
            "steps": self._steps if has_rows else 0,
            "return": self._return if has_rows else 0.0,
            "end_reason": "FAULT",
        }
        return {**started, **outcome, "type": "episode_finished"}
