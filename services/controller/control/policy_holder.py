"""The policy in use, and when a newer one from the slot takes its place."""

from mbctl.policies.check import check_snapshot
from mbctl.policies.manifest import SnapshotError
from mbctl.policies.numpy_policy import NumpyPolicy
from mbctl.policies.snapshot import unpack_snapshot
from mbctl.tasks.task import Task
from services.controller.control.service_link import ServiceLink
from services.ipc.policy_slot import SlotContent


class PolicyHolder:
    """Swaps policies between episodes, or between steps where the slot's content says so.

    What the service process has checked in full is checked again here but for the dry run: the
    loop must not depend on anyone's care, and has no 20 ms to spare. A planner's arrays stay out of
    this process.
    """

    def __init__(self, link: ServiceLink, task: Task, period_s: float) -> None:
        self._link = link
        self._task = task
        self._period_s = period_s
        self._seen = 0
        self._waiting: SlotContent | None = None
        self.policy: NumpyPolicy | None = None

    @property
    def version(self) -> int:
        """Of the policy in use; 0 when there is none."""
        return 0 if self.policy is None else self.policy.version

    def at_boundary(self) -> None:
        """Between two episodes: take whatever is newest."""
        self._look()
        if self._waiting is not None:
            self._swap(self._waiting)

    def at_step(self) -> None:
        """Between two steps: take what asks for it."""
        self._look()
        if self._waiting is not None and self._waiting.at_step:
            self._swap(self._waiting)

    def _look(self) -> None:
        if self._link.slot.generation > self._seen:
            content = self._link.slot.take(self._seen)
            if content is not None:
                self._seen = content.generation
                self._waiting = content

    def _swap(self, content: SlotContent) -> None:
        self._waiting = None
        try:
            snapshot = unpack_snapshot(content.packed)
            check_snapshot(
                snapshot, self._task, period_s=self._period_s, dry_run=False, with_planner=False
            )
        except SnapshotError as error:
            self._link.emit(
                {
                    "type": "policy_refused",
                    "generation": content.generation,
                    "reason": error.reason,
                    "message": error.message,
                }
            )
            return
        previous = self.version
        self.policy = NumpyPolicy(snapshot)
        self._link.emit(
            {
                "type": "policy_swapped",
                "generation": content.generation,
                "version": self.version,
                "previous_version": previous,
            }
        )
