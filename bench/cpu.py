"""CPU time, user and system, of this process or of one child."""

import os
import resource
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from vms.errors import Unavailable


@dataclass(slots=True)
class Spent:
    """CPU seconds, known when the block ends."""

    seconds: float = 0.0


@contextmanager
def own_cpu() -> Iterator[Spent]:
    """Measure what this process spends, all threads together."""
    spent = Spent()
    before = resource.getrusage(resource.RUSAGE_SELF)
    yield spent
    after = resource.getrusage(resource.RUSAGE_SELF)
    spent.seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def child_cpu_s(arguments: Sequence[str]) -> float:
    """Run a program to its end and return its CPU seconds.

    Raises:
        Unavailable: it failed; the message has its last words.
    """
    with subprocess.Popen(
        arguments, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as child:
        assert child.stderr is not None
        words = child.stderr.read().decode(errors="replace")
        # wait4 gives the usage of this child alone; RUSAGE_CHILDREN would mix in others.
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise Unavailable(f"{arguments[0]} failed with {child.returncode}: {words.strip()[-400:]}", code="bench.peer")
    return usage.ru_utime + usage.ru_stime
