"""What the composition root hands to ingest."""

from typing import Protocol

from config import Settings
from vms.clock import Clock
from vms.db.engine import Database
from vms.footage.credentials import CredentialBox
from vms.footage.keys import KeyService
from vms.footage.store import FootageStore
from vms.ledger.log import Ledger


class IngestParts(Protocol):
    """The adapters of a process."""

    @property
    def settings(self) -> Settings:
        """As read at start."""

    @property
    def clock(self) -> Clock:
        """The machine's clocks."""

    @property
    def db(self) -> Database:
        """Rows."""

    @property
    def ledger(self) -> Ledger:
        """Acts."""

    @property
    def keys(self) -> KeyService:
        """Segment keys."""

    @property
    def store(self) -> FootageStore:
        """Segment files."""

    @property
    def credentials(self) -> CredentialBox:
        """Camera passwords."""
