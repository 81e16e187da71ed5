"""Hands what happens to subscribers: never waits for one, and counts what each of them loses."""

import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping

import structlog

from services.controller.events import EpisodeEvent
from services.controller.subscriber import Message, Subscriber
from services.ipc.cycle_stream import CycleRecord

WAITING_MAX = 4096  # messages for one subscriber, about a minute of a robot at 50 Hz
RESERVED = 256  # of these, for all but cycles: faults are fewer, and matter more
CLOSE_S = 1.0  # all together

log = structlog.get_logger()


class _Subscription:
    """One subscriber, its thread, and what waits for it."""

    def __init__(self, name: str, subscriber: Subscriber) -> None:
        self.name = name
        self.lost = 0  # it was too slow
        self.failed = 0  # it raised
        self.error = ""
        self._subscriber = subscriber
        self._waiting: deque[Message] = deque()
        self._ready = threading.Event()
        self._closing = threading.Event()
        self.thread = threading.Thread(target=self._run, name=f"subscriber-{name}", daemon=True)
        self.thread.start()

    def put(self, message: Message) -> None:
        room = WAITING_MAX - RESERVED if isinstance(message, CycleRecord) else WAITING_MAX
        if len(self._waiting) >= room:
            self.lost += 1
            return
        self._waiting.append(message)
        self._ready.set()

    def end(self) -> None:
        self._closing.set()
        self._ready.set()

    def _run(self) -> None:
        while self._waiting or not self._closing.is_set():
            self._ready.wait()
            self._ready.clear()
            while self._waiting:
                self._hand_over(self._waiting.popleft())
        try:
            self._subscriber.close()
        except Exception:  # a stranger's
            log.exception("subscriber_failed", subscriber=self.name)

    def _hand_over(self, message: Message) -> None:
        try:
            if isinstance(message, CycleRecord):
                self._subscriber.on_cycle(message)
            elif isinstance(message, EpisodeEvent):
                self._subscriber.on_episode(message)
            else:
                self._subscriber.on_fault(message)
        except Exception as error:  # a stranger's
            self.error = f"{type(error).__name__}: {error}"
            if not self.failed:  # the status counts the others
                log.exception("subscriber_failed", subscriber=self.name)
            self.failed += 1


class Subscriptions:
    """All subscribers of a controller; each has a thread from here on."""

    def __init__(self, subscribers: Mapping[str, Subscriber]) -> None:
        self._all = [_Subscription(name, found) for name, found in subscribers.items()]
        self._next_cycle = 0

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self._all)

    def put(self, message: Message) -> None:
        """Hand a message to everyone; returns at once. From any thread."""
        for subscription in self._all:
            subscription.put(message)

    def put_cycles(self, cycles: Iterable[CycleRecord]) -> None:
        """Likewise; one thread at a time. What is missing between two counts as lost."""
        for cycle in cycles:
            missing = cycle.number - self._next_cycle  # negative: another control process's first
            self._next_cycle = cycle.number + 1
            for subscription in self._all:
                subscription.lost += max(0, missing)
                subscription.put(cycle)

    def warnings(self) -> Iterator[str]:
        """For the status: who lost what, and why."""
        for one in self._all:
            if one.lost:
                yield (
                    f"SUBSCRIBER_BEHIND: {one.name!r} lost {one.lost} messages: it is slower than "
                    "they come"
                )
            if one.failed:
                yield f"SUBSCRIBER_FAILS: {one.name!r} failed at {one.failed} messages: {one.error}"

    def close(self) -> None:
        """Let everyone end; whoever takes longer than CLOSE_S is left behind."""
        for subscription in self._all:
            subscription.end()
        deadline = time.monotonic() + CLOSE_S
        for subscription in self._all:
            subscription.thread.join(max(0.0, deadline - time.monotonic()))
            if subscription.thread.is_alive():
                log.warning("subscriber_left_behind", subscriber=subscription.name)
