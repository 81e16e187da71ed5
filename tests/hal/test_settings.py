from dataclasses import dataclass
from math import inf, nan
from typing import Annotated, Literal

import pytest
from annotated_types import Interval

from hal.settings import check_ranges


@dataclass(frozen=True, slots=True)
class Example:
    """One field of each kind."""

    period_s: Annotated[float, Interval(ge=0.1, le=2)] = 0.1
    share: Annotated[float, Interval(gt=0, lt=1)] = 0.5
    count: Annotated[int, Interval(ge=1)] = 1
    limit_s: Annotated[float, Interval(gt=0)] | None = None
    kind: Literal["a", "b"] = "a"
    free: float = 0.0
    name: str = ""
    is_on: bool = False

    def __post_init__(self) -> None:
        check_ranges(self)


@pytest.mark.parametrize(
    "right",
    [
        {"period_s": 0.1},
        {"period_s": 2},
        {"share": 0.999},
        {"count": 10**9},
        {"limit_s": 1e-9},
        {"kind": "b"},
        {"free": -1e9, "name": "x", "is_on": True},
    ],
)
def test_what_is_in_range_is_taken(right: dict):
    example = Example(**right)
    assert {name: getattr(example, name) for name in right} == right


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"period_s": 0.09}, "period_s is 0.09, expected 0.1 to 2"),
        ({"period_s": 2.1}, "period_s is 2.1, expected 0.1 to 2"),
        ({"period_s": nan}, "period_s is nan, expected 0.1 to 2"),
        ({"share": 0.0}, "share is 0.0, expected more than 0, less than 1"),
        ({"share": 1}, "share is 1, expected more than 0, less than 1"),
        ({"count": 0}, "count is 0, expected at least 1"),
        ({"limit_s": 0.0}, "limit_s is 0.0, expected more than 0"),
        ({"limit_s": inf}, "limit_s is inf, expected a finite number"),
        ({"kind": "c"}, "kind is 'c', expected one of: 'a', 'b'"),
        ({"free": nan}, "free is nan, expected a finite number"),
    ],
)
def test_what_is_not_is_named_with_its_range(wrong: dict, message: str):
    with pytest.raises(ValueError) as caught:
        Example(**wrong)
    assert str(caught.value) == message
