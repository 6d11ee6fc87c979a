"""What every part of retention works on, and who acts."""

from dataclasses import dataclass

from vms.clock import Clock
from vms.db.engine import Database
from vms.errors import InvalidInput
from vms.footage.keys import KeyService
from vms.footage.store import FootageStore
from vms.ledger.entries import Actor, ActorKind, Origin
from vms.ledger.log import Ledger
from vms.model import Role, UserId


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


def person_of(by: By) -> tuple[UserId, Role]:
    """Return the person and the role under which it acts: where two persons are needed, no service can be one.

    Raises:
        InvalidInput: nobody is signed in.
    """
    if by.actor.kind is not ActorKind.PERSON or by.actor.role is None:
        raise InvalidInput("this is an act of a person who is signed in", code="asking.person")
    return UserId(by.actor.id), Role(by.actor.role)


DAEMON = By(Actor.service("retention"), Origin("vms-retention"))
"""The retention daemon itself."""
