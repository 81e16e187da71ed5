"""Three restarts of one servo in ten minutes, and some time to cool down between them."""

import grpc
import pytest

from services.controller.servo_reboots import COOL_DOWN_S, REBOOTS_MAX, WINDOW_S, RebootLimit
from services.errors import ServiceError


class Now:
    def __init__(self) -> None:
        self.s = 1000.0

    def __call__(self) -> float:
        return self.s


def refused(limit: RebootLimit, joint: str) -> str:
    with pytest.raises(ServiceError) as caught:
        limit.check(joint)
    assert (caught.value.code, caught.value.reason) == (
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        "REBOOT_LIMIT",
    )
    return caught.value.message


def test_the_fourth_in_ten_minutes_is_refused_and_others_are_not():
    now = Now()
    limit = RebootLimit(now)
    for left in (2, 1, 0):
        limit.check("FFJ10")
        limit.count("FFJ10")
        assert limit.left("FFJ10") == left
        now.s += 60
    assert "wait 420 s" in refused(limit, "FFJ10")
    limit.check("FFJ11")
    assert limit.left("FFJ11") == REBOOTS_MAX
    now.s = 1000.0 + WINDOW_S
    limit.check("FFJ10")


def test_two_at_once_are_one_too_many():
    now = Now()
    limit = RebootLimit(now)
    limit.count("FFJ10")
    now.s += 1.0
    assert f"wait {COOL_DOWN_S - 1:.0f} s" in refused(limit, "FFJ10")
    now.s += COOL_DOWN_S
    limit.check("FFJ10")
