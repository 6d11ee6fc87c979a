"""The Merkle tree of RFC 6962, a second time: whole rows of hashes at once, and runs of 65,536 leaves that can be hashed apart.

A tree over n leaves is the tree over its runs' roots, because every split above a run falls between two runs.
"""

import hashlib
from collections.abc import Sequence

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()
# Copies of a hash that has taken its first byte cost less than new ones: OpenSSL looks SHA-256 up for each.
_LEAF = hashlib.sha256(b"\x00")
_NODE = hashlib.sha256(b"\x01")


def leaf_hash(body: bytes) -> bytes:
    """Return the hash of a leaf."""
    found = _LEAF.copy()
    found.update(body)
    return found.digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of a node."""
    found = _NODE.copy()
    found.update(left + right)
    return found.digest()


class Rows:
    """All complete subtrees over a run of leaves: `rows[k][i]` is the root over leaves `i * 2**k` to `(i + 1) * 2**k`."""

    def __init__(self, leaves: list[bytes]) -> None:
        self.rows = [leaves]
        while len(self.rows[-1]) > 1:
            row = self.rows[-1]
            self.rows.append(list(map(node_hash, row[::2], row[1::2])))

    def root(self, size: int) -> bytes:
        """Return the root over the first `size` leaves."""
        if size == 0:
            return EMPTY_ROOT
        peaks, done = [], 0
        for height in range(size.bit_length() - 1, -1, -1):
            if size >> height & 1:
                peaks.append(self.rows[height][done >> height])
                done += 1 << height
        found = peaks.pop()
        while peaks:
            found = node_hash(peaks.pop(), found)
        return found

    def path(self, index: int, size: int) -> list[bytes]:
        """Return the audit path of leaf `index` among the first `size` leaves, from the leaf upwards."""
        return self._path_between(0, size, index)

    def _path_between(self, start: int, end: int, index: int) -> list[bytes]:
        if end - start <= 1:
            return []
        split = start + _left(end - start)
        if index < split:
            return [*self._path_between(start, split, index), self._root_between(split, end)]
        return [*self._path_between(split, end, index), self._root_between(start, split)]

    def _root_between(self, start: int, end: int) -> bytes:
        """Return the root over leaves `start` to `end`; `start` is a multiple of a power of two that is not less than their number."""
        height = (end - start).bit_length() - 1
        if end - start == 1 << height:
            return self.rows[height][start >> height]
        split = start + _left(end - start)
        return node_hash(self._root_between(start, split), self._root_between(split, end))


def root_of(leaves: Sequence[bytes]) -> bytes:
    """Return the root over leaves that are given as bytes."""
    return Rows([leaf_hash(leaf) for leaf in leaves]).root(len(leaves))


def root_by_path(index: int, size: int, found: bytes, path: Sequence[bytes]) -> bytes | None:
    """Return the root that a leaf's hash and its audit path lead to, None when the path can't be that of this place.

    Source: RFC 9162 section 2.1.3.2.
    """
    if not 0 <= index < size:
        return None
    place, last = index, size - 1
    for other in path:
        if last == 0:
            return None
        if place & 1 or place == last:
            found = node_hash(other, found)
            while place & 1 == 0 and place:
                place, last = place >> 1, last >> 1
        else:
            found = node_hash(found, other)
        place, last = place >> 1, last >> 1
    return found if last == 0 else None


def _left(count: int) -> int:
    """Return the largest power of two that is less than `count`."""
    return 1 << (count - 1).bit_length() - 1
