"""Settings of the whole test run."""

import os

# Two OpenMP threads on a shared machine collapse to a fraction of one: before torch is imported,
# for this process and the daemons it starts.
os.environ.setdefault("OMP_NUM_THREADS", "1")
