"""EmergencyStop over gRPC, without what a whole client imports.

The two messages are encoded here: importing generated ones takes as long as the call. A test
compares every byte with theirs.
"""

import os
import struct
from collections.abc import Iterator

import grpc

from services.channel import TlsFiles, open_channel
from services.estop.result import StopResult, answered

METHOD = "/mbctl.v1.SafetyService/EmergencyStop"
CALL_S = 10.0
NAME_KEY = "mbctl-name"

# Of protos/common.proto.
_LIFECYCLES = ("", "UNCONFIGURED", "INACTIVE", "ACTIVE", "HOLD", "FAULT", "E_STOPPED")
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def stop_by_call(target: str, tls: TlsFiles | None, reason: str) -> StopResult:
    """Stop the robot of the controller at `target`; returns when it has answered, or did not."""
    channel = open_channel(target, tls)
    stop = channel.unary_unary(METHOD, encode_request, decode_response)
    try:
        response, call = stop.with_call((reason, os.urandom(16).hex()), timeout=CALL_S)
    except grpc.RpcError as error:
        return _failure(target, error)
    finally:
        channel.close()
    lifecycle, latency_ms, unconfirmed = response
    return answered(_name(call), target, lifecycle, latency_ms, unconfirmed)


def encode_request(request: tuple[str, str]) -> bytes:
    """EmergencyStopRequest{reason, request_id} as bytes."""
    texts = [text.encode(errors="replace") for text in request]
    fields = ((number << 3 | _BYTES, text) for number, text in enumerate(texts, 1) if text)
    return b"".join(bytes([tag]) + _varint(len(text)) + text for tag, text in fields)


def decode_response(data: bytes) -> tuple[str, float, tuple[str, ...]]:
    """EmergencyStopResponse's lifecycle, latency in ms and joints without confirmation.

    Raises:
        ValueError: no such message.
    """
    lifecycle, latency_ms, joints = 0, 0.0, []
    for number, kind, value in _fields(data):  # one of another kind is none of ours
        if number == 1 and isinstance(value, int):
            lifecycle = value
        elif (number, kind) == (2, _FIXED64) and isinstance(value, bytes):
            (latency_ms,) = struct.unpack("<d", value)
        elif (number, kind) == (3, _BYTES) and isinstance(value, bytes):
            joints.append(value.decode())
    known = lifecycle < len(_LIFECYCLES)
    return _LIFECYCLES[lifecycle] if known else str(lifecycle), latency_ms, tuple(joints)


def _fields(data: bytes) -> Iterator[tuple[int, int, int | bytes]]:
    """Number, wire type and value of each."""
    at = 0
    while at < len(data):
        tag, at = _read_varint(data, at)
        kind = tag & 7
        if kind == _VARINT:
            value, at = _read_varint(data, at)
            yield tag >> 3, kind, value
            continue
        if kind == _BYTES:
            length, at = _read_varint(data, at)
        elif kind in (_FIXED64, _FIXED32):
            length = 8 if kind == _FIXED64 else 4
        else:
            raise ValueError(f"EmergencyStopResponse: wire type {kind} at byte {at}")
        if at + length > len(data):
            raise ValueError(f"EmergencyStopResponse: ends within field {tag >> 3}")
        yield tag >> 3, kind, data[at : at + length]
        at += length


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(out) + bytes([number])


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while at < len(data) and shift < 64:
        number |= (data[at] & 0x7F) << shift
        at += 1
        if data[at - 1] < 0x80:
            return number, at
        shift += 7
    raise ValueError(f"EmergencyStopResponse: no number ends at byte {at}")


def _name(call: object) -> str:
    metadata = call.trailing_metadata() or ()  # pyright: ignore[reportAttributeAccessIssue]
    return next((str(value) for key, value in metadata if key == NAME_KEY), "")


def _failure(target: str, error: object) -> StopResult:
    from services.errors import reason_of

    code, reason, message = reason_of(error)  # pyright: ignore[reportArgumentType]
    if reason in ("UNREACHABLE", "DEADLINE_EXCEEDED"):
        message = f"no answer from {target}: {message}"
    return StopResult(
        _name(error), target, code=code.name, reason=reason or code.name, message=message
    )
