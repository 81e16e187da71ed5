"""Plans between the control process and the planner process: the newest question, the newest plan.

Neither side waits for the other. A question that comes while the planner is busy takes the place of
the one before; so does a plan. Each side pokes the other's eventfd, for those who would rather
sleep than look.
"""

import contextlib
import os
import struct
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hal.errors import ReasonedError
from services.ipc.latest_value import LatestValue

_REQUEST = struct.Struct("<qQqqqq3i4x")
_PLAN = struct.Struct("<6q2qddd2i")
_TEXT_MAX = 2000

Vector = NDArray[np.float64]


class MalformedPlanError(ReasonedError):
    """What is in the shared memory is no question or no plan."""

    reason = "PLAN_MALFORMED"


class PlanRequest(NamedTuple):
    """Asks for a plan from the state after an action that has just been sent.

    Attributes:
        episode: counts the episodes of this control process.
        seed: of everything that the episode's plans draw.
        step: the one that the plan is for, which is the next one.
        policy_version: whose model and planner are to be used.
        asked_ns: CLOCK_MONOTONIC.
        deadline_ns: when the plan is to be there (CLOCK_MONOTONIC); 0: whenever it is done.
        physical: [P], where the robot was.
        goal: [G].
        action: [A] as requested.
        applied: [A] as sent.
    """

    episode: int
    seed: int
    step: int
    policy_version: int
    asked_ns: int
    deadline_ns: int
    physical: Vector
    goal: Vector
    action: Vector
    applied: Vector


class PlanMessage(NamedTuple):
    """A plan, or why there is none.

    Attributes:
        episode, step, policy_version, asked_ns: of the request that it answers.
        made_ns: when it was done (CLOCK_MONOTONIC).
        took_ns: how long it took to make.
        iterations, candidates: rounds of search, and sequences scored.
        value, mean_return, disagreement: of the plan in the model.
        actions: [H, A] float32, row 0 is for `step`; [0, A] where there is no plan.
        error: why there is none; empty otherwise.
    """

    episode: int
    step: int
    policy_version: int
    asked_ns: int
    made_ns: int
    took_ns: int
    iterations: int
    candidates: int
    value: float
    mean_return: float
    disagreement: float
    actions: NDArray[np.float32]
    error: str = ""


class PlanExchange:
    """Both directions; each process uses its own half.

    Args:
        requests, plans: parts of the shared memory.
        asked_fd, made_fd: non-blocking eventfds, poked with each question and each plan.
    """

    def __init__(
        self, requests: memoryview, plans: memoryview, asked_fd: int, made_fd: int
    ) -> None:
        self._requests = LatestValue(requests)
        self._plans = LatestValue(plans)
        self.asked_fd = asked_fd
        self.made_fd = made_fd

    def ask(self, request: PlanRequest) -> None:
        """The control process's: put a question."""
        self._requests.publish(_encode_request(request))
        os.eventfd_write(self.asked_fd, 1)

    def newest_request(self, after_generation: int) -> tuple[int, PlanRequest] | None:
        """The planner's: the newest question and its generation, if newer than this one.

        Raises:
            MalformedPlanError, ValueUnreadableError: there is none in the memory.
        """
        if self._requests.generation <= after_generation:
            return None
        found = self._requests.read()
        return None if found is None else (found[0], _decode_request(found[1]))

    def answer(self, plan: PlanMessage) -> None:
        """The planner's: show a plan.

        Raises:
            ValueError: it is longer than the memory for it.
        """
        self._plans.publish(_encode_plan(plan))
        os.eventfd_write(self.made_fd, 1)

    def newest_plan(self, after_generation: int) -> tuple[int, PlanMessage] | None:
        """The control process's: the newest plan and its generation, if newer than this one.

        Raises:
            MalformedPlanError, ValueUnreadableError: there is none in the memory.
        """
        if self._plans.generation <= after_generation:
            return None
        found = self._plans.read()
        return None if found is None else (found[0], _decode_plan(found[1]))


def calm(descriptor: int) -> None:
    """Forget the pokes so far."""
    with contextlib.suppress(BlockingIOError):
        os.eventfd_read(descriptor)


def _encode_request(request: PlanRequest) -> bytes:
    sizes = len(request.physical), len(request.goal), len(request.action)
    vectors = request.physical, request.goal, request.action, request.applied
    return _REQUEST.pack(*request[:6], *sizes) + np.concatenate(vectors, dtype=np.float64).tobytes()


def _decode_request(data: bytes) -> PlanRequest:
    try:
        *numbers, physical, goal, action = _REQUEST.unpack_from(data)
        vectors = np.frombuffer(data, dtype=np.float64, offset=_REQUEST.size)
    except (struct.error, ValueError) as error:
        raise MalformedPlanError(f"{len(data)} bytes are no question: {error}") from error
    sizes = physical, goal, action, action
    if min(sizes) < 0 or sum(sizes) != len(vectors):
        raise MalformedPlanError(f"{len(vectors)} numbers, expected vectors of {sizes}")
    return PlanRequest(*numbers, *np.split(vectors, np.cumsum(sizes[:-1])))


def _encode_plan(plan: PlanMessage) -> bytes:
    text = plan.error.encode()[:_TEXT_MAX]
    actions = np.ascontiguousarray(plan.actions, dtype=np.float32)
    return _PLAN.pack(*plan[:11], *actions.shape) + actions.tobytes() + text


def _decode_plan(data: bytes) -> PlanMessage:
    try:
        *numbers, rows, columns = _PLAN.unpack_from(data)
        split = _PLAN.size + 4 * rows * columns
        if rows < 0 or columns < 0 or split > len(data):
            raise MalformedPlanError(f"{len(data)} bytes hold no {rows} actions of {columns}")
        flat = np.frombuffer(data[_PLAN.size : split], dtype=np.float32)
    except struct.error as error:
        raise MalformedPlanError(f"{len(data)} bytes are no plan: {error}") from error
    text = data[split:].decode(errors="replace")
    return PlanMessage._make((*numbers, flat.reshape(rows, columns), text))
