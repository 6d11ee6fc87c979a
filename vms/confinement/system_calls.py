"""System calls that a process which decodes a camera's bytes never makes, refused by the kernel from then on.

Sources: seccomp(2), libseccomp's seccomp_rule_add(3), Docker's default profile and systemd's @debug, @module, @mount, @reboot, @swap sets.
A refusal is EPERM, not the process' end: a library that asks out of curiosity costs no footage. The kernel logs each (audit type 1326).
"""

import ctypes
import errno
import os
from collections.abc import Iterator
from typing import Final, NamedTuple

from vms.errors import InvalidInput

PROGRAMS: Final = ("execve", "execveat")
REFUSED: Final = (
    # The memory and descriptors of other processes.
    "ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "process_mrelease", "pidfd_getfd", "kcmp",
    "move_pages", "migrate_pages",
    # Signals to them; to itself a process sends them by tgkill.
    "tkill", "pidfd_send_signal", "rt_sigqueueinfo", "rt_tgsigqueueinfo",
    # Large parts of the kernel that no decoder needs.
    "bpf", "perf_event_open", "userfaultfd", "io_uring_setup", "io_uring_enter", "io_uring_register", "fanotify_init",
    "keyctl", "add_key", "request_key", "lookup_dcookie", "modify_ldt", "ioperm", "iopl", "personality", "vhangup",
    "syslog", "acct", "quotactl", "nfsservctl", "vm86", "vm86old", "uselib", "ustat", "sysfs", "_sysctl",
    "init_module", "finit_module", "delete_module", "create_module", "kexec_load", "kexec_file_load", "reboot",
    "swapon", "swapoff",
    # Another view of files and processes.
    "mount", "umount", "umount2", "pivot_root", "chroot", "open_tree", "move_mount", "mount_setattr", "fsopen", "fsconfig",
    "fsmount", "fspick", "name_to_handle_at", "open_by_handle_at", "unshare", "setns", "mknod", "mknodat",
    "sethostname", "setdomainname",
    # The clock, by which footage is stamped and erased.
    "clock_settime", "clock_settime64", "settimeofday", "stime", "adjtimex", "clock_adjtime", "clock_adjtime64",
)  # fmt: skip
_LIBRARY: Final = "libseccomp.so.2"
_ALLOW: Final = 0x7FFF_0000
_ERRNO: Final = 0x0005_0000
_TSYNC, _LOG, _OPTIMIZE = 4, 6, 8
_UNKNOWN_CALL: Final = -1
_NEW_NAMESPACES: Final = (
    0x0002_0000,
    0x0200_0000,
    0x0400_0000,
    0x0800_0000,
    0x1000_0000,
    0x2000_0000,
    0x4000_0000,
    0x80,
)
"""CLONE_NEWNS, -CGROUP, -UTS, -IPC, -USER, -PID, -NET, -TIME (sched.h)."""
_FAMILIES: Final = frozenset({1, 2, 10, 16})
"""AF_UNIX, AF_INET, AF_INET6, and AF_NETLINK, which getaddrinfo(3) asks which addresses there are."""
_LAST_FAMILY: Final = 45
_TYPE_INTO_TERMINAL: Final = (0x5412, 0x541C)
"""TIOCSTI, TIOCLINUX (ioctl_tty(2))."""
_SEND_BY_FILE: Final = (0x8901, 0x8902)
"""FIOSETOWN, SIOCSPGRP: whom a socket signals."""
_OWN_FILE: Final = (8, 10, 15)
"""F_SETOWN, F_SETSIG, F_SETOWN_EX (fcntl(2)): likewise, with any signal."""
_SIGNAL: Final = ("kill", "tgkill")
_SET_OF_OTHERS: Final = (
    ("prlimit64", 0),
    ("sched_setaffinity", 0),
    ("sched_setattr", 0),
    ("sched_setparam", 0),
    ("sched_setscheduler", 0),
    ("setpriority", 1),
    ("ioprio_set", 1),
)
"""What sets limits and turns of a process, 0 for itself; and which argument says of whom."""
_RAW_PACKETS: Final = 3
"""SOCK_RAW, the lowest four bits of a socket's type."""
_PROT_EXEC, _PROT_WRITE = 4, 2


class _Compare(ctypes.Structure):
    """`struct scmp_arg_cmp`."""

    _fields_ = (
        ("arg", ctypes.c_uint),
        ("op", ctypes.c_int),
        ("datum_a", ctypes.c_uint64),
        ("datum_b", ctypes.c_uint64),
    )


_NOT_EQUAL, _EQUAL, _AT_LEAST, _MASKED = 1, 4, 5, 7


class _Rule(NamedTuple):
    """A refusal: of a call, with which errno, and only when all arguments compare so."""

    call: str
    error: int = errno.EPERM
    when: tuple[tuple[int, int, int, int], ...] = ()


