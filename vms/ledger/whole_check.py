"""The whole check: every entry hashed again, every search copy compared with its entry, every checkpoint with the root it names.

The start-up check reads the newest entries only, and the columns and tables that searches go by lie outside the tree: whoever rules the
database could change an old entry, or hide one from every search, unseen. A pass walks all entries in slices, so that nothing waits for it.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Column, Connection, Row, Table, func, select

from vms.clock import Clock
from vms.db.engine import Database
from vms.db.tables import ledger_checkpoint, ledger_entry, ledger_placement, ledger_subject
from vms.errors import IntegrityLost, InvalidInput, Unavailable
from vms.ledger import canonical, notes, outside, tiles
from vms.ledger.entries import copies_of
from vms.ledger.merkle import HASH_BYTES, TILE_WIDTH, CompactRange, leaf_hash
from vms.ledger.notes import Verifier
from vms.ledger.outside import Check

SLICE: Final = 4 * TILE_WIDTH
"""Entries of one slice: whole tiles, so that each is read once."""

CHECK_EVERY: Final = timedelta(days=1)
CHECK_LASTS: Final = timedelta(days=2)
"""An older check says nothing of what was changed since: no checkpoint is signed on it."""

CHECKED_AT_ONCE: Final = 20_000
"""A ledger of so many entries is checked on the spot (a fraction of a second) when a checkpoint is asked for and no check is at hand."""


@dataclass(frozen=True, slots=True)
class CheckedEntry:
    """An entry whose bytes fit the tree and whose copies fit its bytes.

    Args:
        document: the body, parsed.
    """

    seq: int
    at: datetime
    body: bytes
    document: dict[str, Any]


class WholeCheck:
    """One pass over the entries that there were when it began; later ones are the next pass's.

    Args:
        conn: asked for the size of the ledger only.
        origin: the ledger's name, which each checkpoint must have.
        verifier: also checks the newest checkpoint's signature.
    """

    def __init__(self, conn: Connection, origin: str, verifier: Verifier | None) -> None:
        self.size = tiles.size(conn)
        self._origin = origin
        self._verifier = verifier
        self._next = 0
        self._whole = CompactRange()

    @property
    def is_done(self) -> bool:
        """Whether every entry was read."""
        return self._next == self.size

    def advance(self, conn: Connection) -> list[CheckedEntry]:
        """Check the next slice.

        Returns:
            Its entries, oldest first; none when all were read.

        Raises:
            IntegrityLost: an entry is missing, is not the one in the tree, or is filed under other search words; or a checkpoint names
                another root. The pass is over.
        """
        start, end = self._next, min(self._next + SLICE, self.size)
        rows = conn.execute(_rows(start, end)).all()
        missing = sorted(set(range(start, end)).difference(row.seq for row in rows))
        if missing:
            raise tiles.broken(f"entry {missing[0]} is missing")
        placements = filed(conn, ledger_placement, ledger_placement.c.placement_id, start, end)
        subjects = filed(conn, ledger_subject, ledger_subject.c.subject, start, end)
        signed = self._signed(conn, start, end)
        checked, hashes = [], b""
        for row in rows:
            place = row.seq % TILE_WIDTH * HASH_BYTES
            if place == 0 or not hashes:
                hashes = tiles.read(conn, 0, row.seq // TILE_WIDTH)
            body = bytes(row.body)
            leaf = leaf_hash(body)
            if hashes[place : place + HASH_BYTES] != leaf:
                raise tiles.broken(f"entry {row.seq} is not the one that the tree holds")
            checked.append(_checked(row, body, placements[row.seq], subjects[row.seq]))
            self._whole.add(leaf)
            if row.seq + 1 in signed and signed[row.seq + 1] != self._whole.root():
                raise tiles.broken(f"its first {row.seq + 1} entries are not those that were signed")
        self._next = end
        return checked

    def finish(self, conn: Connection) -> bytes:
        """Compare the entries' root with that of the tiles, and return it.

        Raises:
            IntegrityLost: the upper tiles do not follow from the entries, or there are fewer entries than when the pass began.
        """
        root = self._whole.root()
        if not self.is_done or root != tiles.guarded(lambda: tiles.tree(conn).root(self.size)):
            raise tiles.broken("its upper tiles do not follow from its entries")
        if conn.execute(select(ledger_checkpoint.c.size).where(ledger_checkpoint.c.size > tiles.size(conn))).first():
            raise tiles.broken("it has fewer entries than a checkpoint says: an older copy was restored")
        return root

    def _signed(self, conn: Connection, start: int, end: int) -> dict[int, bytes]:
        """Return the roots that checkpoints of `start` + 1 to `end` entries name, by their size."""
        newest = conn.execute(select(func.max(ledger_checkpoint.c.size))).scalar_one()
        query = select(ledger_checkpoint.c.size, ledger_checkpoint.c.note)
        found = conn.execute(query.where(ledger_checkpoint.c.size > start, ledger_checkpoint.c.size <= end)).all()
        roots = {}
        for row in found:
            try:
                # Roots tell for all of them. Older ones may bear the signature of an earlier key, which is no change of the ledger.
                verifier = self._verifier if row.size == newest else None
                note = notes.parse(row.note) if verifier is None else notes.verify(row.note, verifier)
            except InvalidInput as error:
                raise IntegrityLost(
                    f"the checkpoint of {row.size} entries is none: {error}", code="ledger.note"
                ) from error
            if note.origin != self._origin or note.size != row.size:
                raise IntegrityLost(f"the checkpoint of {row.size} entries is another ledger's", code="ledger.origin")
            roots[row.size] = note.root
        return roots


def entries(db: Database, origin: str, verifier: Verifier | None = None) -> Iterator[CheckedEntry]:
    """Yield every entry, checked; whoever reads to the end has seen the whole ledger and nothing else.

    Each slice is a read of its own, so that nothing waits for a long walk.

    Raises:
        IntegrityLost: as `WholeCheck`.
    """
    with db.read() as conn:
        walk = WholeCheck(conn, origin, verifier)
    while not walk.is_done:
        with db.read() as conn:
            found = walk.advance(conn)
        yield from found
    with db.read() as conn:
        walk.finish(conn)


def run(conn: Connection, origin: str, verifier: Verifier | None) -> tuple[int, bytes]:
    """Check everything at once; return size and root.

    Raises:
        IntegrityLost: as `WholeCheck`.
    """
    walk = WholeCheck(conn, origin, verifier)
    while not walk.is_done:
        walk.advance(conn)
    return walk.size, walk.finish(conn)


class CheckRecord:
    """What the last whole check came to, kept beside the keys: the database's owner can't write it.

    Args:
        folder: of the keys.
    """

    def __init__(self, folder: Path, clock: Clock) -> None:
        self.folder = folder
        self._clock = clock

    def last(self) -> Check | None:
        """Return the last check that ended, or None."""
        return outside.last_check(self.folder)

    def is_due(self) -> bool:
        """Return whether a pass should begin: a day after the last one, or when that lies in the future."""
        return self._age_exceeds(CHECK_EVERY)

    def is_overdue(self) -> bool:
        """Return whether the last check is too old to sign on."""
        return self._age_exceeds(CHECK_LASTS)

    def passed(self, size: int, root: bytes) -> None:
        """Keep that a pass found the ledger whole; what an earlier pass had found is over."""
        outside.keep_check(self.folder, Check(self._clock.now(), size, root.hex()))
        why = outside.contradicted(self.folder)
        if why is not None and why.startswith(outside.ENTRIES):
            outside.settle(self.folder)

    def failed(self, error: IntegrityLost) -> None:
        """Keep that a pass found the ledger changed: it counts as contradicted until a whole check is good."""
        outside.keep_check(self.folder, Check(self._clock.now(), 0, "", fault=f"{error.code}: {error}"))
        outside.contradict(self.folder, f"{outside.ENTRIES} {error.code}")

    def refuse_changed(self) -> None:
        """Refuse a ledger in which the last whole check found a change.

        Raises:
            IntegrityLost: it did.
        """
        found = self.last()
        if found is not None and found.fault is not None:
            raise IntegrityLost(
                f"the whole check of {found.checked_at:%Y-%m-%d %H:%M} UTC found the ledger changed ({found.fault}): put back a "
                "database that is whole, then run `vms check --whole` (docs/ledger.md)",
                code="ledger.changed",
            )

    def _age_exceeds(self, most: timedelta) -> bool:
        found = self.last()
        return found is None or not timedelta(0) <= self._clock.now() - found.checked_at < most


def guard(record: CheckRecord, origin: str) -> Callable[[Connection], None]:
    """Return what a ledger asks before it signs a checkpoint.

    It raises IntegrityLost when the last whole check found a change, Unavailable when that is too old and the ledger too long to be
    checked on the spot.
    """

    def refuse(conn: Connection) -> None:
        record.refuse_changed()
        if not record.is_overdue():
            return
        if tiles.size(conn) > CHECKED_AT_ONCE:
            raise Unavailable(
                "no checkpoint is signed: the ledger was not checked whole for two days; is `vms retention` running? "
                "`vms check --whole` checks it now",
                code="ledger.unchecked",
            )
        try:
            record.passed(*run(conn, origin, None))
        except IntegrityLost as error:
            record.failed(error)
            raise

    return refuse


def _rows(start: int, end: int) -> Any:
    own = ledger_entry.c
    query = select(own.seq, own.body, own.at, own.act, own.actor).where(own.seq >= start, own.seq < end)
    return query.order_by(own.seq)


def filed(conn: Connection, table: Table, word: Column[Any], start: int, end: int) -> dict[int, set[str]]:
    """Return under which words each entry of a run is filed, by number; empty for those that are filed under none."""
    found: dict[int, set[str]] = defaultdict(set)
    for row in conn.execute(select(table.c.seq, word.label("word")).where(table.c.seq >= start, table.c.seq < end)):
        found[row.seq].add(row.word)
    return found


def _checked(row: Row[Any], body: bytes, placements: set[str], subjects: set[str]) -> CheckedEntry:
    try:
        document = json.loads(body)
        copies = copies_of(document)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise tiles.broken(f"entry {row.seq} is no entry") from error
    stored = (canonical.instant(row.at), row.act, row.actor, placements, subjects)
    wanted = (copies.stamp, copies.act, copies.actor, copies.placement_ids, copies.subjects)
    for name, one, other in zip(("instant", "act", "actor", "placements", "subjects"), stored, wanted, strict=True):
        if one != other:
            raise IntegrityLost(
                f"entry {row.seq} can't be found by what it says: its search words ({name}) were changed",
                code="ledger.copies",
            )
    return CheckedEntry(row.seq, row.at, body, document)
