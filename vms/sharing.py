"""Whether what this process makes is for its account alone, or for the accounts of VMS that share a group. Source: umask(2), mkdir(2).

Processes that run as accounts of their own (docs/deployment.md) have footage, sockets and locks in common by one group; every account
outside it stays shut out. Like the umask it is a property of the whole process, set once, before it makes anything.
"""

import grp
import os
import pwd
import stat
from pathlib import Path
from typing import Final

from vms.errors import InvalidInput

_EVERYBODY_ELSE: Final = 0o077
_OUTSIDE_THE_GROUP: Final = 0o007
_shared: list[int] = []
"""The group's number, once it was set."""


def share_with_group(name: str) -> None:
    """Let the members of a group use what this process makes from now on.

    Raises:
        InvalidInput: there is no such group, or this account is no member.
    """
    try:
        gid = grp.getgrnam(name).gr_gid
    except KeyError as error:
        raise InvalidInput(f"shared_group: there is no group {name}", code="settings.shared-group") from error
    if gid not in {os.getegid(), *os.getgroups()}:
        raise InvalidInput(f"shared_group: this account is no member of {name}", code="settings.shared-group")
    _shared[:] = [gid]
    os.umask(_OUTSIDE_THE_GROUP)


def mask() -> int:
    """Return the umask of this process."""
    return _OUTSIDE_THE_GROUP if _shared else _EVERYBODY_ELSE


def folder_mode() -> int:
    """Return the mode of a new folder; on Linux it inherits group and set-group-ID of the one that it is in."""
    return 0o770 if _shared else 0o700


def file_mode() -> int:
    """Return the mode of a new file or socket."""
    return 0o660 if _shared else 0o600


def others(path: Path) -> int:
    """Return the mode bits by which a path would be open to accounts that have no business with it."""
    return _OUTSIDE_THE_GROUP if path.stat().st_gid in _shared else _EVERYBODY_ELSE


def is_for_group(path: Path) -> bool:
    """Return whether a path is there for the group, whoever owns it."""
    found = path.stat()
    return found.st_gid in _shared and bool(found.st_mode & stat.S_IRWXG)


def open_to_group(path: Path) -> None:
    """Give a folder that was just made to the group, with all that will be made in it; nothing happens without a group."""
    for gid in _shared:
        os.chown(path, -1, gid)
        path.chmod(stat.S_ISGID | folder_mode())


def give_to_group(path: Path) -> None:
    """Give a file or socket that was just made to the group; without one it is this account's alone."""
    path.chmod(file_mode())
    for gid in _shared:
        # In a folder of the group it has it already, and a service's filter of system calls may refuse to ask for it.
        if path.stat().st_gid != gid:
            os.chown(path, -1, gid)


def is_ours(uid: int) -> bool:
    """Return whether an account is this process' own or one of the group."""
    if uid == os.geteuid():
        return True
    try:
        account = pwd.getpwuid(uid)
        return any(account.pw_gid == gid or account.pw_name in grp.getgrgid(gid).gr_mem for gid in _shared)
    except KeyError:
        return False
