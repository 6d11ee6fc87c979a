"""Entries and tiles in SQL: reading them, growing them, comparing one with the other."""

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection, and_, bindparam, func, insert, select, update

from vms.db.tables import ledger_entry, ledger_tile
from vms.errors import IntegrityLost
from vms.ledger import merkle
from vms.ledger.merkle import HASH_BYTES, TILE_WIDTH, CompactRange, TileMissingError, Tree

_Answer = TypeVar("_Answer")

# Built once: every act of the system appends, and building statements would cost more than running them.
_SIZE = select(func.max(ledger_entry.c.seq))
_AT = and_(ledger_tile.c.level == bindparam("at_level"), ledger_tile.c.number == bindparam("at_number"))
_READ = select(ledger_tile.c.hashes).where(_AT)
_BEGIN = insert(ledger_tile)
_EXTEND = update(ledger_tile).where(_AT).values(hashes=bindparam("longer"))


def size(conn: Connection) -> int:
    """Return the number of entries."""
    newest = conn.execute(_SIZE).scalar_one()
    return 0 if newest is None else int(newest) + 1


def tree(conn: Connection) -> Tree:
    """Return the tree over the stored tiles."""
    return Tree(lambda level, number: read(conn, level, number))


def read(conn: Connection, level: int, number: int) -> bytes:
    """Return a tile's hashes; none when it does not exist."""
    return bytes(conn.execute(_READ, {"at_level": level, "at_number": number}).scalar_one_or_none() or b"")


def grow(conn: Connection, seq: int, body: bytes) -> None:
    """Add the hash of entry `seq`, and those of the runs that it completes.

    Raises:
        IntegrityLost: the tiles do not end where the entries do.
    """
    tiles: dict[tuple[int, int], bytes] = {}

    def read_once(level: int, number: int) -> bytes:
        return tiles.setdefault((level, number), read(conn, level, number))

    for level, index, newest in guarded(lambda: merkle.additions(seq, merkle.leaf_hash(body), read_once)):
        number, place = divmod(index, TILE_WIDTH)
        before = read_once(level, number) if place else b""
        if len(before) != place * HASH_BYTES:
            raise broken(f"tile {level}/{number} does not have {place} hashes")
        if place:
            conn.execute(_EXTEND, {"at_level": level, "at_number": number, "longer": before + newest})
        else:
            conn.execute(_BEGIN, {"level": level, "number": number, "hashes": newest})


def compare(conn: Connection, start: int, end: int) -> bytes:
    """Hash the entries `start` to `end` again and compare with the tiles.

    Returns:
        The root over these entries: that of the ledger, when they are all.

    Raises:
        IntegrityLost: an entry is missing, or is not the one that the tiles hold.
    """
    query = (
        select(ledger_entry.c.seq, ledger_entry.c.body)
        .where(ledger_entry.c.seq >= start, ledger_entry.c.seq < end)
        .order_by(ledger_entry.c.seq)
        .execution_options(yield_per=1000)
    )
    whole = CompactRange()
    expected, number, hashes = start, -1, b""
    for row in conn.execute(query):
        if expected // TILE_WIDTH != number:
            number = expected // TILE_WIDTH
            hashes = read(conn, 0, number)
        place = expected % TILE_WIDTH * HASH_BYTES
        leaf = merkle.leaf_hash(row.body)
        if row.seq != expected or hashes[place : place + HASH_BYTES] != leaf:
            raise broken(f"entry {expected} is not the one that the tree holds")
        whole.add(leaf)
        expected += 1
    if expected != end:
        raise broken(f"entry {expected} is missing")
    return whole.root()


def broken(evidence: str) -> IntegrityLost:
    """Return the error of a ledger that does not hold together."""
    return IntegrityLost(f"the ledger is not whole: {evidence}", code="ledger.broken")


def guarded(ask: Callable[[], _Answer]) -> _Answer:
    """Return the answer of the tree.

    Raises:
        IntegrityLost: a tile is missing or short.
    """
    try:
        return ask()
    except TileMissingError as error:
        raise broken(str(error)) from error
