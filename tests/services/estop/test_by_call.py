"""The two messages of an emergency stop are encoded as protobuf encodes them."""

import contextlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from protos import common_pb2, controller_pb2, controller_pb2_grpc
from services.estop.by_call import METHOD, decode_response, encode_request, stop_by_call

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)


@given(reason=texts, request_id=texts)
def test_requests_are_protobuf_s(reason: str, request_id: str):
    request = controller_pb2.EmergencyStopRequest(reason=reason, request_id=request_id)
    assert encode_request((reason, request_id)) == request.SerializeToString(deterministic=True)


@given(
    lifecycle=st.sampled_from(common_pb2.Lifecycle.values()),
    latency_ms=st.floats(allow_nan=False),
    joints=st.lists(texts, max_size=20),
)
def test_responses_are_protobuf_s(lifecycle: int, latency_ms: float, joints: list[str]):
    response = controller_pb2.EmergencyStopResponse(
        lifecycle=lifecycle, latency_ms=latency_ms, torque_off_failed=joints
    )
    name = common_pb2.Lifecycle.Name(lifecycle).removeprefix("LIFECYCLE_")
    told = "" if name == "UNSPECIFIED" else name
    assert decode_response(response.SerializeToString()) == (told, latency_ms, tuple(joints))


def test_fields_of_later_versions_are_passed_over():
    later = b"\x22\x03abc" + b"\x28\xff\x01" + b"\x35\x00\x00\x00\x00" + b"\x39" + bytes(8)
    known = controller_pb2.EmergencyStopResponse(lifecycle=6, torque_off_failed=["a"])
    assert decode_response(later + known.SerializeToString() + later) == ("E_STOPPED", 0.0, ("a",))


@given(data=st.binary(max_size=100))
@example(data=b"\x15\x00\x00\x00\x00")  # the latency as four bytes
def test_garbage_is_an_error_and_nothing_else(data: bytes):
    joints: tuple[str, ...] = ()
    with contextlib.suppress(ValueError):
        _, _, joints = decode_response(data)
    assert sum(len(joint.encode()) + 2 for joint in joints) <= len(data)


def test_the_method_is_the_service_s(monkeypatch: pytest.MonkeyPatch):
    asked = []

    class Channel:
        def unary_unary(self, method, *_arguments, **_keywords):
            asked.append(method)

        stream_stream = unary_stream = stream_unary = unary_unary

    controller_pb2_grpc.SafetyServiceStub(Channel())
    assert METHOD in asked


def test_nobody_there_is_unreachable():
    result = stop_by_call("127.0.0.1:1", None, "test")
    assert (result.reason, result.code, result.exit_code) == ("UNREACHABLE", "UNAVAILABLE", 5)
    assert "127.0.0.1:1" in result.message
