"""Errors keep their reason, message and violations across the wire."""

import grpc
import pytest
from google.rpc import error_details_pb2

from services.errors import CODES, DOMAIN, MESSAGE_LIMIT, ServiceError, invalid_field, refusal


def _details(error: ServiceError, kind):
    found = []
    for detail in error.status().details:
        message = kind()
        if detail.Unpack(message):
            found.append(message)
    return found


def test_a_refusal_takes_its_code_from_the_table():
    error = refusal("LEASE_REQUIRED", "no lease token", [("lease_token", "empty")], owner="anna")
    assert error.code is grpc.StatusCode.PERMISSION_DENIED
    (info,) = _details(error, error_details_pb2.ErrorInfo)
    assert (info.reason, info.domain, info.metadata["owner"]) == ("LEASE_REQUIRED", DOMAIN, "anna")


def test_field_violations_travel_as_bad_request():
    error = invalid_field("count", -3, "1 to 100,000")
    (bad_request,) = _details(error, error_details_pb2.BadRequest)
    assert bad_request.field_violations[0].field == "count"
    assert "-3" in error.message
    assert "1 to 100,000" in error.message


def test_preconditions_travel_as_precondition_failure():
    error = refusal("NO_POLICY", "no policy is loaded", [("policy", "version 0")])
    (failure,) = _details(error, error_details_pb2.PreconditionFailure)
    assert (failure.violations[0].type, failure.violations[0].subject) == ("NO_POLICY", "policy")


def test_a_hostile_value_is_shortened():
    error = invalid_field("owner", "x" * 5000, "1 to 64 characters")
    assert len(error.message) < 200
    assert len(refusal("INTERNAL", "y" * 5000).status().message) == MESSAGE_LIMIT


@pytest.mark.parametrize("reason", sorted(CODES))
def test_no_reason_means_success(reason):
    assert CODES[reason] is not grpc.StatusCode.OK
    assert reason == reason.upper()
