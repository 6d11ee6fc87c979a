"""Keep a process' memory out of swap, core dumps and other processes' reach. Source: mlockall(2), prctl(2), setrlimit(2)."""

import ctypes
import os
import resource
from dataclasses import dataclass

_MCL_CURRENT, _MCL_FUTURE = 1, 2
_PR_SET_DUMPABLE = 4


@dataclass(frozen=True, slots=True)
class Hygiene:
    """What could be had.

    Attributes:
        locked: no page of this process goes to swap.
        undumpable: no core dump, and no other process of this account may read its memory (root may).
        why_not: what the system said, if not both.
    """

    locked: bool
    undumpable: bool
    why_not: str = ""


def keep_memory_private() -> Hygiene:
    """Do it for this process, for good. What is refused is said, and the process goes on: the caller decides."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _, hard = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    resource.setrlimit(resource.RLIMIT_MEMLOCK, (hard, hard))
    library = ctypes.CDLL(None, use_errno=True)
    why = []
    undumpable = library.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) == 0
    if not undumpable:
        why.append(f"prctl: {os.strerror(ctypes.get_errno())}")
    locked = library.mlockall(_MCL_CURRENT | _MCL_FUTURE) == 0
    if not locked:
        why.append(f"mlockall: {os.strerror(ctypes.get_errno())} (LimitMEMLOCK=infinity in the unit allows it)")
    return Hygiene(locked, undumpable, "; ".join(why))
