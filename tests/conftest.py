"""Settings of the whole test run."""

import os

import pytest

# Two OpenMP threads on a shared machine collapse to a fraction of one: before torch is imported,
# for this process and the daemons it starts.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Before any test imports them, from whichever folder.
pytest.register_assert_rewrite(
    "tests.conformance.robot", "tests.conformance.algorithm", "tests.conformance.point_mass"
)
