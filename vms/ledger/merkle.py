"""The mathematics of the Merkle log of RFC 6962, on tiles. No I/O: tiles come through a function.

Leaf i has the hash SHA-256(0x00 || body), a node SHA-256(0x01 || left || right). A tile holds up to 256 neighbouring hashes
of one level; level L holds the roots of whole runs of 256**L leaves. So a tree of n leaves is read through about
log256(n) tiles for each hash on a path.

Source: RFC 6962 section 2.1 (tree, proofs), RFC 9162 section 2.1 (checking proofs), C2SP tlog-tiles (tiles).
"""

import hashlib
from collections.abc import Callable, Sequence

HASH_BYTES = 32
TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT

EMPTY_ROOT = hashlib.sha256(b"").digest()

ReadTile = Callable[[int, int], bytes]
"""Returns the concatenated hashes of tile (level, number): at least as many as the tree's size asks for."""


class TileMissingError(LookupError):
    """A tile has fewer hashes than the tree's size says."""


def leaf_hash(body: bytes) -> bytes:
    """Return the hash of a leaf."""
    return hashlib.sha256(b"\x00" + body).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of a node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def perfect_root(hashes: bytes) -> bytes:
    """Return the root over a power of two of concatenated hashes."""
    row = [hashes[start : start + HASH_BYTES] for start in range(0, len(hashes), HASH_BYTES)]
    while len(row) > 1:
        row = [node_hash(left, right) for left, right in zip(row[::2], row[1::2], strict=True)]
    return row[0]


def additions(index: int, leaf: bytes, read_tile: ReadTile) -> list[tuple[int, int, bytes]]:
    """Return what adding leaf `index` appends, as (level, index within the level, hash).

    Args:
        index: of the new leaf; the tree has as many leaves before it.
        leaf: the leaf's hash.
        read_tile: called only for a tile that this leaf fills; must return the tile without the new hash.
    """
    added = [(0, index, leaf)]
    while (index + 1) % TILE_WIDTH == 0:
        level, index, newest = added[-1]
        number, place = divmod(index, TILE_WIDTH)
        before = read_tile(level, number)
        if len(before) < place * HASH_BYTES:
            raise TileMissingError(f"tile {level}/{number} is short")
        index = number
        added.append((level + 1, index, perfect_root(before[: place * HASH_BYTES] + newest)))
    return added


class CompactRange:
    """A tree that grows leaf by leaf and remembers only what its root needs: one hash per bit of its size."""

    def __init__(self) -> None:
        self._size = 0
        self._parts: list[bytes] = []

    def add(self, leaf: bytes) -> None:
        """Add the hash of the next leaf."""
        self._parts.append(leaf)
        self._size += 1
        size = self._size
        while not size & 1:
            right = self._parts.pop()
            self._parts[-1] = node_hash(self._parts[-1], right)
            size >>= 1

    def root(self) -> bytes:
        """Return the root over the leaves so far."""
        if not self._parts:
            return EMPTY_ROOT
        newest = self._parts[-1]
        for part in reversed(self._parts[:-1]):
            newest = node_hash(part, newest)
        return newest


