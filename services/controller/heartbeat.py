"""Tells the control process that the service process lives, from a thread of its own."""

import threading
import time
from collections.abc import Callable

PERIOD_S = 0.05


class Heartbeat:
    """Calls `beat` every PERIOD_S on absolute deadlines, from construction to `stop`."""

    def __init__(self, beat: Callable[[], None]) -> None:
        self._beat = beat
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="service-heartbeat", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        deadline = time.monotonic()
        while not self._ended.wait(max(0.0, deadline - time.monotonic())):
            self._beat()
            deadline = max(deadline + PERIOD_S, time.monotonic())
