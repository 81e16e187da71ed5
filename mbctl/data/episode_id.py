"""Episode ids: one per robot and place in its purpose's seeded sequence, such as "t00000012"."""

import re

from mbctl.data.chunk import INDEX_MAX, public_name

_ID = re.compile(r"[te]([0-9]{8,10})(-.+)?")


def episode_id(purpose: str, index: int) -> str:
    """The id of episode `index` of the sequence of `purpose`, "train" or "evaluate"."""
    return f"{purpose[0]}{index:08d}"


def index_of(identity: str) -> int | None:
    """The index in an id of this form; None for one that takes no place in a sequence."""
    return run_index_of(identity) if "-" not in identity else None


def run_index_of(identity: str) -> int | None:
    """The index that an episode was run with, in an id of this form or a reissued one."""
    match = _ID.fullmatch(identity)
    return int(match[1]) if match is not None and int(match[1]) <= INDEX_MAX else None


def reissued_id(identity: str, spool_id: str, first_sequence: int) -> str:
    """An id for an episode whose index another episode has taken, first stored in `spool_id` at
    `first_sequence`: unique, and without an index, as it takes no place in the sequence.
    """
    return f"{identity}-{public_name(spool_id)}-{first_sequence}"
