"""What every process of ours does before anything else, and how a path is kept to one account. Source: prctl(2), setrlimit(2), umask(2)."""

import ctypes
import os
import resource
import stat
from pathlib import Path
from typing import Final

from vms.errors import InvalidInput
from vms.sharing import is_for_group, mask, others

_PR_SET_DUMPABLE: Final = 4
MOST_DESCRIPTORS: Final = 65_536
"""What nobody of us needs more of; some containers allow thousands of millions, and libraries exist that walk through all."""
FEWEST_DESCRIPTORS: Final = 4096
"""What a process of ours may need: connections, a socket per camera, footage, database."""


def harden_process() -> None:
    """Forbid core dumps and debuggers of the same account, and make files for nobody else (`vms.sharing`); for good, and for children too.

    Every process of ours has at some time a password, a key, a cookie or a plain picture in its memory. A handler of core dumps that
    the kernel pipes to ignores the limit, so that the process is made undumpable as well; a program that a child becomes undoes that,
    and has to do it again.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    os.umask(mask())
    raise_descriptor_limit()


def raise_descriptor_limit() -> None:
    """Allow this process as many open files and connections as it may allow itself: the usual 1024 are few for a server."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, MOST_DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def descriptor_limit() -> int:
    """Return how many files and connections this process may have open."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_DESCRIPTORS if soft == resource.RLIM_INFINITY else soft


def refuse_exposed(path: Path, what: str) -> None:
    """Refuse a path that other accounts may enter, read or change.

    Args:
        path: is there.
        what: what it is called in the message.

    Raises:
        InvalidInput: its mode lets others in, or it is somebody else's; says how to put it right.
    """
    found = path.stat()
    mode = stat.S_IMODE(found.st_mode)
    if mode & others(path):
        right = mode & ~others(path)
        raise InvalidInput(
            f"{what} {path} is open to other accounts (mode {mode:04o}): `chmod {right:04o} {path}`, and ask who has read it meanwhile",
            code="settings.exposed",
        )
    us = os.geteuid()
    if us != 0 and found.st_uid not in {us, 0} and not is_for_group(path):
        raise InvalidInput(f"{what} {path} belongs to another account: give it to this one", code="settings.exposed")


def refuse_exposed_secret(path: Path, what: str) -> None:
    """Refuse a file with a password that other accounts may read; what systemd hands over as a credential is guarded by systemd.

    Raises:
        InvalidInput: its mode lets others in, or it is somebody else's.
        OSError: it is not there.
    """
    handed_over = os.environ.get("CREDENTIALS_DIRECTORY")
    # There an access list lets this account in, which shows as rights of the group.
    if handed_over is None or not path.resolve().is_relative_to(Path(handed_over).resolve()):
        refuse_exposed(path, what)
