"""What is known of the ledger outside its database: the newest checkpoint, and that something contradicted the ledger.

Both lie beside the keys, which are in no backup: a restored older database is found out by the one, and the other outlives a restart.
"""

import json
import os
import secrets
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from vms.errors import IntegrityLost, InvalidInput
from vms.footage.durable import storage_errors, sync_folder
from vms.ledger import canonical, notes
from vms.sharing import folder_mode

FILE_NAME = "ledger-checkpoint.txt"
CONTRADICTED_FILE = "ledger-contradicted.txt"
CHECK_FILE = "ledger-check.txt"
ENTRIES = "entries"
"""The first word of a contradiction that the whole check found: the entries contradict the tree, or their search copies them."""


@dataclass(frozen=True, slots=True)
class Check:
    """A whole check of the ledger that ended.

    Args:
        root: hexadecimal.
        fault: what it found; None: the ledger was whole.
    """

    checked_at: datetime
    size: int
    root: str
    fault: str | None = None


def keep(folder: Path, note: str) -> None:
    """Keep a checkpoint in the folder, unless a larger one is there already. Atomic and durable."""
    newest = kept(folder)
    if newest is not None and notes.parse(newest).size >= notes.parse(note).size:
        return
    _put(folder, FILE_NAME, note)


def kept(folder: Path) -> str | None:
    """Return the checkpoint kept in the folder, or None.

    Raises:
        IntegrityLost: there is a file, and it is no checkpoint.
    """
    try:
        note = _read(folder / FILE_NAME)
        if note is None:
            return None
        notes.parse(note)
    except (InvalidInput, UnicodeDecodeError) as error:
        raise IntegrityLost(
            f"{folder / FILE_NAME} is no checkpoint any more: somebody or the disk has changed it; compare the ledger with a "
            "checkpoint from elsewhere (docs/ledger.md), then remove the file",
            code="ledger.outside",
        ) from error
    return note


def contradict(folder: Path, why: str) -> None:
    """Remember over restarts that the ledger is contradicted; the first reason stays. Durable."""
    if contradicted(folder) is None:
        _put(folder, CONTRADICTED_FILE, f"{why}\n")


def contradicted(folder: Path) -> str | None:
    """Return the reason why the ledger is contradicted, or None."""
    why = _read(folder / CONTRADICTED_FILE, errors="replace")
    return None if why is None else why.strip() or "unknown"


def settle(folder: Path) -> None:
    """Forget a contradiction: what had contradicted now agrees."""
    with storage_errors(folder):
        (folder / CONTRADICTED_FILE).unlink(missing_ok=True)


def keep_check(folder: Path, check: Check) -> None:
    """Keep what a whole check came to. Atomic and durable."""
    words: dict[str, canonical.Json] = {
        "at": canonical.instant(check.checked_at),
        "size": check.size,
        "root": check.root,
        "fault": check.fault,
    }
    _put(folder, CHECK_FILE, canonical.encode(words).decode() + "\n")


def last_check(folder: Path) -> Check | None:
    """Return what the last whole check came to, or None: there was none, or what is kept can't be read and so vouches for nothing."""
    text = _read(folder / CHECK_FILE, errors="replace")
    try:
        words = json.loads(text or "")
        at = datetime.fromisoformat(words["at"])
        return Check(at, int(words["size"]), str(words["root"]), words["fault"])
    except (ValueError, KeyError, TypeError):
        return None


def _read(path: Path, errors: str = "strict") -> str | None:
    with storage_errors(path):
        try:
            return path.read_text(encoding="utf-8", errors=errors)
        except FileNotFoundError:
            return None


def _put(folder: Path, name: str, text: str) -> None:
    # A name of its own: the API, the daemon and a command may all keep a checkpoint at once.
    draft = folder / f".{name}.{secrets.token_hex(8)}"
    with storage_errors(folder):
        folder.mkdir(mode=folder_mode(), parents=True, exist_ok=True)
        try:
            with draft.open("x", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(folder / name)
        except OSError:
            draft.unlink(missing_ok=True)
            raise
        sync_folder(folder)
