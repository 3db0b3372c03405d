"""A bound on the memory that making one document may take."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def bounded(megabytes: int) -> Iterator[None]:
    """Let this process take so many MB (10^6 bytes) more than it holds; then it gets no more.

    Python raises `MemoryError` then; a library in C may end the process instead, which is what the
    system would do somewhat later, to whom it chooses. Only Linux tells and bounds it (RLIMIT_DATA,
    setrlimit(2)): elsewhere nothing is bounded.
    """
    if sys.platform != "linux":
        yield
        return
    import resource

    before, hard = resource.getrlimit(resource.RLIMIT_DATA)
    most = _held() + megabytes * 1_000_000
    limits = [one for one in (most, before, hard) if one != resource.RLIM_INFINITY]
    with suppress(ValueError):
        resource.setrlimit(resource.RLIMIT_DATA, (min(limits), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (before, hard))


def _held() -> int:
    """Return how many bytes of data this process holds (VmData, proc(5))."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (told,) = [line.split()[1] for line in lines if line.startswith("VmData:")]
    return int(told) * 1024
