"""Reading the ledger: filters, pages, newest first."""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, delete, func, select

from vms.db.tables import ledger_entry, ledger_placement, ledger_subject, ledger_text
from vms.errors import IntegrityLost, NotFound
from vms.ledger.acts import BY_WORD, Act, Category
from vms.ledger.entries import COMMITMENT_PREFIX
from vms.model import PlacementId

PAGE = 100
LONGEST_PAGE = 1000

ERASED = "[gewist/erased]"
"""What stands in place of a text that has been erased."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which entries; a field that is left out filters nothing.

    Args:
        from_at: at or after.
        until_at: before.
        acts: any of these.
        actors: ids, any of these.
        placement_id: about this placement.
        subjects: about any of these: case numbers, ids of holds and exports.
        before_seq: older than this entry: the next page.
    """

    from_at: datetime | None = None
    until_at: datetime | None = None
    acts: Collection[Act] = ()
    actors: Collection[str] = ()
    placement_id: PlacementId | None = None
    subjects: Collection[str] = ()
    before_seq: int | None = None


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """An entry as it stands in the tree.

    Args:
        body: the leaf, byte for byte.
        document: the leaf, parsed; `c:...` where a text stands outside of the tree.
        texts: the texts by their commitment, as far as they were not erased.
    """

    seq: int
    at: datetime
    act: Act
    actor_id: str
    body: bytes
    document: Mapping[str, Any]
    texts: Mapping[str, str]

    @property
    def category(self) -> Category:
        """Kind of processing."""
        return self.act.category

    @property
    def object(self) -> Mapping[str, Any]:
        """What was acted upon, with the texts in place."""
        found: Mapping[str, Any] = self.revealed("obj")
        return found

    def revealed(self, field: str) -> Any:
        """Return a field of the document with the texts in place of their commitments."""
        return _reveal(self.document[field], self.texts)


def search(conn: Connection, wanted: Filter | None = None, *, limit: int = PAGE) -> list[StoredEntry]:
    """Return the newest entries that pass the filter, newest first; the next page begins before the last one's `seq`.

    Args:
        limit: at most 1000.

    Raises:
        IntegrityLost: a text does not fit the commitment under which it is kept.
    """
    query = _within(select(ledger_entry.c.seq, ledger_entry.c.at, ledger_entry.c.body), wanted or Filter())
    rows = conn.execute(query.order_by(ledger_entry.c.seq.desc()).limit(min(max(limit, 1), LONGEST_PAGE))).all()
    return _entries(conn, rows)


def count_found(conn: Connection, wanted: Filter, *, most: int) -> int:
    """Return how many entries pass the filter; counts no further than `most`."""
    found = _within(select(ledger_entry.c.seq), wanted).limit(most).subquery()
    return int(conn.execute(select(func.count()).select_from(found)).scalar_one())


def _within(query: Select[Any], wanted: Filter) -> Select[Any]:
    if wanted.placement_id is not None:
        query = query.join(ledger_placement, ledger_placement.c.seq == ledger_entry.c.seq).where(
            ledger_placement.c.placement_id == wanted.placement_id
        )
    if wanted.subjects:
        about = select(ledger_subject.c.seq).where(ledger_subject.c.subject.in_(list(wanted.subjects)))
        query = query.where(ledger_entry.c.seq.in_(about))
    if wanted.from_at is not None:
        query = query.where(ledger_entry.c.at >= wanted.from_at)
    if wanted.until_at is not None:
        query = query.where(ledger_entry.c.at < wanted.until_at)
    if wanted.acts:
        query = query.where(ledger_entry.c.act.in_([act.value for act in wanted.acts]))
    if wanted.actors:
        query = query.where(ledger_entry.c.actor.in_(list(wanted.actors)))
    if wanted.before_seq is not None:
        query = query.where(ledger_entry.c.seq < wanted.before_seq)
    return query


def get(conn: Connection, seq: int) -> StoredEntry:
    """Return one entry.

    Raises:
        NotFound: there is no such entry.
    """
    found = run(conn, seq, seq + 1)
    if not found:
        raise NotFound(f"there is no ledger entry {seq}", code="ledger.unknown")
    return found[0]


def run(conn: Connection, start: int, end: int) -> list[StoredEntry]:
    """Return the entries `start` to `end` (half-open), oldest first."""
    query = select(ledger_entry.c.seq, ledger_entry.c.at, ledger_entry.c.body)
    query = query.where(ledger_entry.c.seq >= start, ledger_entry.c.seq < end).order_by(ledger_entry.c.seq)
    return _entries(conn, conn.execute(query).all())


def erase_texts(conn: Connection, commitments: Collection[str]) -> int:
    """Erase texts for good; the tree keeps their commitments and stays whole.

    Returns:
        How many there were.
    """
    statement = delete(ledger_text).where(ledger_text.c.commitment.in_(list(commitments)))
    return conn.execute(statement).rowcount


def _entries(conn: Connection, rows: Iterable[Any]) -> list[StoredEntry]:
    parsed = [(row, json.loads(row.body)) for row in rows]
    wanted = {found for _, document in parsed for found in _commitments(document)}
    texts = _texts(conn, wanted)
    entries = []
    for row, document in parsed:
        act = BY_WORD.get(document["act"])
        if act is None:
            raise IntegrityLost(
                f"ledger entry {row.seq} has the act {document['act']!r}: a newer version wrote it", code="ledger.act"
            )
        own = {digest: texts[digest] for digest in _commitments(document) if digest in texts}
        entries.append(StoredEntry(row.seq, row.at, act, document["actor"]["id"], bytes(row.body), document, own))
    return entries


def _texts(conn: Connection, digests: Collection[str]) -> dict[str, str]:
    if not digests:
        return {}
    found = {}
    for row in conn.execute(select(ledger_text).where(ledger_text.c.commitment.in_(sorted(digests)))):
        if hashlib.sha256(row.salt + row.text.encode()).hexdigest() != row.commitment:
            raise IntegrityLost("a text of the ledger is not the one that was committed to", code="ledger.text")
        found[row.commitment] = row.text
    return found


def _commitments(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value.removeprefix(COMMITMENT_PREFIX)] if value.startswith(COMMITMENT_PREFIX) else []
    if isinstance(value, Mapping):
        return [found for item in value.values() for found in _commitments(item)]
    if isinstance(value, list):
        return [found for item in value for found in _commitments(item)]
    return []


def _reveal(value: Any, texts: Mapping[str, str]) -> Any:
    if isinstance(value, str) and value.startswith(COMMITMENT_PREFIX):
        return texts.get(value.removeprefix(COMMITMENT_PREFIX), ERASED)
    if isinstance(value, Mapping):
        return {name: _reveal(item, texts) for name, item in value.items()}
    if isinstance(value, list):
        return [_reveal(item, texts) for item in value]
    return value


def count(conn: Connection, act: Act) -> int:
    """Return how many entries there are of an act."""
    return int(conn.execute(select(func.count()).where(ledger_entry.c.act == act.value)).scalar_one())


def ends(conn: Connection) -> tuple[datetime | None, datetime | None]:
    """Return when the first entry was written, and the latest instant of all; None in an empty ledger."""
    first_at = conn.execute(select(ledger_entry.c.at).where(ledger_entry.c.seq == 0)).scalar_one_or_none()
    return first_at, conn.execute(select(func.max(ledger_entry.c.at))).scalar_one_or_none()
