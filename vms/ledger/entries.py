"""What an entry says: who did what to which object, with what result, from where, when, why and for whom.

The fields are those of BIO 8.15.01 (action, object, result, origin, actor, timestamp) and of the Wet politiegegevens
art. 32a (reasons, recipients). Every field stands in every entry; null says that there is nothing to say.

Free text and names of persons go in as `Private`: the tree holds a salted commitment only, and the text can be erased later.
"""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeAlias

from vms.errors import InvalidInput
from vms.ledger import canonical
from vms.ledger.acts import HANDS_OVER, OPENS_FOOTAGE, Act
from vms.ledger.canonical import Json

COMMITMENT_PREFIX = "c:"
DEFAULT_BASIS = "wpg-8/gw-151c"
"""The legal basis of what is about no placement: daily police task (Wpg 8), public-order cameras (Gemeentewet 151c)."""

_SALT_BYTES = 16
_VERSION = 1
_PLACEMENTS = ("placement_id", "placement_ids")
_SUBJECTS = ("hold_id", "pending_hold_ids", "export_id")


class ActorKind(StrEnum):
    """Whether a person or one of our own processes acted."""

    PERSON = "person"
    SERVICE = "service"


class Result(StrEnum):
    """How it went. A refusal is an entry too."""

    OK = "ok"
    DENIED = "denied"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acted.

    Args:
        id: pseudonymous: an account's id, or a service's name; never a person's name.
        role: the role under which a person acted.
        session_id: of the person's sign-in.
    """

    id: str
    kind: ActorKind
    role: str | None = None
    session_id: str | None = None

    @classmethod
    def service(cls, name: str) -> "Actor":
        """Return one of our own processes."""
        return cls(name, ActorKind.SERVICE)

    @classmethod
    def person(cls, user_id: str, *, role: str | None, session_id: str | None) -> "Actor":
        """Return a person."""
        return cls(user_id, ActorKind.PERSON, role, session_id)


@dataclass(frozen=True, slots=True)
class Origin:
    """From where: program, and where there is one the workstation and network address."""

    app: str
    workstation: str | None = None
    ip: str | None = None


@dataclass(frozen=True, slots=True)
class Private:
    """Free text or a person's name: stands in the tree as a salted commitment only."""

    text: str


@dataclass(frozen=True, slots=True)
class Purpose:
    """For what: a code from the catalogue of purposes, a case number where there is one, and free text."""

    code: str
    case_number: str | None = None
    text: str | None = None


Value: TypeAlias = "bool | int | str | datetime | Private | Sequence[Value] | Mapping[str, Value] | None"


@dataclass(frozen=True, slots=True)
class Entry:
    """An act, ready to be written down.

    Args:
        object: what was acted upon. `placement_id`, `placement_ids`, `hold_id`, `pending_hold_ids` and `export_id` in it are searchable.
        why: a code for the reason of a denial or failure; never free text.
        recipient: to whom footage goes; always kept as a commitment.
        basis: the log itself puts in that of the designation (`vms.ledger.basis`).

    Raises:
        InvalidInput: a field that the law asks for is missing: object, purpose of a view by a person, recipient of an export; or what
            people search by is private.
    """

    act: Act
    actor: Actor
    origin: Origin
    object: Mapping[str, Value]
    result: Result = Result.OK
    why: str | None = None
    purpose: Purpose | None = None
    recipient: str | None = None
    basis: str = DEFAULT_BASIS

    def __post_init__(self) -> None:
        if not isinstance(self.act, Act):
            raise InvalidInput(f"{self.act!r} is not in the catalogue of acts", code="ledger.act")
        if not self.object:
            raise InvalidInput(f"an entry {self.act} must say what was acted upon", code="ledger.object")
        for name in (*_PLACEMENTS, *_SUBJECTS):
            if _has_private(self.object.get(name)):
                # The body would name the commitment, and the search copy nothing: the whole check would call the ledger changed.
                raise InvalidInput(
                    f"{name} in an entry {self.act} is searched by and can't be private", code="ledger.searchable"
                )
        if self.result is Result.OK:
            person = self.actor.kind is ActorKind.PERSON
            if person and self.act in OPENS_FOOTAGE and self.purpose is None:
                raise InvalidInput(f"an entry {self.act} must say for what purpose", code="ledger.purpose")
            if person and self.act in HANDS_OVER and not self.recipient:
                raise InvalidInput(f"an entry {self.act} must say for whom", code="ledger.recipient")
        elif self.why is None:
            raise InvalidInput(f"an entry {self.act} that was {self.result} must say why", code="ledger.why")

    def placement_ids(self) -> frozenset[str]:
        """Return the placements that the entry is about."""
        return _texts_under(self.object, *_PLACEMENTS)

    def subjects(self) -> frozenset[str]:
        """Return what else the entry is about that people search for: a case number, ids of a hold and of an export."""
        return _subjects(self.object, None if self.purpose is None else self.purpose.case_number)


