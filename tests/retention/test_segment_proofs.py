"""A segment's blanking record is in the ledger: provable per segment, and impossible to change unnoticed."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from retention.batches import write_batches
from retention.parts import RetentionParts
from tests.footage.scene import Scene, packets
from vms.clock import ManualClock
from vms.db import inventory
from vms.db.engine import Database
from vms.db.segments import Segment
from vms.db.tables import segment
from vms.errors import IntegrityLost
from vms.ledger.acts import Act
from vms.ledger.search import Filter, search
from vms.ledger.segments import check, prove, record_sha256, segment_leaf


@pytest.fixture
def scene(sqlite_database: Database, clock: ManualClock, tmp_path: Any) -> Scene:
    """A camera that has recorded over the turn of an hour, with a grey stretch, and its leaves in the ledger."""
    made = Scene.make(sqlite_database, clock, tmp_path / "s")
    start_at = clock.now().replace(minute=57, second=0, microsecond=0) + timedelta(hours=1)
    clock.advance(start_at - clock.now())
    recorder = made.recorder()
    for number, packet in enumerate(packets(start_at, 330, fps=2, gop=2)):
        reason = "pose-late" if 100 <= number < 140 else None
        recorder.note_frame(packet.captured_at, grey_reason=reason, margin_px=7.25, pose_source="interpolated")
        recorder.append(packet)
    recorder.close()
    clock.advance(timedelta(hours=3))
    write_batches(RetentionParts(made.db, made.keys, made.store, made.ledger, clock))
    return made


def rows(scene: Scene) -> list[Segment]:
    """Return all segments."""
    with scene.db.read() as conn:
        return list(inventory.list_numbered(conn, scene.placement_id, 0, 100))


def change(scene: Scene, number: int, **values: Any) -> None:
    """Change a row behind everyone's back."""
    with scene.db.write() as conn:
        conn.execute(update(segment).where(segment.c.number == number).values(**values))


def test_every_segment_is_proven_with_its_record(scene: Scene) -> None:
    """From leaf to entry, each in the entry of its own hour."""
    found = rows(scene)
    assert len(found) == 6
    seqs = set()
    with scene.db.read() as conn:
        for row in found:
            proof = prove(conn, row)
            assert proof is not None
            check(row, proof)
            assert proof.leaf.endswith(record_sha256(row.blanking).encode())
            seqs.add(proof.entry.seq)
    assert len(seqs) == 2


def test_the_entry_says_in_sum_how_the_hour_was_blanked(scene: Scene) -> None:
    """An auditor sees plans, margins and grey without opening a record."""
    with scene.db.read() as conn:
        entries = search(conn, Filter(acts=(Act.BATCH_RECORDED,)))
    sums = [entry.object["blanking"] for entry in reversed(entries)]
    assert [one["records"] for one in sums] == [3, 3]
    assert [one["frames"] for one in sums] == [360, 300]
    assert sums[0]["grey_reasons"] == [["pose-late", 40]]
    assert sums[0]["grey_frames"] == 40
    assert sums[1]["largest_margin_millipx"] == 7250
    assert sums[1]["pose_sources"] == [["interpolated", 300]]
    assert sums[0]["plans"] == [1]


@pytest.mark.parametrize("field", ["largest_margin_millipx", "grey_frames", "plan_version", "grey"])
def test_a_changed_record_is_found_out(scene: Scene, field: str) -> None:
    """Whoever makes a margin smaller or a grey span disappear afterwards is caught by the root."""
    row = rows(scene)[0]
    with scene.db.read() as conn:
        proof = prove(conn, row)
    assert proof is not None
    record = json.loads(json.dumps(row.blanking))
    record[field] = [] if field == "grey" else 1_000_000
    change(scene, row.number, blanking=record)
    changed = rows(scene)[0]
    with scene.db.read() as conn, pytest.raises(IntegrityLost, match="not those that ledger entry"):
        prove(conn, changed)
    with pytest.raises(IntegrityLost):
        check(changed, proof)


def test_a_changed_neighbour_is_found_out_too(scene: Scene) -> None:
    """The root is over all of the hour."""
    change(scene, 2, sha256="0" * 64)
    with scene.db.read() as conn, pytest.raises(IntegrityLost):
        prove(conn, rows(scene)[0])


def test_a_proof_of_another_segment_proves_nothing(scene: Scene) -> None:
    """Nor does one of another place in the same hour."""
    first, second = rows(scene)[:2]
    with scene.db.read() as conn:
        proof = prove(conn, first)
    assert proof is not None
    with pytest.raises(IntegrityLost):
        check(second, proof)
    with pytest.raises(IntegrityLost):
        check(first, replace(proof, index=1))
    with pytest.raises(IntegrityLost):
        check(first, replace(proof, path=proof.path[:-1]))


def test_a_segment_of_the_running_hour_has_no_proof_yet(scene: Scene) -> None:
    """That is no loss of integrity."""
    start_at = scene.clock.now()
    recorder = scene.recorder()
    for packet in packets(start_at, 5):
        recorder.append(packet)
    recorder.close()
    with scene.db.read() as conn:
        assert prove(conn, rows(scene)[-1]) is None


def test_leaves_of_before_the_record_was_in_them_still_fit() -> None:
    """The ledger is never rewritten: an old entry is checked by its own rules."""
    record = {"plan_version": 1, "largest_margin_px": 2.5}
    assert record_sha256(record) == ""
    assert record_sha256(None) == ""
    assert record_sha256({"v": 1, "margin": 0.5}) == ""
    assert len(record_sha256({"v": 1, "margin": 5})) == 64


def test_version_one_leaves_have_no_record(scene: Scene) -> None:
    """Five parts then, six now."""
    row = rows(scene)[0]
    assert segment_leaf(row, 1).count(b"|") == 4
    assert segment_leaf(row) == segment_leaf(row, 1) + b"|" + record_sha256(row.blanking).encode()
