"""PolicyService: which policy version the robot runs."""

import grpc.aio

from protos import controller_pb2, controller_pb2_grpc
from services.controller.policy_source import PolicySource
from services.errors import invalid_field

VERSION_MAX = 999_999

Context = grpc.aio.ServicerContext


class PolicyServicer(controller_pb2_grpc.PolicyServiceServicer):
    """See protos/controller.proto."""

    def __init__(self, policies: PolicySource) -> None:
        self._policies = policies

    async def ListPolicies(
        self, request: controller_pb2.ListPoliciesRequest, context: Context
    ) -> controller_pb2.ListPoliciesResponse:
        refusals = self._policies.refusals()
        return controller_pb2.ListPoliciesResponse(
            policies=[
                controller_pb2.PolicyVersion(
                    version=version,
                    path=str(self._policies.path(version) or ""),
                    loaded=version == self._policies.current,
                    usable=version not in refusals,
                    refusal=refusals.get(version, ""),
                )
                for version in self._policies.versions()
            ]
        )

    async def LoadPolicy(
        self, request: controller_pb2.LoadPolicyRequest, context: Context
    ) -> controller_pb2.LoadPolicyResponse:
        if request.follow not in ("", "latest", "promoted"):
            raise invalid_field("follow", request.follow, '"latest", "promoted" or empty')
        if bool(request.follow) == (request.version != 0):
            raise invalid_field("version", request.version, "above 0, or 0 together with follow")
        if not request.follow and not 1 <= request.version <= VERSION_MAX:
            raise invalid_field("version", request.version, f"1 to {VERSION_MAX}")
        if request.follow == "latest" or request.follow == "promoted":
            return _response(await self._policies.set_follow(request.follow, request.at_step))
        return _response(await self._policies.load(request.version, request.at_step))

    async def RollbackPolicy(
        self, request: controller_pb2.RollbackPolicyRequest, context: Context
    ) -> controller_pb2.LoadPolicyResponse:
        return _response(await self._policies.roll_back())


def _response(versions: tuple[int, int]) -> controller_pb2.LoadPolicyResponse:
    version, previous = versions
    return controller_pb2.LoadPolicyResponse(version=version, previous_version=previous)
