"""Finding a robot again whose port was lost: with growing pauses, never in a burst."""

from collections.abc import Callable
from typing import TypeVar

from hal.clock import Clock
from hal.errors import HalError, RobotReadError

FIRST_PAUSE_S = 0.5
LAST_PAUSE_S = 5.0

Session = TypeVar("Session")


class LinkRecovery:
    """When to try again, and what is still owed to servos that could not be reached.

    Attributes:
        cause: why the port was lost, or why it could not be opened again.
        owes_torque_off: a torque-off was not confirmed; it comes before anything else.
        reconnections: so far.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._pause_s = FIRST_PAUSE_S
        self._next_ns = 0
        self._torque_off_ns = 0
        self.cause = "never connected"
        self.owes_torque_off = False
        self.reconnections = 0

    def lost(self, cause: str) -> None:
        """The port was lost just now."""
        self.cause = cause
        self._pause_s = FIRST_PAUSE_S
        self._next_ns = self._clock.now_ns() + round(self._pause_s * 1e9)

    def is_torque_off_due(self) -> bool:
        """Whether to try again what was not confirmed; True at most twice a second."""
        now_ns = self._clock.now_ns()
        if not self.owes_torque_off or now_ns < self._torque_off_ns:
            return False
        self._torque_off_ns = now_ns + round(FIRST_PAUSE_S * 1e9)
        return True

    def retry(self, connect: Callable[[], Session], port: str) -> Session:
        """Connect if it is time to.

        Raises:
            RobotReadError: BUS_LOST; it is not yet time, or it failed.
        """
        if self._clock.now_ns() < self._next_ns:
            raise RobotReadError(f"the bus at {port} is lost: {self.cause}", reason="BUS_LOST")
        try:
            session = connect()
        except HalError as error:
            self.cause = f"{error.reason}: {error}"
            self._pause_s = min(2 * self._pause_s, LAST_PAUSE_S)
            self._next_ns = self._clock.now_ns() + round(self._pause_s * 1e9)
            raise RobotReadError(
                f"the bus at {port} is lost and not back: {self.cause}; next try in "
                f"{self._pause_s:g} s",
                reason="BUS_LOST",
            ) from error
        self.reconnections += 1
        return session
