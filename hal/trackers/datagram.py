"""The datagram that any motion capture system can be made to send: one pose as a JSON object.

    {"body": "torso", "position_m": [0.0, 0.0, 0.3], "quaternion_wxyz": [1.0, 0.0, 0.0, 0.0],
     "sequence": 17, "time_s": 12.345}

The world is z-up and right-handed; the quaternion maps body coordinates to the world's. `sequence`
counts up per body; `time_s` is when the pose was measured, on any clock that keeps running.
"""

import json
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from hal.errors import TrackerError
from hal.types import Vector

SIZE_MAX_BYTES = 1024
_POSITION_MAX_M = 1000.0
_QUATERNION_LENGTH_ERROR_MAX = 0.01
_SEQUENCE_MAX = 2**63 - 1
_KEYS = ("body", "position_m", "quaternion_wxyz", "sequence", "time_s")


@dataclass(frozen=True, slots=True)
class PoseDatagram:
    """One measured pose.

    Attributes:
        body: the sender's name of it.
        position_m: [3].
        quaternion_wxyz: [4] of length 1 within a hundredth.
        sequence: counts up per body.
        time_s: of the measurement, on the sender's clock.
    """

    body: str
    position_m: Vector
    quaternion_wxyz: Vector
    sequence: int
    time_s: float


def encode_datagram(pose: PoseDatagram) -> bytes:
    """The bytes to send for `pose`."""
    content = {
        "body": pose.body,
        "position_m": pose.position_m.tolist(),
        "quaternion_wxyz": pose.quaternion_wxyz.tolist(),
        "sequence": pose.sequence,
        "time_s": pose.time_s,
    }
    return json.dumps(content, separators=(",", ":"), allow_nan=False).encode()


def parse_datagram(data: bytes) -> PoseDatagram:
    """The pose in `data`; keys beside the five are left alone.

    Raises:
        TrackerError: DATAGRAM_TOO_LARGE, or DATAGRAM_MALFORMED with what is wrong.
    """
    if len(data) > SIZE_MAX_BYTES:
        raise TrackerError(
            f"datagram of more than {SIZE_MAX_BYTES} bytes", reason="DATAGRAM_TOO_LARGE"
        )
    try:
        parsed = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise _malformed(f"is not JSON: {error}") from error
    if not isinstance(parsed, dict):
        raise _malformed(f"is a {type(parsed).__name__}, expected an object")
    content = cast(dict[str, Any], parsed)
    if missing := [key for key in _KEYS if key not in content]:
        raise _malformed(f"lacks {', '.join(missing)}")
    quaternion = _vector(content, "quaternion_wxyz", 4, limit=2.0)
    length = float(np.linalg.norm(quaternion))
    if abs(length - 1.0) > _QUATERNION_LENGTH_ERROR_MAX:
        raise _malformed(f"has a quaternion_wxyz of length {length:.6g}, expected 1 within 0.01")
    return PoseDatagram(
        body=_body(content["body"]),
        position_m=_vector(content, "position_m", 3, limit=_POSITION_MAX_M),
        quaternion_wxyz=quaternion,
        sequence=_sequence(content["sequence"]),
        time_s=_number(content["time_s"], "time_s", limit=1e12),
    )


def _body(value: Any) -> str:
    if not isinstance(value, str):
        raise _malformed(f"has a body that is a {type(value).__name__}, expected a name")
    return value


def _sequence(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _SEQUENCE_MAX:
        raise _malformed(f"has sequence {value!r:.40}, expected an integer from 0 on")
    return value


def _vector(content: dict[str, Any], key: str, length: int, limit: float) -> Vector:
    value = content[key]
    entries = cast(list[object], value) if isinstance(value, list) else []
    if len(entries) != length:
        raise _malformed(f"has {key} {value!r:.60}, expected {length} numbers")
    return np.array([_number(entry, key, limit) for entry in entries])


def _number(value: Any, key: str, limit: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _malformed(f"has {value!r:.40} in {key}, expected a number")
    if not abs(value) <= limit:  # which NaN is not either
        raise _malformed(f"has {value!r:.40} in {key}, expected at most {limit:g} either way")
    return float(value)


def _malformed(what: str) -> TrackerError:
    return TrackerError(f"datagram {what}", reason="DATAGRAM_MALFORMED")
