"""What failures of a database file are called."""

import resource
from pathlib import Path

import pytest

from mbctl.data.sqlite import StoreBusyError, StoreShortError, connect


@pytest.fixture
def no_descriptor():
    """Opening anything fails with EMFILE."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken = {int(entry.name) for entry in Path("/proc/self/fd").iterdir()}
    lowest_free = min(set(range(len(taken) + 1)) - taken)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_no_descriptor_is_a_state_that_passes(tmp_path, no_descriptor):
    with pytest.raises(StoreShortError, match="descriptors") as caught:
        connect(tmp_path / "rows.db")
    assert isinstance(caught.value, StoreBusyError)  # whoever waits for a lock waits for this, too
