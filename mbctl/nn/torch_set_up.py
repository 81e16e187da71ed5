"""How each process that computes with torch begins."""

import ctypes

import torch

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of mallopt(3)
_HEAP_BYTES = 1 << 30
_BLOCK_BYTES = 1 << 25  # the most that glibc takes: larger blocks always come from the kernel


def set_up_torch() -> None:
    """One thread, and memory that stays with the process when tensors are freed.

    Two OpenMP threads on a shared machine collapse to a tenth of one. And the C library would
    return large blocks to the kernel, so that each new tensor faults its pages in anew: a plan of
    500 sequences in 7 x (200 x 4) takes a quarter more, a policy step half as much again. Where
    the library is not glibc, it goes on as it likes.
    """
    torch.set_num_threads(1)
    choose = getattr(ctypes.CDLL(None), "mallopt", None)
    if choose is not None:
        choose(_M_MMAP_THRESHOLD, _BLOCK_BYTES)
        choose(_M_TRIM_THRESHOLD, _HEAP_BYTES)
