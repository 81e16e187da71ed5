"""Refusals and failures as the wire says them: a canonical code, a stable reason, what was wrong.

Every error answer carries `google.rpc.Status` details with `ErrorInfo{reason, domain: "mbctl"}`,
so that a client can act on the reason and show the message.
"""

from collections.abc import Iterable, Mapping
from typing import NoReturn

import grpc
import grpc.aio
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from hal.errors import ReasonedError

DOMAIN = "mbctl"
MESSAGE_LIMIT = 2000  # status messages travel in HTTP/2 trailers, which peers cap

Code = grpc.StatusCode

# The code that goes with a reason wherever it is raised.
CODES: Mapping[str, grpc.StatusCode] = {
    "FIELD_INVALID": Code.INVALID_ARGUMENT,
    "DEADLINE_REQUIRED": Code.INVALID_ARGUMENT,
    "DEADLINE_TOO_LONG": Code.INVALID_ARGUMENT,
    "ROW_NOT_FINITE": Code.INVALID_ARGUMENT,
    "NOT_FOUND": Code.NOT_FOUND,
    "UNKNOWN_OPERATION": Code.NOT_FOUND,
    "UNKNOWN_VERSION": Code.NOT_FOUND,
    "UNKNOWN_JOINT": Code.NOT_FOUND,
    "REQUEST_ID_REUSED": Code.ALREADY_EXISTS,
    "LEASE_HELD": Code.ALREADY_EXISTS,
    "ROBOT_IN_USE": Code.ALREADY_EXISTS,
    "LEASE_REQUIRED": Code.PERMISSION_DENIED,
    "LEASE_LOST": Code.FAILED_PRECONDITION,
    "WRONG_LIFECYCLE": Code.FAILED_PRECONDITION,
    "NO_POLICY": Code.FAILED_PRECONDITION,
    "NO_PREVIOUS_POLICY": Code.FAILED_PRECONDITION,
    "POLICY_TOO_OLD": Code.FAILED_PRECONDITION,
    "EPISODES_RUNNING": Code.FAILED_PRECONDITION,
    "LAYOUT_MISMATCH": Code.FAILED_PRECONDITION,
    "NOT_ENOUGH_ROWS": Code.FAILED_PRECONDITION,
    "SEQUENCE_GAP": Code.OUT_OF_RANGE,
    "JOINT_OUT_OF_RANGE": Code.OUT_OF_RANGE,
    "VALUE_UNSTORABLE": Code.INVALID_ARGUMENT,
    "SPOOL_FULL": Code.RESOURCE_EXHAUSTED,
    "STORE_FULL": Code.RESOURCE_EXHAUSTED,
    "STORE_BUSY": Code.UNAVAILABLE,
    "STORE_SHORT": Code.UNAVAILABLE,
    "STORE_FAILED": Code.INTERNAL,
    "STORE_CORRUPT": Code.INTERNAL,
    "STORE_DISPLACED": Code.INTERNAL,
    "STORE_FOREIGN": Code.INTERNAL,
    "STORE_ABSENT": Code.INTERNAL,
    "SAMPLES_PER_INSERT": Code.RESOURCE_EXHAUSTED,
    "REBOOT_LIMIT": Code.RESOURCE_EXHAUSTED,
    "TOO_MANY_CALLS": Code.RESOURCE_EXHAUSTED,
    "CONTROL_PROCESS_DIED": Code.UNAVAILABLE,
    "CONTROL_PROCESS_SILENT": Code.UNAVAILABLE,
    "PORT_MISSING": Code.UNAVAILABLE,
    "PORT_PERMISSION": Code.UNAVAILABLE,
    "PORT_BUSY": Code.UNAVAILABLE,
    "PORT_SHARED": Code.UNAVAILABLE,
    "PORT_LOST": Code.UNAVAILABLE,
    "PORT_STUCK": Code.UNAVAILABLE,
    "BUS_LOST": Code.UNAVAILABLE,
    "SERVO_SILENT": Code.UNAVAILABLE,
    "DRAINING": Code.UNAVAILABLE,
    "RESOURCES_SHORT": Code.UNAVAILABLE,
    "WRONG_DAEMON": Code.UNIMPLEMENTED,
    "FORKED": Code.FAILED_PRECONDITION,
    "INTERNAL": Code.INTERNAL,
}


