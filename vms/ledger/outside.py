"""The newest checkpoint, kept outside the database: by it a restored older database is found out at start-up."""

import os
import secrets
from pathlib import Path

from vms.ledger import notes

FILE_NAME = "ledger-checkpoint.txt"


def keep(folder: Path, note: str) -> None:
    """Keep a checkpoint in the folder, unless a larger one is there already. Atomic and durable."""
    newest = kept(folder)
    if newest is not None and notes.parse(newest).size >= notes.parse(note).size:
        return
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = folder / f".{FILE_NAME}.{secrets.token_hex(8)}"
    with draft.open("x", encoding="utf-8") as file:
        file.write(note)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(folder / FILE_NAME)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def kept(folder: Path) -> str | None:
    """Return the checkpoint kept in the folder, or None."""
    try:
        return (folder / FILE_NAME).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
