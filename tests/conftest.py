"""Settings of the whole test run."""

import os

import pytest
from hypothesis import HealthCheck, settings

# Two OpenMP threads on a shared machine collapse to a fraction of one: before torch is imported,
# for this process and the daemons it starts.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Before any test imports them, from whichever folder.
pytest.register_assert_rewrite(
    "tests.conformance.robot", "tests.conformance.algorithm", "tests.conformance.point_mass"
)

# How fast examples are drawn tells of the machine and of Hypothesis's own caches, not of this code.
settings.register_profile("mbctl", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("mbctl")
