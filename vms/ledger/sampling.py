"""The sample of acts on footage that an auditor reviews: the same that `vms-audit access --seed` draws, worked out apart from it."""

import hashlib
import heapq
import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import LargeBinary, func, or_, select

from vms.db.engine import Database
from vms.db.tables import ledger_entry
from vms.ledger import canonical, tiles
from vms.ledger.acts import HANDS_OVER, OPENS_FOOTAGE, Act
from vms.ledger.entries import ActorKind, Result
from vms.model import Span

_PAGE: Final = 16_384


@dataclass(frozen=True, slots=True)
class Drawn:
    """A sample.

    Args:
        population: from how many it was drawn.
        seqs: numbers of the entries, in the ledger's order.
    """

    population: int
    seqs: tuple[int, ...]


def draw(db: Database, period: Span, seed: str, count: int) -> Drawn:
    """Draw views and hand-overs of persons that succeeded within a period: those whose SHA-256 of `seed|number` is lowest."""
    start, end = canonical.instant(period.start_at), canonical.instant(period.end_at)
    population = 0

    def candidates() -> Iterator[int]:
        nonlocal population
        for seq, document in entries_of(db, OPENS_FOOTAGE | HANDS_OVER):
            if document["res"] == Result.OK.value and is_of_person(document) and start <= document["ts"] < end:
                population += 1
                yield seq

    chosen = heapq.nsmallest(count, candidates(), key=lambda seq: place_of(seed, seq))
    return Drawn(population, tuple(sorted(chosen)))


def entries_of(db: Database, acts: Collection[Act]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield number and document of the entries of some acts, oldest first; entries that come meanwhile are left out.

    By what the bodies say: the columns to search by lie outside the tree. Each page is a read of its own, so that nobody who writes
    waits, and nothing but a page is in memory.
    """
    # Names in a body are sorted, and `act` is the first.
    heads = [b'{"act":"' + act.value.encode() + b'"' for act in sorted(acts)]
    body = ledger_entry.c.body
    is_wanted = or_(*(func.substr(body, 1, len(head), type_=LargeBinary) == head for head in heads))
    with db.read() as conn:
        size = tiles.size(conn)
    for start in range(0, size, _PAGE):
        own = ledger_entry.c.seq
        query = select(own, body).where(own >= start, own < min(start + _PAGE, size), is_wanted).order_by(own)
        with db.read() as conn:
            rows = conn.execute(query).all()
        for row in rows:
            yield row.seq, json.loads(row.body)


def is_of_person(document: dict[str, Any]) -> bool:
    """Return whether a person acted, and not one of our processes."""
    return bool(document["actor"]["kind"] == ActorKind.PERSON.value)


def place_of(seed: str, seq: int) -> bytes:
    """Return by what entries are ordered for a draw: nobody can choose it who can't choose the seed."""
    return hashlib.sha256(f"{seed}|{seq}".encode()).digest()
