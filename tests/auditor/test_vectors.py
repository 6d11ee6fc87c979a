"""The formats, frozen in vectors.json: product and auditor's tool must both have them so, as long as logs are kept."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from auditor import entries, notes, tree
from auditor.ranges import Ranges
from tests.ledger.naive import mth
from vms.ledger import merkle
from vms.ledger.acts import Act
from vms.ledger.entries import Actor, Entry, Origin, Purpose, Result, leaf_of
from vms.ledger.notes import Verifier, parse, verify
from vms.ledger.segments import list_path, list_root

VECTORS: dict[str, Any] = json.loads(Path(__file__).with_name("vectors.json").read_text(encoding="utf-8"))
BODIES = [one["body"].encode() for one in VECTORS["entries"]]
AT = datetime(2026, 11, 23, 18, 0, 0, 123456, tzinfo=UTC)
ENTRIES = (
    Entry(
        Act.BATCH_RECORDED,
        Actor.service("retention"),
        Origin("vms-retention"),
        {"placement_id": "utr-042", "from_number": 1, "to_number": 3, "lost": [[2, 2]], "count": 3},
    ),
    Entry(
        Act.PLAYBACK_OPEN,
        Actor.person("u-0042", role="investigator", session_id="s-9f"),
        Origin("vms-api/0.1.0", "WS-07", "10.1.2.3"),
        {"placement_id": "utr-042", "view": "v-1"},
        purpose=Purpose("case", "PL0900-2026-123456"),
    ),
    Entry(
        Act.HOLD_LATE,
        Actor.service("retention"),
        Origin("vms-retention"),
        {"hold_id": "h-1", "note": 'café "ok"\n'},
        Result.FAILED,
        "too-late",
    ),
)


def test_the_product_writes_entries_as_they_are_frozen() -> None:
    """A changed byte is a new version of the layout, or no log can be checked any more."""
    assert [leaf_of(entry, AT).body for entry in ENTRIES] == BODIES


def test_both_hash_entries_and_segments_as_they_are_frozen() -> None:
    """Two implementations that were never compared are one that was never checked."""
    leaves = [leaf.encode() for leaf in VECTORS["segments"]["leaves"]]
    for body, one in zip(BODIES, VECTORS["entries"], strict=True):
        assert tree.leaf_hash(body).hex() == merkle.leaf_hash(body).hex() == one["leaf_hash"]
        assert entries.is_canonical(body)
    assert tree.root_of(BODIES).hex() == list_root(BODIES).hex() == VECTORS["root"]
    assert tree.root_of(leaves).hex() == list_root(leaves).hex() == VECTORS["segments"]["root"]
    path = tree.Rows([tree.leaf_hash(leaf) for leaf in leaves]).path(1, len(leaves))
    assert (
        [one.hex() for one in path] == [one.hex() for one in list_path(leaves, 1)] == VECTORS["segments"]["path_of_1"]
    )


def test_both_accept_the_frozen_note_and_no_other() -> None:
    """The signature that stands on paper somewhere."""
    key, note = notes.parse_key(VECTORS["vkey"]), notes.parse(VECTORS["note"])
    assert note is not None
    assert note.is_signed_by(key)
    assert note.root.hex() == VECTORS["root"]
    assert verify(VECTORS["note"], Verifier.parse(VECTORS["vkey"])) == parse(VECTORS["note"])
    other = notes.parse(VECTORS["note"].replace("\n3\n", "\n4\n"))
    assert other is not None
    assert not other.is_signed_by(key)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 13, 31, 64, 70])
def test_roots_and_paths_are_those_of_the_standard(size: int) -> None:
    """Against the word-for-word implementation of RFC 6962 that the product is tested against too."""
    leaves = [b"%d" % number for number in range(size)]
    rows = tree.Rows([tree.leaf_hash(leaf) for leaf in leaves])
    for part in range(1, size + 1):
        root = mth(leaves[:part])
        assert rows.root(part) == root
        for index in range(part):
            path = rows.path(index, part)
            assert tree.root_by_path(index, part, tree.leaf_hash(leaves[index]), path) == root
            assert tree.root_by_path(index, part, tree.leaf_hash(b"other"), path) != root
            assert tree.root_by_path(index, part, tree.leaf_hash(leaves[index]), [*path, root]) != root


def test_ranges_are_sets() -> None:
    """Completeness is arithmetic on these; a slip would hide footage."""
    found = Ranges([(1, 3), (7, 9), (4, 4)])
    assert list(found) == [(1, 4), (7, 9)]
    found.remove(2, 7)
    assert list(found) == [(1, 1), (8, 9)]
    assert list(found.within(1, 8)) == [(1, 1), (8, 8)]
    assert list(found.without(Ranges([(9, 20)]))) == [(1, 1), (8, 8)]
    assert list(found.shared(Ranges([(0, 8)]))) == [(1, 1), (8, 8)]
    assert (found.count(), 9 in found, 2 in found) == (3, True, False)
