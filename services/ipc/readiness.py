"""Waiting for descriptors, whatever their number: select() takes none above 1023."""

import math
import select
from collections.abc import Iterable


def ready_to_read(descriptors: Iterable[int], timeout_s: float) -> set[int]:
    """Those with something to read, or whose other end is closed, after at most `timeout_s`."""
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    return {descriptor for descriptor, _ in poll.poll(math.ceil(1000 * timeout_s))}
