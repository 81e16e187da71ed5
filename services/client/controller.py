"""Blocking client of the controller: robot, safety, episodes, policies."""

import contextlib
from collections.abc import Generator, Iterable, Iterator
from typing import Self

from hal.registry import meant
from mbctl.data.chunk import Purpose
from protos import common_pb2, controller_pb2, controller_pb2_grpc
from services.channel import TlsFiles
from services.client.caller import CALL_TIMEOUT_S, Caller
from services.client.lease import HeldLease
from services.client.operation import RunningOperation
from services.errors import invalid_field
from services.wire import PURPOSE_ENUM

ROBOT_SERVICE = "mbctl.v1.RobotService"
MOVE_TIMEOUT_S = 30.0
REBOOT_ALL_TIMEOUT_S = 30.0  # up to a second for each servo
PAGE_SIZE = 200

Episodes = RunningOperation[controller_pb2.RunEpisodesMetadata, controller_pb2.RunEpisodesResponse]

_FOLLOWED = ("", "latest", "promoted")


class ControllerClient:
    """Talks to one controller. Every method raises ServiceError when it is refused or fails."""

    def __init__(
        self, target: str, tls: TlsFiles | None = None, timeout_s: float = CALL_TIMEOUT_S
    ) -> None:
        self.caller = Caller(target, tls, timeout_s)
        channel = self.caller.channel
        self._robot = controller_pb2_grpc.RobotServiceStub(channel)
        self._safety = controller_pb2_grpc.SafetyServiceStub(channel)
        self._episodes = controller_pb2_grpc.EpisodeServiceStub(channel)
        self._policies = controller_pb2_grpc.PolicyServiceStub(channel)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.caller.close()

    def is_serving(self) -> bool:
        """Whether the controller answers and its robot service can work."""
        return self.caller.is_serving(ROBOT_SERVICE)

    def status(self) -> controller_pb2.GetStatusResponse:
        return self.caller.call(self._robot.GetStatus, controller_pb2.GetStatusRequest())

    def watch_status(self, period_s: float = 0.5) -> Iterator[controller_pb2.GetStatusResponse]:
        request = controller_pb2.WatchStatusRequest(period_ms=round(1000 * period_s))
        return self.caller.stream(self._robot.WatchStatus, request)

    @contextlib.contextmanager
    def lease(self, owner: str, window_s: float = 2.0, take: bool = False) -> Generator[HeldLease]:
        """Hold the control lease for the length of the block; `take` takes it from its owner."""
        request = controller_pb2.AcquireLeaseRequest(owner=owner, window_s=window_s, take=take)
        lease = self.caller.call(self._robot.AcquireLease, request)
        with self._held(lease) as held:
            yield held

    @contextlib.contextmanager
    def keep_lease(self, token: str) -> Generator[HeldLease]:
        """Renew a lease that is already held for the length of the block, and leave it."""
        request = controller_pb2.RetainLeaseRequest(token=token)
        lease = self.caller.call(self._robot.RetainLease, request)
        with self._held(lease) as held:
            held.leave()
            yield held

    def _held(self, lease: controller_pb2.Lease) -> HeldLease:
        retain = controller_pb2.RetainLeaseRequest(token=lease.token)
        give_back = controller_pb2.ReturnLeaseRequest(token=lease.token)
        return HeldLease(
            lease.token,
            lease.window_s,
            lambda: self.caller.call(self._robot.RetainLease, retain, lease.window_s / 2),
            lambda: self.caller.call(self._robot.ReturnLease, give_back),
        )

    def activate(self, lease: HeldLease) -> controller_pb2.ActivateResponse:
        request = controller_pb2.ActivateRequest(lease_token=lease.token)
        return self.caller.call(self._robot.Activate, request, MOVE_TIMEOUT_S)

    def deactivate(self, lease: HeldLease) -> controller_pb2.DeactivateResponse:
        request = controller_pb2.DeactivateRequest(lease_token=lease.token)
        return self.caller.call(self._robot.Deactivate, request, MOVE_TIMEOUT_S)

    def clear_fault(self) -> controller_pb2.ClearFaultResponse:
        request = controller_pb2.ClearFaultRequest()
        return self.caller.call(self._robot.ClearFault, request)

    def jog(
        self, lease: HeldLease, joint: str, delta_rad: float, speed_rad_s: float = 0.0
    ) -> controller_pb2.JogResponse:
        """Move one joint slowly; returns when it is there. Speed 0 takes the server's default."""
        request = controller_pb2.JogRequest(
            lease_token=lease.token,
            joint=joint,
            delta_rad=delta_rad,
            speed_rad_s=speed_rad_s,
        )
        return self.caller.call(self._robot.Jog, request, MOVE_TIMEOUT_S)

    def reboot_servo(self, joint: str) -> controller_pb2.RebootServoResponse:
        """Restart the servo of a joint, without torque."""
        request = controller_pb2.RebootServoRequest(joint=joint)
        return self.caller.call(self._robot.RebootServo, request)

    def reboot_latched_servos(self) -> controller_pb2.RebootServoResponse:
        """Restart every servo that has latched an error, without torque."""
        request = controller_pb2.RebootServoRequest(all=True)
        return self.caller.call(self._robot.RebootServo, request, REBOOT_ALL_TIMEOUT_S)

    def emergency_stop(self, reason: str) -> controller_pb2.EmergencyStopResponse:
        request = controller_pb2.EmergencyStopRequest(reason=reason)
        return self.caller.call(self._safety.EmergencyStop, request)

    def release_emergency_stop(self) -> controller_pb2.ReleaseEmergencyStopResponse:
        request = controller_pb2.ReleaseEmergencyStopRequest()
        return self.caller.call(self._safety.ReleaseEmergencyStop, request)

    def run_episodes(
        self,
        lease: HeldLease,
        count: int,
        purpose: Purpose,
        explore: bool,
        first_index: int | None = None,
        minimum_policy_version: int = 0,
    ) -> Episodes:
        """Start a batch of episodes with consecutive indices in the purpose's seeded sequence.

        Args:
            first_index: of the first; by default the controller goes on behind the last episode.

        Raises:
            ServiceError: FIELD_INVALID for another purpose; EPISODE_REPEATED for an index that has
                been used; what else the controller refuses.
        """
        _check_word("purpose", purpose, PURPOSE_ENUM)
        request = controller_pb2.RunEpisodesRequest(
            lease_token=lease.token,
            count=count,
            purpose=PURPOSE_ENUM[purpose],
            explore=explore,
            first_index=first_index,
            minimum_policy_version=minimum_policy_version,
        )
        operation = self.caller.call(self._episodes.RunEpisodes, request)
        return RunningOperation(
            self.caller,
            operation,
            controller_pb2.RunEpisodesMetadata,
            controller_pb2.RunEpisodesResponse,
        )

    def episodes(
        self, limit: int = PAGE_SIZE, purpose: Purpose | None = None
    ) -> list[common_pb2.EpisodeRecord]:
        """Up to `limit` finished episodes, the newest first; with a `purpose` only its own.

        Raises:
            ServiceError: FIELD_INVALID for another purpose.
        """
        if purpose is not None:
            _check_word("purpose", purpose, PURPOSE_ENUM)
        found: list[common_pb2.EpisodeRecord] = []
        token = ""
        while len(found) < limit:
            request = controller_pb2.ListEpisodesRequest(
                page_size=min(PAGE_SIZE, limit - len(found)),
                page_token=token,
                purpose=PURPOSE_ENUM[purpose] if purpose is not None else None,
            )
            page = self.caller.call(self._episodes.ListEpisodes, request)
            found.extend(page.episodes)
            token = page.next_page_token
            if not token:
                break
        return found[:limit]

    def watch_episodes(self, after_event: int = 0) -> Iterator[controller_pb2.EpisodeEvent]:
        request = controller_pb2.WatchEpisodesRequest(after_event=after_event)
        return self.caller.stream(self._episodes.WatchEpisodes, request)

    def policies(self) -> list[controller_pb2.PolicyVersion]:
        request = controller_pb2.ListPoliciesRequest()
        return list(self.caller.call(self._policies.ListPolicies, request).policies)

    def load_policy(
        self, version: int = 0, follow: str = "", at_step: bool = False
    ) -> controller_pb2.LoadPolicyResponse:
        """Pin `version`, or with 0 follow the "latest" or the "promoted" one.

        Raises:
            ServiceError: FIELD_INVALID for another word; what the controller refuses.
        """
        _check_word("follow", follow, _FOLLOWED)
        request = controller_pb2.LoadPolicyRequest(version=version, follow=follow, at_step=at_step)
        return self.caller.call(self._policies.LoadPolicy, request)

    def roll_back_policy(self) -> controller_pb2.LoadPolicyResponse:
        request = controller_pb2.RollbackPolicyRequest()
        return self.caller.call(self._policies.RollbackPolicy, request)


def _check_word(field: str, value: object, valid: Iterable[str]) -> None:
    """Pass one of the `valid` words.

    Raises:
        ServiceError: FIELD_INVALID; names field, value, the words and the nearest of them.
    """
    words = list(valid)
    if not isinstance(value, str) or value not in words:
        expected = f"{' or '.join(map(repr, words))}; {meant(str(value), words)}"
        raise invalid_field(field, value, expected)
