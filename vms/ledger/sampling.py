"""The sample of acts on footage that an auditor reviews: the same that `vms-audit access --seed` draws, worked out apart from it."""

import hashlib
import heapq
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, select

from vms.db.tables import ledger_entry
from vms.ledger import canonical
from vms.ledger.acts import HANDS_OVER, OPENS_FOOTAGE
from vms.ledger.entries import ActorKind, Result
from vms.model import Span

_PAGE: Final = 4096
_HEADS: Final = tuple(b'{"act":"' + act.value.encode() + b'"' for act in OPENS_FOOTAGE | HANDS_OVER)
"""How the bodies of these acts begin: names are sorted, and `act` is the first."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A sample.

    Args:
        population: from how many it was drawn.
        seqs: numbers of the entries, in the ledger's order.
    """

    population: int
    seqs: tuple[int, ...]


def draw(conn: Connection, period: Span, seed: str, count: int) -> Drawn:
    """Draw views and hand-overs of persons that succeeded within a period: those whose SHA-256 of `seed|number` is lowest."""
    found = list(_candidates(conn, period))
    chosen = heapq.nsmallest(count, found, key=lambda seq: hashlib.sha256(f"{seed}|{seq}".encode()).digest())
    return Drawn(len(found), tuple(sorted(chosen)))


def _candidates(conn: Connection, period: Span) -> Iterator[int]:
    """Yield the entries of the population, by what their bodies say: the columns to search by lie outside the tree."""
    start, end = canonical.instant(period.start_at), canonical.instant(period.end_at)
    after = -1
    while True:
        query = select(ledger_entry.c.seq, ledger_entry.c.body).where(ledger_entry.c.seq > after)
        rows = conn.execute(query.order_by(ledger_entry.c.seq).limit(_PAGE)).all()
        for row in rows:
            if not bytes(row.body).startswith(_HEADS):
                continue
            document = json.loads(row.body)
            is_person = document["res"] == Result.OK.value and document["actor"]["kind"] == ActorKind.PERSON.value
            if is_person and start <= document["ts"] < end:
                yield row.seq
        if len(rows) < _PAGE:
            return
        after = rows[-1].seq
