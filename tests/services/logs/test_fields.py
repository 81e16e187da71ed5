"""What is kept of a field: bounded, a scalar, and copied without ever raising."""

import math
from pathlib import Path

import numpy as np
import pytest

from services.logs.fields import FIELDS_MAX, TEXT_MAX, copy_fields, copy_value, escape


class Hostile:
    def __str__(self) -> str:
        raise RuntimeError("no")

    __repr__ = __str__


class Nested:
    def __repr__(self) -> str:
        return repr(self)


@pytest.mark.parametrize("value", [None, True, 0, -(2**62), 0.5, "text"])
def test_small_scalars_are_kept(value):
    assert copy_value(value) is value


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (math.nan, "nan"),
        (-math.inf, "-inf"),
        (2**64, str(2**64)),
        (Path("a/b"), "a/b"),
        (np.float32(0.5), "0.5"),
        ([1, 2], "[1, 2]"),
        (b"\xff", "b'\\xff'"),
        (Hostile(), "<Hostile that cannot be told: RuntimeError>"),
        (Nested(), "<Nested that cannot be told: RecursionError>"),
        pytest.param(10**5000, "<int that cannot be told: ValueError>", id="huge"),
    ],
)
def test_everything_else_becomes_a_text(value, told):
    assert copy_value(value) == told


@pytest.mark.parametrize("value", ["x" * 10**6, list(range(10**5)), {"k": "v" * 10**6}])
def test_texts_are_bounded(value):
    text = copy_value(value)
    assert isinstance(text, str)
    assert len(text) < TEXT_MAX + 50


def test_a_container_is_copied_when_it_is_logged():
    values = [1]
    event = copy_fields({"event": "e", "values": values})
    values.append(2)
    assert event["values"] == "[1]"


def test_fields_are_bounded():
    assert len(copy_fields({str(i): i for i in range(1000)})) == FIELDS_MAX


@pytest.mark.parametrize(
    "hostile", ["\n", "\r", "\x1b[2J", "\x07", "\x7f", "\x9b", "\u2028", "\u202e", "\ud800"]
)
def test_nothing_that_a_terminal_obeys_survives_escaping(hostile):
    assert escape(f"a{hostile}b").isprintable()
    assert escape("as it was: é") == "as it was: é"
