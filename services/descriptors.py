"""Open files: as many as the system allows, most of them for connections, some kept back.

A process without a free descriptor cannot open its database's log, start a child or answer a new
client. So connections are capped below the limit, and what is left is the reserve.
"""

import resource

DESCRIPTORS_MAX = 65_536
RESERVE = 128  # files, pipes, shared memory, child processes and outgoing connections
CONNECTIONS_MAX = 512


def raise_descriptor_limit() -> int:
    """Raise this process's soft limit to its hard one; returns what may be opened now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS_MAX if hard == resource.RLIM_INFINITY else min(hard, DESCRIPTORS_MAX)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return DESCRIPTORS_MAX if soft == resource.RLIM_INFINITY else soft
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted


def connections_max() -> int:
    """How many incoming connections leave the reserve untouched."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return CONNECTIONS_MAX
    return min(CONNECTIONS_MAX, max(soft // 2, soft - RESERVE))