def _has_private(value: Value) -> bool:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return any(isinstance(item, Private) for item in value)
    return isinstance(value, Private)


@dataclass(frozen=True, slots=True)
class Copies:
    """What of an entry is stored a second time, outside the tree, to search by."""

    stamp: str
    act: str
    actor: str
    placement_ids: frozenset[str]
    subjects: frozenset[str]


def copies_of(document: Mapping[str, Any]) -> Copies:
    """Return the search copies that belong to a body.

    Args:
        document: the body, parsed.

    Raises:
        KeyError, TypeError, AttributeError: it is no body of an entry.
    """
    about = document["obj"]
    case_number = (document["purpose"] or {}).get("case")
    return Copies(
        document["ts"],
        document["act"],
        document["actor"]["id"],
        _texts_under(about, *_PLACEMENTS),
        _subjects(about, case_number),
    )


def _subjects(about: Mapping[str, Any], case_number: str | None) -> frozenset[str]:
    named = _texts_under(about, *_SUBJECTS)
    return named if case_number is None else named | {case_number}


def _texts_under(about: Mapping[str, Any], *names: str) -> frozenset[str]:
    """Return the texts under some words of an object, one or a list under each."""
    values = [about.get(name) for name in names]
    lists = [[value] if isinstance(value, str) else value for value in values if isinstance(value, Sequence)]
    return frozenset(item for one in lists for item in one if isinstance(item, str))


@dataclass(frozen=True, slots=True)
class Commitment:
    """A text, its salt, and the hash by which the tree holds on to it."""

    text: str
    salt: bytes = field(default_factory=lambda: secrets.token_bytes(_SALT_BYTES))

    @property
    def digest(self) -> str:
        """SHA-256(salt || text), hexadecimal."""
        return hashlib.sha256(self.salt + self.text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Leaf:
    """An entry as it goes into the tree, and the texts that stay outside of it."""

    body: bytes
    commitments: tuple[Commitment, ...]


def leaf_of(entry: Entry, at: datetime) -> Leaf:
    """Return the canonical leaf of an entry at an instant.

    Raises:
        InvalidInput: a value can't stand in the ledger (see `canonical.encode`).
    """
    commitments: list[Commitment] = []

    def plain(value: Value) -> Json:
        if isinstance(value, Private):
            commitments.append(Commitment(value.text))
            return COMMITMENT_PREFIX + commitments[-1].digest
        if isinstance(value, datetime):
            return canonical.instant(value)
        if isinstance(value, str):
            if value.startswith(COMMITMENT_PREFIX):
                raise InvalidInput("a plain text in the ledger can't look like a commitment", code="ledger.value")
            return str(value)
        if isinstance(value, Mapping):
            return {name: plain(item) for name, item in value.items()}
        if isinstance(value, bytes):
            # To Python, bytes are a sequence of integers, and would pass for one.
            raise InvalidInput("bytes can't stand in the ledger; use hexadecimal text", code="ledger.value")
        if isinstance(value, Sequence):
            return [plain(item) for item in value]
        return value

    purpose = entry.purpose
    document: dict[str, Value] = {
        "v": _VERSION,
        "ts": at,
        "act": entry.act,
        "cat": entry.act.category,
        "actor": {
            "id": entry.actor.id,
            "kind": entry.actor.kind,
            "role": entry.actor.role,
            "sess": entry.actor.session_id,
        },
        "obj": entry.object,
        "res": entry.result,
        "why": entry.why,
        "purpose": None
        if purpose is None
        else {
            "code": purpose.code,
            "case": purpose.case_number,
            "text": None if purpose.text is None else Private(purpose.text),
        },
        "basis": entry.basis,
        "recipient": None if entry.recipient is None else Private(entry.recipient),
        "origin": {"app": entry.origin.app, "ws": entry.origin.workstation, "ip": entry.origin.ip},
    }
    return Leaf(canonical.encode(plain(document)), tuple(commitments))