class ServiceError(ReasonedError):
    """An answer other than OK.

    Attributes:
        code: canonical status code.
        violations: (field or subject, description) pairs.
        metadata: facts for programs, such as the expected sequence number.
        answered_by: as a client knows it: "target", and "robot" or "task" of the daemon there.
    """

    shows_reason = True

    def __init__(
        self,
        code: grpc.StatusCode,
        reason: str,
        message: str,
        violations: tuple[tuple[str, str], ...] = (),
        metadata: Mapping[str, str] | None = None,
        answered_by: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message, reason=reason)
        self.code = code
        self.violations = violations
        self.metadata = metadata
        self.answered_by = answered_by

    def status(self) -> status_pb2.Status:
        """The `google.rpc.Status` that says this error on the wire."""
        info = error_details_pb2.ErrorInfo(
            reason=self.reason, domain=DOMAIN, metadata=dict(self.metadata or {})
        )
        details = [_packed(info)]
        if self.violations and self.code is Code.FAILED_PRECONDITION:
            details.append(_packed(_precondition_failure(self.reason, self.violations)))
        elif self.violations:
            details.append(_packed(_bad_request(self.violations)))
        message = self.message[:MESSAGE_LIMIT]
        return status_pb2.Status(code=self.code.value[0], message=message, details=details)


def refusal(
    reason: str, message: str, violations: Iterable[tuple[str, str]] = (), **metadata: str
) -> ServiceError:
    """The error for a reason in CODES; a reason unknown there is a failed precondition."""
    code = CODES.get(reason, Code.FAILED_PRECONDITION)
    return ServiceError(code, reason, message, tuple(violations), metadata)


def invalid_field(field: str, value: object, expected: str) -> ServiceError:
    """The error for a request field that is out of range or malformed."""
    shown = repr(value)
    shown = shown if len(shown) <= 80 else shown[:77] + "..."
    description = f"{shown}, expected {expected}"
    return refusal("FIELD_INVALID", f"{field} is {description}", [(field, description)])


def reason_of(error: grpc.RpcError) -> tuple[grpc.StatusCode, str, str]:
    """(code, reason, message) of a failed call; the reason is empty when the peer gave none.

    Works for the blocking and for the asyncio client. The reason of a call that found nobody is
    "UNREACHABLE", of one that ran out of time "DEADLINE_EXCEEDED".
    """
    call: grpc.Call = error  # pyright: ignore[reportAssignmentType]  # what grpc raises is a Call
    code, message = call.code(), call.details() or ""
    reason = _error_info_reason(call)
    if not reason and code is Code.UNAVAILABLE:
        reason = "UNREACHABLE"
    if not reason and code is Code.DEADLINE_EXCEEDED:
        reason = "DEADLINE_EXCEEDED"
    return code, reason, message


async def abort(context: grpc.aio.ServicerContext, error: ServiceError) -> NoReturn:
    """End the call with this error; always raises."""
    status = rpc_status.to_status(error.status())
    metadata = (*(context.trailing_metadata() or ()), *status.trailing_metadata)
    await context.abort(error.code, status.details, metadata)


def _error_info_reason(call: grpc.Call) -> str:
    try:
        status = rpc_status.from_call(call)
    except ValueError:  # details that contradict the status line: not ours
        return ""
    for detail in status.details if status else ():
        info = error_details_pb2.ErrorInfo()
        if detail.Unpack(info):
            return info.reason
    return ""


def _packed(detail: object) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(detail)  # pyright: ignore[reportArgumentType]  # any generated message
    return packed


def _bad_request(violations: Iterable[tuple[str, str]]) -> error_details_pb2.BadRequest:
    violation = error_details_pb2.BadRequest.FieldViolation
    return error_details_pb2.BadRequest(
        field_violations=[violation(field=f, description=d) for f, d in violations]
    )


def _precondition_failure(
    reason: str, violations: Iterable[tuple[str, str]]
) -> error_details_pb2.PreconditionFailure:
    violation = error_details_pb2.PreconditionFailure.Violation
    return error_details_pb2.PreconditionFailure(
        violations=[violation(type=reason, subject=s, description=d) for s, d in violations]
    )
