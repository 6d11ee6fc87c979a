"""What every part of retention works on, and who acts."""

from dataclasses import dataclass

from vms.clock import Clock
from vms.db.engine import Database
from vms.footage.keys import KeyService
from vms.footage.store import FootageStore
from vms.ledger.entries import Actor, Origin
from vms.ledger.log import Ledger


@dataclass(frozen=True, slots=True)
class RetentionParts:
    """Database, keys, files, ledger and clock."""

    db: Database
    keys: KeyService
    store: FootageStore
    ledger: Ledger
    clock: Clock


@dataclass(frozen=True, slots=True)
class By:
    """Who acts, and from where."""

    actor: Actor
    origin: Origin


DAEMON = By(Actor.service("retention"), Origin("vms-retention"))
"""The retention daemon itself."""
