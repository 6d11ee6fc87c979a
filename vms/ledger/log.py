"""The ledger on the database: append, roots, proofs, checkpoints, and the check at start-up.

An entry is appended within the caller's write transaction: it is there exactly when the act is. Writers take turns
(on PostgreSQL by an advisory lock until commit, on SQLite by the write transaction itself), so numbers have no gaps.
Append last in a transaction: everyone who writes waits for it.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import Connection, insert, select, text

from vms.clock import Clock
from vms.db.tables import ledger_checkpoint, ledger_entry, ledger_placement, ledger_subject, ledger_text
from vms.errors import IntegrityLost, InvalidInput, NotFound
from vms.ledger import notes, tiles, whole_check
from vms.ledger.basis import with_basis
from vms.ledger.entries import Entry, leaf_of
from vms.ledger.merkle import HASH_BYTES, TILE_WIDTH
from vms.ledger.notes import Checkpoint, Signer, Verifier

_LOCK_KEY = 0x564D_534C_4544_4745
"""The advisory lock of all writers of the ledger: the bytes `VMSLEDGE`."""

_TAIL = 1_000
"""How many of the newest entries the check at start-up hashes again."""

_ADD_ENTRY, _ADD_TEXT = insert(ledger_entry), insert(ledger_text)
_ADD_PLACEMENT, _ADD_SUBJECT = insert(ledger_placement), insert(ledger_subject)
_LOCK = text("SELECT pg_advisory_xact_lock(:key)")
_NEWEST = select(ledger_checkpoint).order_by(ledger_checkpoint.c.size.desc()).limit(1)


class Ledger:
    """The log of one installation.

    Args:
        origin: its name in checkpoints, e.g. `vms.utrecht.nl/audit-2026`.
        clock: stamps the entries.
        refuse_signing: asked before a checkpoint is signed; raises when the whole ledger was not checked lately (`whole_check.guard`).
    """

    def __init__(
        self, origin: str, clock: Clock, *, refuse_signing: Callable[[Connection], None] = lambda _conn: None
    ) -> None:
        self.origin = origin
        self._clock = clock
        self._refuse_signing = refuse_signing

    def append(self, conn: Connection, entry: Entry) -> int:
        """Write an entry down within the caller's transaction.

        Returns:
            Its number, from 0, without gaps.

        Raises:
            InvalidInput: a value can't stand in the ledger; nothing was written.
            IntegrityLost: the tiles do not fit the entries: the database was tampered with or badly restored.
        """
        _lock(conn)
        seq = tiles.size(conn)
        at = self._clock.now()
        leaf = leaf_of(with_basis(conn, entry, at), at)
        conn.execute(
            _ADD_ENTRY, {"seq": seq, "body": leaf.body, "at": at, "act": entry.act.value, "actor": entry.actor.id}
        )
        for placement_id in sorted(entry.placement_ids()):
            conn.execute(_ADD_PLACEMENT, {"placement_id": placement_id, "seq": seq})
        for subject in sorted(entry.subjects()):
            conn.execute(_ADD_SUBJECT, {"subject": subject, "seq": seq})
        for kept in leaf.commitments:
            conn.execute(_ADD_TEXT, {"commitment": kept.digest, "salt": kept.salt, "text": kept.text})
        tiles.grow(conn, seq, leaf.body)
        return seq

    def size(self, conn: Connection) -> int:
        """Return the number of entries."""
        return tiles.size(conn)

    def root(self, conn: Connection, upto: int | None = None) -> bytes:
        """Return the root over the first `upto` entries, or over all.

        Raises:
            NotFound: there are fewer entries.
            IntegrityLost: tiles are missing or short.
        """
        return tiles.guarded(lambda: tiles.tree(conn).root(_checked_size(conn, upto)))

    def inclusion_proof(self, conn: Connection, seq: int, upto: int | None = None) -> list[bytes]:
        """Return the proof that entry `seq` is in the ledger of the first `upto` entries, or of all.

        Raises:
            NotFound: there are fewer entries.
            IntegrityLost: tiles are missing or short.
        """
        whole = _checked_size(conn, upto)
        if not 0 <= seq < whole:
            raise NotFound(f"there is no entry {seq} among the first {whole}", code="ledger.unknown")
        return tiles.guarded(lambda: tiles.tree(conn).inclusion_proof(seq, whole))

    def consistency_proof(self, conn: Connection, old: int, new: int | None = None) -> list[bytes]:
        """Return the proof that the ledger of `old` entries is a prefix of that of `new`, or of the present one.

        Raises:
            NotFound: there are fewer entries.
            InvalidInput: `old` is 0 or more than `new`.
            IntegrityLost: tiles are missing or short.
        """
        whole = _checked_size(conn, new)
        if not 0 < old <= whole:
            raise InvalidInput(f"no proof leads from {old} to {whole} entries", code="ledger.sizes")
        return tiles.guarded(lambda: tiles.tree(conn).consistency_proof(old, whole))

    def checkpoint(self, conn: Connection, signer: Signer) -> str:
        """Sign the present size and root, and keep the note; the same size gives the same note again.

        Call it in a write transaction, so that the tree stands still.

        Raises:
            IntegrityLost: the ledger is not a continuation of its newest checkpoint, or the last whole check found it changed.
            Unavailable: the last whole check is too old. Nothing was signed.
        """
        _lock(conn)
        newest = newest_note(conn)
        present = tiles.size(conn)
        if newest is not None:
            before = self._continues(conn, newest, signer.verifier)
            if before.size == present:
                return newest
        self._refuse_signing(conn)
        note = Checkpoint(self.origin, present, self.root(conn, present)).signed(signer)
        conn.execute(insert(ledger_checkpoint).values(size=present, note=note, at=self._clock.now()))
        return note

    def checkpoint_if_due(self, conn: Connection, signer: Signer, *, entries: int, age: timedelta) -> str | None:
        """Sign a checkpoint when there are new entries, and enough of them or for long enough.

        Returns:
            The note, or None when none was due.

        Raises:
            IntegrityLost: as `checkpoint`.
        """
        row = conn.execute(_NEWEST).first()
        waiting = tiles.size(conn) - (row.size if row else 0)
        overdue = row is None or self._clock.now() - row.at >= age
        if waiting == 0 or (waiting < entries and not overdue):
            return None
        return self.checkpoint(conn, signer)

    def verify_tail(self, conn: Connection, verifier: Verifier | None = None, known_note: str | None = None) -> int:
        """Check at start-up that the ledger is whole where it grows, and continues what was signed.

        Args:
            verifier: also check the newest checkpoint's signature.
            known_note: a checkpoint kept outside the database: a restored older database is found out by it.

        Returns:
            The present size.

        Raises:
            IntegrityLost: newest entries don't fit the tiles, or the tiles don't fit a checkpoint. Stop writing.
        """
        present = tiles.size(conn)
        for note in (newest_note(conn), known_note):
            if note is not None:
                self._continues(conn, note, verifier)
        tiles.compare(conn, max(0, present - _TAIL), present)
        # The leaf after the newest entry must not exist either.
        if len(tiles.read(conn, 0, present // TILE_WIDTH)) != present % TILE_WIDTH * HASH_BYTES:
            raise tiles.broken(f"the tiles do not end at {present} entries")
        return present

    def verify_all(self, conn: Connection, verifier: Verifier | None = None) -> tuple[int, bytes]:
        """Check every entry, its search copies and every checkpoint; return size and root as the entries have them.

        Raises:
            IntegrityLost: an entry is missing or differs from the tiles or from its copies, or a checkpoint does not fit.
        """
        return whole_check.run(conn, self.origin, verifier)

    def continues(self, conn: Connection, note: str, verifier: Verifier) -> None:
        """Check that the ledger still has what a checkpoint of ours says; quick, whatever its size.

        Raises:
            IntegrityLost: it has fewer entries, or others; or the note is not signed by this key.
        """
        self._continues(conn, note, verifier)

    def _continues(self, conn: Connection, note: str, verifier: Verifier | None) -> Checkpoint:
        signed = notes.parse(note) if verifier is None else notes.verify(note, verifier)
        if signed.origin != self.origin:
            raise IntegrityLost(f"the checkpoint is of {signed.origin}, not of {self.origin}", code="ledger.origin")
        if signed.size > tiles.size(conn):
            raise tiles.broken(
                f"it has {tiles.size(conn)} entries and a checkpoint says {signed.size}: an older copy was restored"
            )
        if self.root(conn, signed.size) != signed.root:
            raise tiles.broken(f"its first {signed.size} entries are not those that were signed")
        return signed


def newest_note(conn: Connection) -> str | None:
    """Return the newest checkpoint, or None."""
    row = conn.execute(_NEWEST).first()
    return None if row is None else str(row.note)


def newest_checkpoint(conn: Connection) -> tuple[int, datetime] | None:
    """Return the newest checkpoint's size and when it was signed, or None."""
    row = conn.execute(_NEWEST).first()
    return None if row is None else (row.size, row.at)


def _lock(conn: Connection) -> None:
    if conn.dialect.name == "postgresql":
        conn.execute(_LOCK, {"key": _LOCK_KEY})


def _checked_size(conn: Connection, upto: int | None) -> int:
    present = tiles.size(conn)
    if upto is None:
        return present
    if not 0 <= upto <= present:
        raise NotFound(f"the ledger has {present} entries, not {upto}", code="ledger.unknown")
    return upto
