"""Puts policy versions on the robot: chosen by the operator, checked here, swapped by the loop.

A version that fails a check is reported and never disturbs the one that runs.
"""

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path

import grpc
import grpc.aio
import structlog

from mbctl.policies.manifest import SnapshotError
from mbctl.policies.snapshot import Snapshot
from services.controller.policy_choice import Follow, PolicyChoice, write_choice
from services.controller.policy_feed import PolicyFeed
from services.controller.policy_shelf import PolicyShelf
from services.errors import Code, ServiceError, reason_of, refusal
from services.transient import is_transient

LOOK_S = 1.0  # between looks at the directory, and between attempts at a version

log = structlog.get_logger()

Put = Callable[[Snapshot, bool], None]


class PolicySource:
    """Keeps the policy slot in line with the choice; `run` never returns.

    Attributes:
        current: the version in the slot, which the loop takes at the next boundary; 0 when none.
    """

    def __init__(
        self,
        shelf: PolicyShelf,
        choice_path: Path,
        choice: PolicyChoice,
        feed: PolicyFeed | None,
        put: Put,
    ) -> None:
        self._shelf = shelf
        self._choice_path = choice_path
        self._choice = choice
        self._feed = feed
        self._put = put
        self._snapshot: Snapshot | None = None
        self._trouble = ""
        self._lock = asyncio.Lock()
        self._wake = asyncio.Event()

    @property
    def current(self) -> int:
        return self._snapshot.manifest.version if self._snapshot else 0

    @property
    def follow(self) -> Follow:
        return self._choice.follow

    @property
    def newest(self) -> int:
        """The newest version known of, usable or not."""
        if self._feed is not None and self._feed.connected:
            return self._feed.newest
        return max([*self._shelf.versions(), self.current, *self._shelf.refusals], default=0)

    @property
    def promoted(self) -> int:
        return self._feed.promoted if self._feed is not None else 0

    @property
    def last_refusal(self) -> str:
        """Why the newest version is not usable, or could not be had; empty when it is."""
        return self._shelf.refusals.get(self.newest, self._trouble)

    @property
    def why_none(self) -> str:
        """Why no version is loaded, and what to do about it."""
        if self.last_refusal:
            return self.last_refusal
        if self._feed is None:
            return (
                'this controller has no trainer (trainer = ""), and no version lies in '
                f"{self._shelf.directory}: set trainer to the address of one, or copy a directory "
                "of its versions/ there"
            )
        if not self._feed.connected:
            return (
                "the trainer, whose first version is there from its start, does not answer: start "
                "it with `mbctl trainer`, and see that both know one address"
            )
        return "none has been published yet: the trainer is still starting"

    def refusals(self) -> dict[int, str]:
        """Why versions may not run, by version."""
        return dict(self._shelf.refusals)

    def versions(self) -> list[int]:
        """Versions known of, ascending: cached, published by the trainer, or refused."""
        published = set(self._feed.manifest_sha256) if self._feed is not None else set()
        return sorted(published | set(self._shelf.versions()) | set(self._shelf.refusals))

    def path(self, version: int) -> Path | None:
        """Where a version is cached; None when it is not."""
        return self._shelf.path(version) if self._shelf.holds(version) else None

    def wake(self) -> None:
        """Look for a version now; the feed calls it when the trainer's list changes."""
        self._wake.set()

    def refused_by_loop(self, reason: str, message: str) -> None:
        """The control process checks again what it takes from the slot, and refused it."""
        self._shelf.refuse(self.current, SnapshotError(message, reason=reason))

    async def run(self) -> None:
        """Follow the choice."""
        while True:
            self._wake.clear()
            async with self._lock:
                await self._reconcile()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), LOOK_S)

    async def load(self, version: int, at_step: bool) -> tuple[int, int]:
        """Pin `version`; returns it and its predecessor in the slot.

        Raises:
            ServiceError: UNKNOWN_VERSION, or the reason of the check that it failed.
        """
        async with self._lock:
            previous = self.current
            snapshot = await self._obtained(version)
            self._load(snapshot, self._choice.pinned(version), at_step)
            return version, previous

    async def set_follow(self, follow: Follow, at_step: bool) -> tuple[int, int]:
        """Follow "latest" or "promoted" from now on; returns the version now in the slot.

        Raises:
            ServiceError: the choice could not be saved.
        """
        async with self._lock:
            previous = self.current
            self._save(self._choice.following(follow))
            await self._reconcile(at_step)
            return self.current, previous

    async def roll_back(self) -> tuple[int, int]:
        """Pin the version that ran before the present one.

        Raises:
            ServiceError: NO_PREVIOUS_POLICY, or the version cannot be loaded any more.
        """
        async with self._lock:
            previous = self.current
            choice = self._choice.rolled_back()
            if choice is None:
                raise refusal("NO_PREVIOUS_POLICY", f"no version ran before version {previous}")
            snapshot = await self._obtained(choice.version)
            self._load(snapshot, choice, False)
            return choice.version, previous

    async def _reconcile(self, at_step: bool = False) -> None:
        for version in self._wanted():
            if version == self.current:
                return
            if version in self._shelf.refusals:
                continue
            try:
                snapshot = await self._obtained(version)
                self._load(snapshot, self._choice, at_step)
                return
            except ServiceError as error:
                if str(error) != self._trouble:
                    log.warning("policy_refused", version=version, reason=error.reason)
                self._trouble = str(error)

    def _wanted(self) -> list[int]:
        """Versions in order of preference; older ones only while there is none at all."""
        if self._choice.follow == "pinned":
            return [self._choice.version]
        target = self.newest if self._choice.follow == "latest" else self.promoted
        if not target:
            return [v for v in self._choice.history[-1:] if not self.current]
        older = [] if self.current else [v for v in reversed(self.versions()) if v < target]
        return [target, *older]

    async def _obtained(self, version: int) -> Snapshot:
        published = self._feed.manifest_sha256.get(version, "") if self._feed else ""
        fetchable = self._feed is not None and self._feed.connected
        try:
            if self._shelf.holds(version, published if fetchable else ""):
                return await asyncio.to_thread(self._shelf.read, version)
            return await self._fetched(version)
        except SnapshotError as error:
            raise _as_service_error(error, version) from error
        except OSError as error:
            if not is_transient(error):
                raise
            message = f"version {version} cannot be read now: {error}"
            raise refusal("RESOURCES_SHORT", message) from error

    async def _fetched(self, version: int) -> Snapshot:
        if self._feed is None or not self._feed.connected:
            raise _unknown_version(version, "it is not cached and the trainer is not connected")
        try:
            snapshot = await self._feed.fetch(version)
        except grpc.aio.AioRpcError as error:
            code, reason, message = reason_of(error)
            if code is Code.NOT_FOUND:
                raise _unknown_version(version, "the trainer does not have it") from error
            raise ServiceError(Code.UNAVAILABLE, reason or code.name, message) from error
        except SnapshotError as error:
            self._shelf.refuse(version, error)
            raise
        checked = await asyncio.to_thread(self._shelf.checked, snapshot)
        try:
            await asyncio.to_thread(self._shelf.keep, checked)
        except OSError as error:
            raise refusal(
                "POLICY_CACHE_FULL", f"cannot store version {version}: {error}"
            ) from error
        return checked

    def _load(self, snapshot: Snapshot, choice: PolicyChoice, at_step: bool) -> None:
        version = snapshot.manifest.version
        self._save(choice.loaded(version))
        self._snapshot = snapshot
        self._trouble = ""
        self._put(snapshot, at_step)
        log.info("policy_loaded", version=version, at_step=at_step, follow=choice.follow)

    def _save(self, choice: PolicyChoice) -> None:
        try:
            write_choice(self._choice_path, choice)
        except OSError as error:
            message = f"cannot store the choice of policy in {self._choice_path}: {error}"
            raise refusal("POLICY_CACHE_FULL", message) from error
        self._choice = choice


def _unknown_version(version: int, why: str) -> ServiceError:
    return refusal("UNKNOWN_VERSION", f"policy version {version} cannot be loaded: {why}")


def _as_service_error(error: SnapshotError, version: int) -> ServiceError:
    if error.reason == "SNAPSHOT_NOT_FOUND":
        return _unknown_version(version, error.message)
    return refusal(error.reason, error.message, [("policy", error.message)])
