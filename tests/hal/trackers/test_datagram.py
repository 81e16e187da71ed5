"""What is a pose and what is not."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hal.errors import TrackerError
from hal.trackers.datagram import SIZE_MAX_BYTES, PoseDatagram, encode_datagram, parse_datagram

GOOD = {
    "body": "torso",
    "position_m": [0.1, -0.2, 0.3],
    "quaternion_wxyz": [1.0, 0.0, 0.0, 0.0],
    "sequence": 17,
    "time_s": 12.5,
}


def encoded(**changes) -> bytes:
    return json.dumps(GOOD | changes).encode()


def test_a_pose_survives_the_wire():
    pose = PoseDatagram(
        "torso", np.array([0.1, -0.2, 0.3]), np.array([0.6, 0.0, 0.8, 0.0]), 2**40, 1e9
    )
    back = parse_datagram(encode_datagram(pose))
    assert (back.body, back.sequence, back.time_s) == ("torso", 2**40, 1e9)
    assert np.array_equal(back.position_m, pose.position_m)
    assert np.array_equal(back.quaternion_wxyz, pose.quaternion_wxyz)


def test_whole_numbers_and_further_keys_are_fine():
    pose = parse_datagram(encoded(position_m=[0, 1, 2], time_s=3, marker_count=4))
    assert pose.position_m.dtype == np.float64
    assert pose.time_s == 3.0


@pytest.mark.parametrize(
    ("data", "names"),
    [
        (b"", "JSON"),
        (b"\xff\xfe", "JSON"),
        (b"[" * 1000, "JSON"),
        (b"17", "expected an object"),
        (b"{}", "lacks body, position_m"),
        (encoded(body=7), "expected a name"),
        (encoded(position_m=[1, 2]), "expected 3 numbers"),
        (encoded(position_m="here"), "expected 3 numbers"),
        (encoded(position_m=[1, 2, None]), "expected a number"),
        (encoded(position_m=[1, 2, True]), "expected a number"),
        (encoded(position_m=[1, 2, float("nan")]), "position_m"),
        (encoded(position_m=[1, 2, float("inf")]), "position_m"),
        (encoded(position_m=[1, 2, 1001]), "at most 1000"),
        (encoded(position_m=[1, 2, 10**400]), "at most 1000"),
        (encoded(quaternion_wxyz=[0, 0, 0, 0]), "length 0"),
        (encoded(quaternion_wxyz=[1, 1, 0, 0]), "length 1.41"),
        (encoded(sequence=-1), "integer from 0"),
        (encoded(sequence=1.5), "integer from 0"),
        (encoded(sequence=True), "integer from 0"),
        (encoded(sequence=2**63), "integer from 0"),
        (encoded(time_s="now"), "expected a number"),
        (encoded(time_s=float("nan")), "time_s"),
    ],
)
def test_what_is_no_pose_is_refused_by_name(data: bytes, names: str):
    with pytest.raises(TrackerError, match=names) as caught:
        parse_datagram(data)
    assert caught.value.reason == "DATAGRAM_MALFORMED"
    assert len(str(caught.value)) < 300


def test_too_large_is_refused_before_it_is_read():
    with pytest.raises(TrackerError, match="1024") as caught:
        parse_datagram(encoded(body="x" * SIZE_MAX_BYTES))
    assert caught.value.reason == "DATAGRAM_TOO_LARGE"


json_value = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4),
    max_leaves=5,
)


@settings(max_examples=400)
@given(st.binary(max_size=1100) | st.dictionaries(st.sampled_from(list(GOOD)), json_value))
def test_nothing_but_a_refusal_comes_of_any_bytes(content):
    data = content if isinstance(content, bytes) else json.dumps(GOOD | content).encode()
    try:
        pose = parse_datagram(data)
    except TrackerError:
        return
    assert np.isfinite(pose.position_m).all()
    assert np.linalg.norm(pose.quaternion_wxyz) == pytest.approx(1.0, abs=0.011)
