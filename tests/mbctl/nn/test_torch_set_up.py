import subprocess
import sys

import pytest

FAULTS = """
import resource, torch
{set_up}
def faults(rounds):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(rounds):
        held = [torch.ones(600_000) for _ in range(8)]
        del held
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
faults(3)
print(faults(20), torch.get_num_threads())
"""
SET_UP = "from mbctl.nn.torch_set_up import set_up_torch; set_up_torch()"
PAGES = 20 * 8 * 2_400_000 // 4096  # that the tensors take


@pytest.fixture(scope="module")
def measured() -> tuple[int, int]:
    command = [sys.executable, "-P", "-c", FAULTS.format(set_up=SET_UP)]
    found = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    faults, threads = found.stdout.split()
    return int(faults), int(threads)


def test_freed_tensors_leave_their_memory_to_new_ones(measured: tuple[int, int]):
    assert measured[0] < PAGES / 50


def test_one_thread(measured: tuple[int, int]):
    assert measured[1] == 1
