"""The search copies of entries in the audit bundle: a digest for each slice, and the rows themselves where they do not fit the entries.

Searches go by columns and tables outside of the tree. Whoever rules the database can hide an entry there; an auditor compares them with the
entries' bodies. Rows of ten million entries would make a bundle half as large again, digests of slices are a few megabytes.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Row

from vms.db.tables import ledger_placement, ledger_subject
from vms.ledger import canonical, whole_check
from vms.ledger.canonical import Json
from vms.ledger.entries import copies_of

SLICE: Final = 256
"""Entries under one digest."""

_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


def slice_lines(conn: Connection, rows: Sequence[Row[Any]], numbers: range) -> Iterator[bytes]:
    """Yield a line for each slice of a run of entries: its first number, the digest of its rows, and those where they do not fit.

    A row is `[number, instant, act, actor, [placements], [subjects]]`, words sorted; the digest is over rows as compact JSON, one a line.

    Args:
        rows: `seq`, `at`, `act`, `actor` and `body` of the entries that there are, in order.
        numbers: those that there should be; the first is a multiple of `SLICE`.
    """
    placements = whole_check.filed(conn, ledger_placement, ledger_placement.c.placement_id, numbers.start, numbers.stop)
    subjects = whole_check.filed(conn, ledger_subject, ledger_subject.c.subject, numbers.start, numbers.stop)
    slices: dict[int, list[Any]] = {first: [] for first in range(numbers.start, numbers.stop, SLICE)}
    doubtful: set[int] = set()
    for row in rows:
        first = row.seq - row.seq % SLICE
        stored: list[Any] = [row.seq, canonical.instant(row.at), row.act, row.actor]
        stored += [sorted(placements[row.seq]), sorted(subjects[row.seq])]
        slices[first].append(stored)
        if stored != _wanted(row.seq, row.body):
            doubtful.add(first)
    for first, found in slices.items():
        line: dict[str, Json] = {"first": first, "sha256": _digest(found)}
        if first in doubtful or len(found) < min(SLICE, numbers.stop - first):
            line["rows"] = found
        yield canonical.encode(line) + b"\n"


def _wanted(seq: int, body: bytes) -> list[Any] | None:
    try:
        copies = copies_of(json.loads(body))
    except (ValueError, KeyError, TypeError, AttributeError):
        # Somebody changed the entry: its row is given as it is.
        return None
    return [seq, copies.stamp, copies.act, copies.actor, sorted(copies.placement_ids), sorted(copies.subjects)]


def _digest(rows: Sequence[Any]) -> str:
    return hashlib.sha256("".join(_encode(row) + "\n" for row in rows).encode()).hexdigest()
