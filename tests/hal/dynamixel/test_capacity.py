from dataclasses import dataclass
from typing import cast

import pytest

from hal.dynamixel.capacity import BusCapacityError, check_latency_timer
from hal.dynamixel.port import SerialPort
from hal.dynamixel.settings import BusSettings


@dataclass
class Adaptor:
    timer_ms: int | None
    low_latency: bool = False
    path: str = "/dev/serial/by-id/u2d2"

    def latency_timer_ms(self) -> int | None:
        return self.timer_ms


def check(adaptor: Adaptor, latency_timer_max_ms: int = 1) -> None:
    settings = BusSettings(latency_timer_max_ms=latency_timer_max_ms)
    check_latency_timer(cast(SerialPort, adaptor), settings)


def test_row_19_slow_adaptor_is_refused_with_the_command_that_cures_it():
    with pytest.raises(BusCapacityError, match=r"16 ms.*echo 1 \| sudo tee .*u2d2") as caught:
        check(Adaptor(16))
    assert caught.value.reason == "LATENCY_TIMER"


def test_adaptors_that_are_fast_or_have_no_timer_pass():
    check(Adaptor(1))
    check(Adaptor(None))
    check(Adaptor(16, low_latency=True))
    check(Adaptor(16), latency_timer_max_ms=16)
    with pytest.raises(BusCapacityError):
        check(Adaptor(17), latency_timer_max_ms=16)