def refuse_system_calls(*, may_run_programs: bool = False) -> None:
    """Have the kernel refuse all of the above to this process, its threads and its children, for good.

    Args:
        may_run_programs: a keyring in a TPM runs tpm2-tools.

    Raises:
        InvalidInput: libseccomp or the kernel can't do it; says what to install.
    """
    library = _library()
    filter_ = library.seccomp_init(_ALLOW)
    if not filter_:
        raise _cannot("seccomp_init", errno.ENOMEM)
    try:
        # For all threads at once; refusals in the kernel's log; a tree of comparisons, not a chain (2.5 and later).
        for attribute, value in ((_TSYNC, 1), (_LOG, 1), (_OPTIMIZE, 2)):
            _checked("seccomp_attr_set", library.seccomp_attr_set(filter_, attribute, value))
        for rule in _rules(may_run_programs=may_run_programs):
            number = library.seccomp_syscall_resolve_name(rule.call.encode())
            if number == _UNKNOWN_CALL:
                continue  # younger than the library, so unknown to whoever compiled against it too
            compared = (_Compare * len(rule.when))(*(_Compare(*one) for one in rule.when))
            added = library.seccomp_rule_add_array(filter_, _ERRNO | rule.error, number, len(rule.when), compared)
            _checked(f"seccomp_rule_add of {rule.call}", added)
        _checked("seccomp_load", library.seccomp_load(filter_))
    finally:
        library.seccomp_release(filter_)


def _rules(*, may_run_programs: bool) -> Iterator[_Rule]:
    yield from map(_Rule, REFUSED if may_run_programs else (*PROGRAMS, *REFUSED))
    for flag in _NEW_NAMESPACES:
        yield _Rule("clone", when=((0, _MASKED, flag, flag),))
    # Its flags lie in memory, where no filter can look: the C library falls back to clone.
    yield _Rule("clone3", errno.ENOSYS)
    for family in set(range(_LAST_FAMILY + 1)) - _FAMILIES:
        yield _Rule("socket", errno.EAFNOSUPPORT, ((0, _EQUAL, family, 0),))
    yield _Rule("socket", errno.EAFNOSUPPORT, ((0, _AT_LEAST, _LAST_FAMILY + 1, 0),))
    for family in (2, 10):
        yield _Rule("socket", when=((0, _EQUAL, family, 0), (1, _MASKED, 0xF, _RAW_PACKETS)))
    for request in (*_TYPE_INTO_TERMINAL, *_SEND_BY_FILE):
        yield _Rule("ioctl", when=((1, _MASKED, 0xFFFF_FFFF, request),))
    yield from _rules_about_others()
    # Memory that was written is never run: libraries map their code from files, without the right to write.
    both = _PROT_EXEC | _PROT_WRITE
    yield _Rule("mmap", when=((2, _MASKED, both, both),))
    for call in ("mprotect", "pkey_mprotect"):
        yield _Rule(call, when=((2, _MASKED, _PROT_EXEC, _PROT_EXEC),))


def _rules_about_others() -> Iterator[_Rule]:
    """Yield what keeps other processes of the account from being stopped, slowed or ended: the workers of all other cameras."""
    for call in _SIGNAL:
        yield _Rule(call, when=((0, _NOT_EQUAL, os.getpid(), 0),))
    for call, argument in _SET_OF_OTHERS:
        yield _Rule(call, when=((argument, _NOT_EQUAL, 0, 0),))
    for command in _OWN_FILE:
        yield _Rule("fcntl", when=((1, _MASKED, 0xFFFF_FFFF, command),))


def _library() -> ctypes.CDLL:
    try:
        library = ctypes.CDLL(_LIBRARY)
    except OSError as error:
        raise InvalidInput(
            f"{_LIBRARY} is missing, without which nothing is decoded: install it (Debian: libseccomp2)",
            code="confinement.library",
        ) from error
    library.seccomp_init.restype = ctypes.c_void_p
    library.seccomp_init.argtypes = (ctypes.c_uint32,)
    library.seccomp_attr_set.argtypes = (ctypes.c_void_p, ctypes.c_int, ctypes.c_uint32)
    library.seccomp_syscall_resolve_name.argtypes = (ctypes.c_char_p,)
    library.seccomp_rule_add_array.argtypes = (
        ctypes.c_void_p,
        ctypes.c_uint32,
        ctypes.c_int,
        ctypes.c_uint,
        ctypes.POINTER(_Compare),
    )
    library.seccomp_load.argtypes = (ctypes.c_void_p,)
    library.seccomp_release.argtypes = (ctypes.c_void_p,)
    library.seccomp_release.restype = None
    return library


def _checked(what: str, result: int) -> None:
    if result != 0:
        raise _cannot(what, -result)


def _cannot(what: str, number: int) -> InvalidInput:
    return InvalidInput(
        f"the kernel takes no filter of system calls ({what}: {errno.errorcode.get(number, number)}), without which "
        "nothing is decoded: seccomp must be on (CONFIG_SECCOMP_FILTER, and no container profile that forbids it)",
        code="confinement.kernel",
    )
