"""The adapters of one process, built from the settings."""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import structlog

from config import Settings
from vms.clock import Clock, SystemClock
from vms.db import roles
from vms.db.engine import Database, parsed
from vms.db.migrate import at_head
from vms.errors import InvalidInput
from vms.footage.credentials import CredentialBox
from vms.footage.keys import FileKeyring, KeyService
from vms.footage.keyservice.client import KeyClient
from vms.footage.roots.chosen import root_store
from vms.footage.store import FootageStore
from vms.hardening import refuse_exposed
from vms.ledger import whole_check
from vms.ledger.cosignatures import WitnessLink, link_of
from vms.ledger.log import Ledger
from vms.ledger.signer import FileSigner, load_or_make
from vms.ledger.standing import Checkpoints
from vms.ledger.whole_check import CheckRecord
from vms.sharing import folder_mode, open_to_group

log = structlog.get_logger(__name__)

LONGEST_SOCKET_FOLDER_BYTES = 80
"""Unix socket paths end at 107 bytes; placement ids need their part."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What a process works with."""

    settings: Settings
    clock: Clock
    db: Database
    ledger: Ledger
    signer: FileSigner
    keys: KeyService
    store: FootageStore
    credentials: CredentialBox
    witness: WitnessLink | None = None

    @property
    def checkpoints(self) -> Checkpoints:
        """What stands outside the ledger's database."""
        return Checkpoints(self.signer, self.settings.keys, self.witness)

    @property
    def ledger_checks(self) -> CheckRecord:
        """What the last whole check of the ledger came to."""
        return CheckRecord(self.settings.keys, self.clock)


def build(settings: Settings, *, migrated: bool = True) -> Parts:
    """Make the folders and connect the adapters.

    Args:
        settings: as read at start.
        migrated: refuse a database whose schema is not this version's.

    Raises:
        InvalidInput: a folder can't be used, or the schema is another version's; says what to run.
    """
    make_folders(settings)
    if len(os.fsencode(settings.run.resolve())) > LONGEST_SOCKET_FOLDER_BYTES:
        raise InvalidInput(
            f"run_dir {settings.run.resolve()} is too long for Unix sockets: set run_dir to a path of at most "
            f"{LONGEST_SOCKET_FOLDER_BYTES} bytes, e.g. /run/vms",
            code="settings.run-dir",
        )
    refuse_exposed_database(settings)
    db = Database(settings.database)
    if migrated and not at_head(db):
        raise InvalidInput(
            "the database's schema is not this version's: run `vms migrate` first, as the database's owner",
            code="db.migrate",
        )
    clock = SystemClock()
    return Parts(
        settings=settings,
        clock=clock,
        db=db,
        ledger=Ledger(
            settings.ledger_name,
            clock,
            refuse_signing=whole_check.guard(CheckRecord(settings.keys, clock), settings.ledger_name),
        ),
        signer=load_or_make(settings.keys, settings.ledger_name),
        keys=key_service(settings, clock),
        store=FootageStore(settings.footage, settings.free_bytes_floor),
        credentials=CredentialBox(settings.keys),
        witness=link_of(settings.witness_url, settings.witness_key) if settings.witness_url else None,
    )


def warn_of_owner(parts: Parts) -> bool:
    """Say in the log that this process could change the log of acts itself, where it connects as the database's owner; return whether."""
    if not parts.db.is_postgresql:
        return False
    with parts.db.read() as conn:
        owns = roles.is_owner(conn)
    if owns:
        log.warning(
            "database.owner",
            why="this process may change the ledger's tables: give it a role of its own (docs/deployment.md)",
        )
    return owns


def make_folders(settings: Settings) -> None:
    """Make the folders of this system, or make sure that those that are there are this account's alone.

    Raises:
        InvalidInput: one can't be made or used.
    """
    for folder in (settings.data_dir, settings.footage, settings.keys, settings.run):
        private_folder(folder)


def key_service(settings: Settings, clock: Clock) -> KeyService:
    """Return the keyring in this process, or the one that `vms keys serve` has open."""
    if settings.keys_socket is not None:
        return KeyClient(settings.keys_socket, clock)
    return FileKeyring(settings.keyring, root_store(settings))


def private_folder(folder: Path) -> None:
    """Make a folder for this account only, or make sure that one that is there is.

    Raises:
        InvalidInput: it can't be made or written, or others can enter it; names it.
    """
    try:
        if not folder.exists():
            folder.mkdir(parents=True, exist_ok=True, mode=folder_mode())
            open_to_group(folder)
    except OSError as error:
        raise InvalidInput(
            f"folder {folder} can't be made: {error.strerror}; choose another in the settings", code="settings.folder"
        ) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InvalidInput(f"folder {folder} can't be written: give this account the rights", code="settings.folder")
    refuse_exposed(folder, "folder")


def refuse_exposed_database(settings: Settings) -> None:
    """Refuse a database file that others can read: it has the hashes of all passwords. In a folder of this account nobody can.

    Raises:
        InvalidInput: others can read it.
    """
    address = parsed(settings.database)
    if address.get_backend_name() != "sqlite" or address.database is None:
        return
    if settings.shared_group:
        raise InvalidInput(
            "shared_group needs PostgreSQL (database_url): SQLite's file has one account", code="settings.shared-group"
        )
    folder = Path(address.database).parent
    if folder.exists() and folder.stat().st_mode & 0o077:
        for ending in ("", "-wal", "-shm"):
            file = Path(address.database + ending)
            with suppress(FileNotFoundError):
                refuse_exposed(file, "database file")
