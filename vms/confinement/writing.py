"""Where a process may still write, and whom it may signal, by the kernel's Landlock.

Source: landlock(7), landlock_create_ruleset(2) and its sisters. Reading stays as it was: a library that is
loaded late must be found. The system calls have one number on all architectures.
"""

import ctypes
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_ASK_VERSION: Final = 1
_PATH_BENEATH: Final = 1
_PR_SET_NO_NEW_PRIVS: Final = 38
_OF_FILES: Final = 1 << 1  # WRITE_FILE
_OF_FOLDERS: Final = sum(1 << bit for bit in range(4, 13))  # REMOVE_DIR to MAKE_SYM
_REFER: Final = 1 << 13
_TRUNCATE: Final = 1 << 14
_VERSION_WITH_REFER, _VERSION_WITH_TRUNCATE, _VERSION_WITH_SCOPES = 2, 3, 6
_SCOPES: Final = 0b11
"""LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET, LANDLOCK_SCOPE_SIGNAL: neither reaches a process that is not confined the same way."""


class _Ruleset(ctypes.Structure):
    """`struct landlock_ruleset_attr`; its first version ends after the first field."""

    _fields_ = (
        ("handled_access_fs", ctypes.c_uint64),
        ("handled_access_net", ctypes.c_uint64),
        ("scoped", ctypes.c_uint64),
    )


_FIRST_VERSION_BYTES: Final = 8


class _Beneath(ctypes.Structure):
    """`struct landlock_path_beneath_attr`."""

    _pack_ = 1
    _fields_ = (("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32))


def landlock_version() -> int:
    """Return the version of Landlock that the kernel speaks; 0: none."""
    return max(0, int(ctypes.CDLL(None).syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _ASK_VERSION)))


def write_only_below(paths: Iterable[Path]) -> bool:
    """Have the kernel refuse this thread, and whatever it starts from now on, to write anywhere else, for good.

    From Linux 6.12 on neither signals nor connections to abstract sockets reach anybody else from then on.

    Other threads that run already are not bound: call it before there are any that matter.

    Args:
        paths: folders with all that is below them, or files; those that are missing are left out.

    Returns:
        Whether the kernel does it: False where it has no Landlock (before Linux 5.13, or switched off at boot).

    Raises:
        OSError: the kernel has it and refused all the same.
    """
    version = landlock_version()
    if version == 0:
        return False
    to_file = _OF_FILES | (_TRUNCATE if version >= _VERSION_WITH_TRUNCATE else 0)
    handled = to_file | _OF_FOLDERS | (_REFER if version >= _VERSION_WITH_REFER else 0)
    library = ctypes.CDLL(None, use_errno=True)
    has_scopes = version >= _VERSION_WITH_SCOPES
    asked = _Ruleset(handled, 0, _SCOPES if has_scopes else 0)
    size = ctypes.c_size_t(ctypes.sizeof(asked) if has_scopes else _FIRST_VERSION_BYTES)
    ruleset = _call(library, _CREATE_RULESET, ctypes.byref(asked), size, 0)
    try:
        for path in paths:
            _allow(library, ruleset, path, handled, to_file)
        if library.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl(PR_SET_NO_NEW_PRIVS)")
        _call(library, _RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)
    return True


def _allow(library: ctypes.CDLL, ruleset: int, path: Path, handled: int, to_file: int) -> None:
    try:
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        beneath = _Beneath(handled if path.is_dir() else to_file, handle)
        _call(library, _ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(beneath), 0)
    finally:
        os.close(handle)


def _call(library: ctypes.CDLL, number: int, *arguments: object) -> int:
    result = int(library.syscall(number, *arguments))
    if result < 0:
        raise OSError(ctypes.get_errno(), f"Landlock's system call {number} failed")
    return result
