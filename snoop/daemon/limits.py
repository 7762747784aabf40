"""How much of the machine the process may use."""

from __future__ import annotations

import resource

DESCRIPTORS = 4096
"""More than enough for 256 ports at seven each, the workers and the control clients."""


def allow_descriptors() -> None:
    """Raise the soft limit of open files: the usual 1024 ends at some 200 ports."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(DESCRIPTORS, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
