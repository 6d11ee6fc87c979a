"""What a process may still do when it decodes a camera's bytes: record and show, nothing else. See docs/threat-model.md."""

from collections.abc import Iterable
from pathlib import Path

import structlog
from sqlalchemy.engine import make_url

from config import Settings
from vms.confinement.system_calls import refuse_system_calls
from vms.confinement.writing import write_only_below

_NULL = Path("/dev/null")

log = structlog.get_logger(__name__)


def confine_worker(settings: Settings) -> None:
    """Give up, before the first byte of a camera: other programs, other processes, writing outside this system's own folders.

    A keyring in a TPM or token is opened by this process unless a key service has it: it then needs programs and files that nobody
    can name beforehand, and keeps the right to them. Call it before there are other threads.

    Args:
        settings: whose folders are there.

    Raises:
        InvalidInput: the kernel or libseccomp can't do it.
    """
    opens_device = settings.keys_socket is None and settings.root_store in {"pkcs11", "tpm"}
    if opens_device:
        log.warning(
            "worker.confined-less", why="it opens the keyring in a device itself: run the key service (keys_socket)"
        )
    else:
        limit_writing(_folders(settings))
    refuse_system_calls(may_run_programs=opens_device)


def limit_writing(paths: Iterable[Path]) -> None:
    """Give up writing anywhere else; a kernel that has no Landlock is logged, and the accounts' rights alone are left."""
    if not write_only_below((*paths, _NULL)):
        log.warning("process.writes-anywhere", why="the kernel has no Landlock (Linux 5.13 and later, lsm=landlock)")


def _folders(settings: Settings) -> tuple[Path, ...]:
    address = make_url(settings.database)
    file = address.database if address.get_backend_name() == "sqlite" else None
    own = (settings.data_dir, settings.footage, settings.keys, settings.run)
    return own if file is None else (*own, Path(file).parent)
