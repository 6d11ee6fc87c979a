"""The tile mathematics is that of RFC 6962, for every small tree, at every tile edge, and for random large ones."""

import base64
from functools import lru_cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ledger import naive
from vms.ledger import merkle
from vms.ledger.merkle import CompactRange, TileMissingError, Tree

# The leaves and roots of the reference tests of Certificate Transparency.
REFERENCE_LEAVES = [
    bytes.fromhex(text)
    for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
REFERENCE_ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


class Tiles:
    """Tiles in a dictionary, grown as the database's are."""

    def __init__(self) -> None:
        self.stored: dict[tuple[int, int], bytes] = {}
        self.size = 0
        self.reads = 0

    def read(self, level: int, number: int) -> bytes:
        """Return a tile."""
        self.reads += 1
        return self.stored.get((level, number), b"")

    def add(self, body: bytes) -> None:
        """Add a leaf."""
        for level, index, newest in merkle.additions(self.size, merkle.leaf_hash(body), self.read):
            key = (level, index // merkle.TILE_WIDTH)
            assert len(self.stored.get(key, b"")) == index % merkle.TILE_WIDTH * merkle.HASH_BYTES
            self.stored[key] = self.stored.get(key, b"") + newest
        self.size += 1

    def tree(self) -> Tree:
        """Return a fresh tree, so that nothing is cached."""
        return Tree(self.read)


def body(index: int) -> bytes:
    """Return a leaf that differs from all others."""
    return f"leaf {index}".encode()


@lru_cache
def grown(size: int) -> Tiles:
    """Return the tiles of so many leaves."""
    tiles = Tiles()
    for index in range(size):
        tiles.add(body(index))
    return tiles


def test_the_reference_roots_of_certificate_transparency_come_out() -> None:
    """Anyone's RFC 6962 verifier must agree with ours."""
    tiles = Tiles()
    assert tiles.tree().root(0) == merkle.EMPTY_ROOT
    for leaf, root in zip(REFERENCE_LEAVES, REFERENCE_ROOTS, strict=True):
        tiles.add(leaf)
        assert tiles.tree().root(tiles.size).hex() == root


def test_every_root_inclusion_and_consistency_proof_of_small_trees_is_that_of_the_standard() -> None:
    """All sizes up to 70, each leaf, each pair: off-by-one errors have nowhere to hide."""
    largest = 70
    tiles = grown(largest)
    bodies = [body(index) for index in range(largest)]
    for size in range(1, largest + 1):
        tree = tiles.tree()
        present = bodies[:size]
        root = naive.mth(present)
        assert tree.root(size) == root
        for index in range(size):
            path = tree.inclusion_proof(index, size)
            assert path == naive.path(index, present)
            assert merkle.root_from_inclusion(index, size, naive.leaf(present[index]), path) == root
        for old in range(1, size + 1):
            proof = tree.consistency_proof(old, size)
            assert proof == naive.proof(old, present)
            old_root = naive.mth(present[:old])
            assert merkle.roots_from_consistency(old, size, old_root, proof) == (old_root, root)


@pytest.mark.parametrize("size", [255, 256, 257, 511, 512, 513, 1024])
def test_roots_at_the_edges_of_tiles_are_those_of_the_standard(size: int) -> None:
    """A tile fills and a level begins exactly there."""
    assert grown(size).tree().root(size) == naive.mth([body(index) for index in range(size)])


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_proofs_over_three_levels_of_tiles_lead_to_the_roots(data: st.DataObject) -> None:
    """70,000 leaves need a third level; the naive way is too slow there, the checking algorithms of RFC 9162 are not."""
    tiles = grown(70_000)
    new = data.draw(st.integers(1, tiles.size), label="new size")
    old = data.draw(st.integers(1, new), label="old size")
    index = data.draw(st.integers(0, new - 1), label="leaf")
    tree = tiles.tree()
    root, old_root = tree.root(new), tree.root(old)
    path = tree.inclusion_proof(index, new)
    assert merkle.root_from_inclusion(index, new, merkle.leaf_hash(body(index)), path) == root
    assert merkle.roots_from_consistency(old, new, old_root, tree.consistency_proof(old, new)) == (old_root, root)


def test_a_cold_proof_in_a_large_tree_reads_a_handful_of_tiles() -> None:
    """The log must answer in milliseconds after years, without reading it all."""
    tiles = grown(70_000)
    tiles.reads = 0
    tiles.tree().inclusion_proof(12_345, 70_000)
    assert tiles.reads <= 6


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 400))
def test_the_compact_range_has_the_same_root(size: int) -> None:
    """The full check hashes all entries in one pass; it must come to the tiles' root."""
    whole = CompactRange()
    for index in range(size):
        whole.add(merkle.leaf_hash(body(index)))
    assert whole.root() == grown(400).tree().root(size)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_changed_proof_leads_elsewhere(data: st.DataObject) -> None:
    """A proof that still fits after a change would prove nothing."""
    tiles = grown(400)
    size = data.draw(st.integers(2, 400), label="size")
    index = data.draw(st.integers(0, size - 1), label="leaf")
    path = tiles.tree().inclusion_proof(index, size)
    place = data.draw(st.integers(0, len(path) - 1), label="place")
    bad = [*path]
    bad[place] = bytes(32)
    leaf = merkle.leaf_hash(body(index))
    assert merkle.root_from_inclusion(index, size, leaf, bad) != tiles.tree().root(size)
    for wrong in (path[:-1], [*path, bytes(32)]):
        with pytest.raises(ValueError, match="too"):
            merkle.root_from_inclusion(index, size, leaf, wrong)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_no_proof_joins_two_different_histories(data: st.DataObject) -> None:
    """A rewritten past must be found out by anyone who kept an old root."""
    tiles = grown(400)
    new = data.draw(st.integers(2, 400), label="new size")
    old = data.draw(st.integers(1, new - 1), label="old size")
    proof = tiles.tree().consistency_proof(old, new)
    forged = merkle.leaf_hash(b"another history")
    first, _ = merkle.roots_from_consistency(old, new, forged, proof)
    second_ok = merkle.roots_from_consistency(old, new, tiles.tree().root(old), proof)[1] == tiles.tree().root(new)
    assert second_ok
    if old & (old - 1):
        assert first == tiles.tree().root(old) != forged
    else:
        # For a power of two the old root is where the proof begins: the forged one leads to another new root.
        assert merkle.roots_from_consistency(old, new, forged, proof)[1] != tiles.tree().root(new)


def test_a_missing_tile_is_an_error_and_no_wrong_root() -> None:
    """A tree that guesses hides the loss of its data."""
    tiles = grown(300)
    short = Tiles()
    short.stored = {**tiles.stored, (0, 1): tiles.stored[0, 1][:-32]}
    with pytest.raises(TileMissingError):
        short.tree().root(300)


@pytest.mark.parametrize(("old", "new"), [(0, 5), (6, 5), (5, 0)])
def test_impossible_proofs_are_refused(old: int, new: int) -> None:
    """There is no proof from nothing, nor backwards."""
    with pytest.raises(ValueError, match="no proof"):
        grown(300).tree().consistency_proof(old, new)
    with pytest.raises(ValueError, match="not in a tree"):
        grown(300).tree().inclusion_proof(new, new)


def test_the_golden_tree_has_its_golden_root() -> None:
    """Roots that were printed and signed must come out the same in ten years."""
    root = grown(300).tree().root(300)
    assert base64.b64encode(root).decode() == "56/ILTiUT8eTBUUygJHUWCMojB9zTL2sBjlnE+vUtdU="
