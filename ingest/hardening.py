"""A process that holds raw pictures leaves no core dump and lets no debugger of the same user in."""

import ctypes
import resource

_PR_SET_DUMPABLE = 4


def harden() -> None:
    """Forbid core dumps and attaching to this process."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