class Tree:
    """Roots and proofs of the log, for any size up to the present one.

    Args:
        read_tile: see `ReadTile`; called once per tile.
    """

    def __init__(self, read_tile: ReadTile) -> None:
        self._read_tile = read_tile
        self._tiles: dict[tuple[int, int], bytes] = {}

    def root(self, size: int) -> bytes:
        """Return the root over the first `size` leaves. Source: RFC 6962 2.1."""
        return EMPTY_ROOT if size == 0 else self._range(0, size)

    def inclusion_proof(self, index: int, size: int) -> list[bytes]:
        """Return the audit path of leaf `index` in the tree of `size` leaves. Source: RFC 6962 2.1.1."""
        if not 0 <= index < size:
            raise ValueError(f"leaf {index} is not in a tree of {size}")
        path: list[bytes] = []
        start, end = 0, size
        while end - start > 1:
            middle = start + _split(end - start)
            if index < middle:
                path.append(self._range(middle, end))
                end = middle
            else:
                path.append(self._range(start, middle))
                start = middle
        path.reverse()
        return path

    def consistency_proof(self, old: int, new: int) -> list[bytes]:
        """Return the proof that the tree of `old` leaves is a prefix of that of `new`. Source: RFC 6962 2.1.2."""
        if not 0 < old <= new:
            raise ValueError(f"no proof from {old} to {new} leaves")
        proof: list[bytes] = []
        start, end, whole = 0, new, True
        while old != end:
            middle = start + _split(end - start)
            if old <= middle:
                proof.append(self._range(middle, end))
                end = middle
            else:
                proof.append(self._range(start, middle))
                start, whole = middle, False
        if not whole:
            proof.append(self._range(start, end))
        proof.reverse()
        return proof

    def leaf(self, index: int) -> bytes:
        """Return the hash of leaf `index` as the tiles have it."""
        return self._perfect(index, 0)

    def _range(self, start: int, end: int) -> bytes:
        # start is a multiple of the largest power of two within; so the perfect parts lie one after another, shrinking.
        parts = []
        while start < end:
            height = (end - start).bit_length() - 1
            parts.append(self._perfect(start >> height, height))
            start += 1 << height
        newest = parts.pop()
        while parts:
            newest = node_hash(parts.pop(), newest)
        return newest

    def _perfect(self, index: int, height: int) -> bytes:
        level, rest = divmod(height, TILE_HEIGHT)
        number, place = divmod(index << rest, TILE_WIDTH)
        hashes = self._tile(level, number)[place * HASH_BYTES : (place + (1 << rest)) * HASH_BYTES]
        if len(hashes) != HASH_BYTES << rest:
            raise TileMissingError(f"tile {level}/{number} is short")
        return perfect_root(hashes)

    def _tile(self, level: int, number: int) -> bytes:
        if (level, number) not in self._tiles:
            self._tiles[level, number] = self._read_tile(level, number)
        return self._tiles[level, number]


def root_from_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes]) -> bytes:
    """Return the root that an inclusion proof leads to; the caller compares. Source: RFC 9162 2.1.3.2.

    Raises:
        ValueError: the proof has the wrong length.
    """
    if not 0 <= index < size:
        raise ValueError(f"leaf {index} is not in a tree of {size}")
    node, last, root = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise ValueError("the inclusion proof is too long")
        if node & 1 or node == last:
            root = node_hash(sibling, root)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            root = node_hash(root, sibling)
        node, last = node >> 1, last >> 1
    if last != 0:
        raise ValueError("the inclusion proof is too short")
    return root


def roots_from_consistency(old: int, new: int, old_root: bytes, proof: Sequence[bytes]) -> tuple[bytes, bytes]:
    """Return the old and new root that a consistency proof leads to; the caller compares both. Source: RFC 9162 2.1.4.2.

    Raises:
        ValueError: the proof has the wrong length.
    """
    if not 0 < old <= new:
        raise ValueError(f"no proof from {old} to {new} leaves")
    if old == new:
        if proof:
            raise ValueError("the consistency proof is too long")
        return old_root, old_root
    path = list(proof) if old & (old - 1) else [old_root, *proof]
    if not path:
        raise ValueError("the consistency proof is too short")
    node, last = old - 1, new - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    first = second = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise ValueError("the consistency proof is too long")
        if node & 1 or node == last:
            first, second = node_hash(sibling, first), node_hash(sibling, second)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            second = node_hash(second, sibling)
        node, last = node >> 1, last >> 1
    if last != 0:
        raise ValueError("the consistency proof is too short")
    return first, second


def _split(count: int) -> int:
    """Return the largest power of two below `count` (at least 2)."""
    return 1 << ((count - 1).bit_length() - 1)
