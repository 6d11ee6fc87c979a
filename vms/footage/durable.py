"""Files that are there after a power cut, or gone."""

import contextlib
import errno
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from vms.errors import StorageFull, Unavailable
from vms.sharing import file_mode


@contextlib.contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn operating system errors about a file into the product's, naming the file.

    Raises:
        StorageFull: no space or quota left.
        Unavailable: anything else.
    """
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise StorageFull(f"no space left for {path}", code="footage.full") from error
        raise Unavailable(f"{path}: {error.strerror or error}", code="footage.storage") from error


def write_all(handle: int, data: bytes) -> None:
    """Write every byte to a file descriptor, however often the kernel takes only a part."""
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def replace_file(path: Path, data: bytes) -> None:
    """Write a file durably under its name in one step, closed to others: after a crash it is the old or the new one."""
    part = path.with_name(f"{path.name}.part")
    with storage_errors(path):
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, file_mode())
        try:
            write_all(handle, data)
            os.fsync(handle)
        finally:
            os.close(handle)
        part.replace(path)
        sync_folder(path.parent)


def shred_file(path: Path) -> None:
    """Overwrite, sync and unlink a small file; the folder is the caller's to sync. Missing is fine."""
    with storage_errors(path):
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return
        try:
            write_all(handle, secrets.token_bytes(os.fstat(handle).st_size))
            os.fsync(handle)
        finally:
            os.close(handle)
        path.unlink(missing_ok=True)
