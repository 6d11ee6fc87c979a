"""Export packages from real segments: complete, checkable without us, bit for bit what was recorded."""

import hashlib
import io
import json
import subprocess
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import av
import pytest
from sqlalchemy import update

from retention.batches import write_batches
from retention.holds import HoldRequest, place_hold
from retention.parts import DAEMON, RetentionParts
from tests.auditor.bundles import vms_audit
from tests.footage.scene import APPROVER, INVESTIGATOR, Scene, packets
from tests.ledger.owner import without_rules
from vms.clock import ManualClock
from vms.db import designations, exports, placements, segments
from vms.db.designations import Designation
from vms.db.engine import Database
from vms.db.tables import placement_designation
from vms.errors import Conflict, IntegrityLost, NotFound
from vms.evidence import export as evidence
from vms.evidence.bundle import BundleSource, bundle_pieces, end_of, sign_present
from vms.evidence.export import Workshop
from vms.footage.fmp4 import fragments_of
from vms.footage.nal import Codec
from vms.footage.store import FootageStore, SegmentRef
from vms.ledger import search
from vms.ledger.merkle import leaf_hash, root_from_inclusion
from vms.ledger.notes import Verifier, parse, verify
from vms.ledger.search import Filter
from vms.ledger.signer import FileSigner, load_or_make
from vms.model import ExportId, ExportState, GapCause, HoldId, SegmentState, Span

CASE = "PL0900-2026-123456"


@dataclass
class Bench:
    """A scene, and the way from recording to an opened package."""

    scene: Scene
    shop: Workshop
    signer: FileSigner

    def record(self, seconds: float, *, codec: Codec = "h264", width: int = 64) -> datetime:
        """Record from now on; return when it began."""
        start_at = self.scene.clock.now()
        recorder = self.scene.recorder()
        for packet in packets(start_at, seconds, codec=codec, width=width):
            recorder.append(packet)
        self.scene.clock.advance(timedelta(seconds=seconds))
        recorder.close(GapCause.WORKER_STOPPED)
        return start_at

    def hold(self, span: Span) -> HoldId:
        """Hold a span."""
        scene = self.scene
        parts = RetentionParts(scene.db, scene.keys, scene.store, scene.ledger, scene.clock)
        request = HoldRequest(
            request_id=f"r-{span.start_at.timestamp()}",
            case_number=CASE,
            ground="wpg-8",
            reason="mishandeling op de markt",
            placement_ids=(scene.placement_id,),
            span=span,
            review_on=scene.clock.now() + timedelta(days=14),
            requested_by=INVESTIGATOR,
        )
        return place_hold(parts, request, DAEMON).hold.id

    def approved(self, hold_id: HoldId, name: str = "e-1") -> ExportId:
        """Ask for an export and approve it."""
        export_id, now = ExportId(name), self.scene.clock.now()
        with self.scene.db.write() as conn:
            exports.request(
                conn, export_id, hold_id=hold_id, requested_by=INVESTIGATOR, requested_at=now, receiver="OM, mr. Jansen"
            )
            exports.decide(conn, export_id, approved=True, decided_by=APPROVER, decided_at=now)
        return export_id

    def state(self, export_id: ExportId) -> exports.Export:
        """Return the export's row."""
        with self.scene.db.read() as conn:
            return exports.get(conn, export_id)

    def package(self, export_id: ExportId) -> bytes:
        """Return the plain package."""
        source, reader = evidence.open_package(self.shop, self.state(export_id))
        with source:
            return reader.read(0, reader.size_bytes)

    def unpacked(self, span: Span, folder: Path) -> Path:
        """Hold, export, build and unpack; return the package's folder."""
        export_id = self.approved(self.hold(span))
        evidence.build(self.shop, export_id)
        assert self.state(export_id).state is ExportState.READY, self.state(export_id).failure
        with zipfile.ZipFile(io.BytesIO(self.package(export_id))) as package:
            assert package.testzip() is None
            package.extractall(folder)
        return folder / f"{CASE}_{export_id}"


@pytest.fixture
def bench(sqlite_database: Database, clock: ManualClock, tmp_path: Path) -> Bench:
    """A scene with a workshop."""
    scene = Scene.make(sqlite_database, clock, tmp_path / "s")
    signer = load_or_make(tmp_path / "s" / "keys", scene.ledger.origin)
    shop = Workshop(scene.db, scene.keys, scene.store, scene.reader, scene.ledger, signer, clock)
    return Bench(scene, shop, signer)


def manifest_of(folder: Path) -> Any:
    """Return the manifest of an unpacked package."""
    return json.loads((folder / "manifest.json").read_text(encoding="utf-8"))


def instants(path: Path, zero_at: datetime) -> list[datetime]:
    """Return when each picture of a file was taken, by its time stamps."""
    with av.open(str(path)) as container:
        return [
            zero_at + timedelta(seconds=float(frame.time))
            for frame in container.decode(video=0)
            if frame.time is not None
        ]


def coded(data: bytes) -> bytes:
    """Return the coded pictures of a file: the insides of its mdat boxes."""
    found = b""
    for place in fragments_of(data):
        piece = data[place.offset_bytes : place.offset_bytes + place.length_bytes]
        found += piece[piece.index(b"mdat") + 4 :]
    return found


def test_a_receiver_can_check_every_file_with_sha256sum(bench: Bench, tmp_path: Path) -> None:
    """The way LEESMIJ.txt says, with the ordinary tool."""
    start_at = bench.record(70)
    folder = bench.unpacked(Span(start_at, start_at + timedelta(seconds=70)), tmp_path / "out")
    checked = subprocess.run(
        ["sha256sum", "-c", "--strict", "SHA256SUMS"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr
    files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert {line.split(": ")[0] for line in checked.stdout.splitlines()} == files - {"SHA256SUMS"}
    manifest = manifest_of(folder)
    for item in manifest["files"]:
        data = (folder / item["name"]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == item["sha256"]
        assert len(data) == item["size_bytes"]
    readme = (folder / "LEESMIJ.txt").read_text(encoding="utf-8")
    assert CASE in readme
    assert "sha256sum -c SHA256SUMS" in readme
    assert "What this is" in readme


def test_segments_without_a_gap_become_one_file_with_every_picture_at_its_instant(bench: Bench, tmp_path: Path) -> None:
    """Three segments, one MP4: as many pictures as were recorded, each within a millisecond of when it was taken."""
    start_at = bench.record(130)
    folder = bench.unpacked(Span(start_at, start_at + timedelta(seconds=130)), tmp_path / "out")
    [camera] = manifest_of(folder)["cameras"]
    assert [item["number"] for item in camera["segments"]] == [1, 2, 3]
    [view] = camera["views"]
    assert view["segments"] == [1, 2, 3]
    assert view["start_at"] == "2026-11-01T12:00:00.000000Z"
    taken = instants(folder / view["name"], start_at)
    assert len(taken) == 130 * 25
    for number, instant in enumerate(taken):
        assert abs(instant - (start_at + timedelta(seconds=number / 25))) < timedelta(milliseconds=1)


def test_no_coded_picture_is_changed(bench: Bench, tmp_path: Path) -> None:
    """Lossless by the bytes: what stands in view/ are the bytes of original/, which are the recorder's."""
    start_at = bench.record(70)
    folder = bench.unpacked(Span(start_at, start_at + timedelta(seconds=70)), tmp_path / "out")
    [camera] = manifest_of(folder)["cameras"]
    originals = [(folder / item["file"]).read_bytes() for item in camera["segments"]]
    recorded = [bench.scene.reader.segment_bytes(bench.scene.placement_id, number) for number in (1, 2)]
    assert originals == recorded
    [view] = camera["views"]
    assert coded((folder / view["name"]).read_bytes()) == b"".join(coded(data) for data in originals)


def test_the_view_is_cut_to_the_hold_at_keyframes_outward(bench: Bench, tmp_path: Path) -> None:
    """Not a second less than was held, and at most one group of pictures more."""
    start_at = bench.record(70)
    span = Span(start_at + timedelta(seconds=10.5), start_at + timedelta(seconds=62.3))
    folder = bench.unpacked(span, tmp_path / "out")
    [view] = manifest_of(folder)["cameras"][0]["views"]
    zero_at = datetime.fromisoformat(view["start_at"])
    taken = instants(folder / view["name"], zero_at)
    assert zero_at == taken[0] == start_at + timedelta(seconds=10)
    assert span.end_at - timedelta(seconds=1 / 25) <= taken[-1] < span.end_at + timedelta(seconds=1)
    assert abs(datetime.fromisoformat(view["end_at"]) - taken[-1] - timedelta(seconds=1 / 25)) < timedelta(seconds=0.01)


def test_a_gap_is_seen_and_its_cause_is_told(bench: Bench, tmp_path: Path) -> None:
    """Two files, not one that jumps; and the manifest says why there is nothing in between."""
    start_at = bench.record(10)
    bench.scene.clock.advance(timedelta(seconds=30))
    again_at = bench.record(10)
    folder = bench.unpacked(Span(start_at, start_at + timedelta(seconds=50)), tmp_path / "out")
    [camera] = manifest_of(folder)["cameras"]
    assert len(camera["views"]) == 2
    assert datetime.fromisoformat(camera["views"][1]["start_at"]) == again_at
    assert camera["gaps"][0]["cause"] == "worker-stopped"
    assert datetime.fromisoformat(camera["gaps"][0]["end_at"]) == again_at


def test_the_manifest_names_the_decision_that_each_segment_was_recorded_under(bench: Bench, tmp_path: Path) -> None:
    """A court asks on what decision it was recorded, and not on which one the camera stands today."""
    scene, start_at = bench.scene, bench.record(10)
    renewed_at = scene.clock.now()
    with scene.db.write() as conn:
        designations.add(conn, Designation("d2", "a1", "2", "Pw 3", renewed_at, renewed_at + timedelta(days=9)))
        placements.change(conn, scene.placement_id, name="markt", designation_id="d2", at=renewed_at)
    bench.record(10)
    scene.clock.advance(timedelta(days=20))
    folder = bench.unpacked(Span(start_at, start_at + timedelta(seconds=20)), tmp_path / "out")
    [camera] = manifest_of(folder)["cameras"]
    assert camera["designation"] == {"number": "1", "legal_basis": "151c"}
    named = [(one["number"], one["legal_basis"], one["segments"]) for one in camera["designations"]]
    assert named == [("1", "151c", [1]), ("2", "Pw 3", [2])]
    assert camera["undesignated"] == []
    assert "aanwijzingsbesluit" not in (folder / "LEESMIJ.txt").read_text(encoding="utf-8")


def test_footage_of_before_decisions_were_kept_says_that_none_is_on_record(bench: Bench, tmp_path: Path) -> None:
    """An upgrade entered the decision of its day, which counts from its own begin on; what was recorded before must not look forgotten."""
    start_at = bench.record(10)
    later_at = bench.record(10)
    with bench.scene.db.write() as conn:
        without_rules(conn, "placement_designation")
        conn.execute(update(placement_designation).values(from_at=later_at))
    folder = bench.unpacked(Span(start_at, start_at + timedelta(seconds=20)), tmp_path / "out")
    manifest = manifest_of(folder)
    [camera] = manifest["cameras"]
    assert (camera["undesignated"], camera["designations"][0]["segments"]) == ([1], [2])
    assert camera["designation"] == {"number": "1", "legal_basis": "151c"}
    assert "no decision is on record" in manifest["notes"]["undesignated"]
    readme = (folder / "LEESMIJ.txt").read_text(encoding="utf-8")
    assert "aanwijzingsbesluit" in readme
    assert "no designation is on record" in readme


def test_another_picture_size_begins_another_file(bench: Bench, tmp_path: Path) -> None:
    """A player that has opened one size need not follow to another."""
    start_at = bench.record(5)
    bench.record(5, width=96)
    folder = bench.unpacked(Span(start_at, start_at + timedelta(seconds=10)), tmp_path / "out")
    views = manifest_of(folder)["cameras"][0]["views"]
    widths = []
    for view in views:
        with av.open(str(folder / view["name"])) as container:
            widths.append(next(container.decode(video=0)).width)
    assert widths == [64, 96]


def test_the_manifest_tells_who_what_when_why_and_by_which_ledger(bench: Bench, tmp_path: Path) -> None:
    """A court must see the chain without asking us; the checkpoint is signed."""
    start_at = bench.record(5)
    folder = bench.unpacked(Span(start_at, start_at + timedelta(seconds=5)), tmp_path / "out")
    manifest = manifest_of(folder)
    assert manifest["hold"]["case_number"] == CASE
    assert manifest["hold"]["ground"] == "wpg-8"
    assert manifest["export"]["requested_by"] == {"id": INVESTIGATOR, "name": INVESTIGATOR}
    assert manifest["export"]["approved_by"]["id"] == APPROVER
    assert manifest["export"]["receiver"] == "OM, mr. Jansen"
    segment = manifest["cameras"][0]["segments"][0]
    with bench.scene.db.read() as conn:
        row = segments.get(conn, bench.scene.placement_id, 1)
    assert segment["recorded_sha256"] == row.sha256
    assert segment["plan_version"] == 1
    signed = verify(manifest["ledger"]["checkpoint"], bench.signer.verifier)
    entries = {trace["act"]: trace["seq"] for trace in manifest["ledger"]["entries"]}
    assert set(entries) == {"hold.place", "export.build"}  # this test asks and approves without the API
    assert max(entries.values()) < signed.size
    with bench.scene.db.read() as conn:
        [ready] = search.search(conn, Filter(), limit=1)
    assert ready.act == "export.ready"
    digest = hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest()
    assert ready.document["obj"]["manifest_sha256"] == digest
    assert parse(manifest["ledger"]["checkpoint"]).origin == bench.scene.ledger.origin


def test_a_spoilt_segment_is_left_out_and_named(bench: Bench, tmp_path: Path) -> None:
    """One bad file must not keep the others from the prosecutor, nor pass for a good one."""
    start_at = bench.record(130)
    with bench.scene.db.read() as conn:
        row = segments.get(conn, bench.scene.placement_id, 2)
    path = bench.scene.store.path(SegmentRef(row.placement_id, row.start_at, row.epoch, row.number))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    folder = bench.unpacked(Span(start_at, start_at + timedelta(seconds=130)), tmp_path / "out")
    [camera] = manifest_of(folder)["cameras"]
    assert [item["number"] for item in camera["segments"]] == [1, 3]
    assert [(item["number"], item["why"]) for item in camera["missing"]] == [(2, "damaged")]
    assert [view["segments"] for view in camera["views"]] == [[1], [3]]


def test_it_can_be_exported_when_the_hour_key_is_long_destroyed(bench: Bench, tmp_path: Path) -> None:
    """A hold's own key is the only one left after 28 days."""
    start_at = bench.record(5)
    hold_id = bench.hold(Span(start_at, start_at + timedelta(seconds=5)))
    bench.scene.keys.destroy_hour(start_at.replace(minute=0, second=0, microsecond=0))
    export_id = bench.approved(hold_id)
    evidence.build(bench.shop, export_id)
    assert bench.state(export_id).state is ExportState.READY


def test_a_package_in_which_nothing_can_be_read_fails_and_says_so(bench: Bench) -> None:
    """An empty package must not be handed over as evidence."""
    start_at = bench.record(5)
    export_id = bench.approved(bench.hold(Span(start_at, start_at + timedelta(seconds=5))))
    for path in bench.scene.store.folder.rglob("*.vseg"):
        path.unlink()
    evidence.build(bench.shop, export_id)
    failed = bench.state(export_id)
    assert failed.state is ExportState.FAILED
    assert failed.failure == "export.nothing"
    with bench.scene.db.read() as conn:
        [entry] = search.search(conn, Filter(), limit=1)
    assert (entry.act, entry.document["why"]) == ("export.failed", "export.nothing")
    assert list((bench.scene.store.folder / "exports").glob("*")) == []


def test_a_package_stops_where_recording_would(bench: Bench) -> None:
    """A month of twenty cameras must not be what stops all of them."""
    start_at = bench.record(5)
    export_id = bench.approved(bench.hold(Span(start_at, start_at + timedelta(seconds=5))))
    crowded = FootageStore(bench.scene.store.folder, free_bytes_floor=1 << 60)
    evidence.build(replace(bench.shop, store=crowded), export_id)
    assert (bench.state(export_id).state, bench.state(export_id).failure) == (ExportState.FAILED, "footage.full")
    assert list((bench.scene.store.folder / "exports").glob("*")) == []


class _BrokenSigner:
    """A signer whose hardware is gone: it raises what nobody here expects."""

    @property
    def verifier(self) -> Verifier:
        """Fail."""
        raise RuntimeError("the smart card is gone")

    def sign(self, message: bytes) -> bytes:
        """Fail."""
        raise RuntimeError("the smart card is gone")


def test_a_builder_that_meets_what_nobody_foresaw_says_so_and_goes_on(bench: Bench) -> None:
    """An export that stays at 40 % for ever, and all others behind it, would be found out when a term has passed."""
    start_at = bench.record(5)
    export_id = bench.approved(bench.hold(Span(start_at, start_at + timedelta(seconds=5))))
    evidence.build(replace(bench.shop, signer=_BrokenSigner()), export_id)
    assert (bench.state(export_id).state, bench.state(export_id).failure) == (ExportState.FAILED, "RuntimeError")
    assert list((bench.scene.store.folder / "exports").glob("*")) == []


def test_a_package_that_was_tampered_with_does_not_open(bench: Bench) -> None:
    """Cut, changed, or another export's file under this name."""
    start_at = bench.record(5)
    hold_id = bench.hold(Span(start_at, start_at + timedelta(seconds=5)))
    one, other = bench.approved(hold_id, "e-1"), bench.approved(hold_id, "e-2")
    for export_id in (one, other):
        evidence.build(bench.shop, export_id)
    path = evidence.package_path(bench.shop.store, one)
    whole = path.read_bytes()
    for spoilt in (
        whole[:-20],
        whole[:100] + b"x" + whole[101:],
        evidence.package_path(bench.shop.store, other).read_bytes(),
    ):
        path.write_bytes(spoilt)
        with pytest.raises(IntegrityLost):
            bench.package(one)
    path.unlink()
    with pytest.raises(NotFound):
        bench.package(one)


def test_only_one_builder_gets_an_export(bench: Bench) -> None:
    """The state in the database decides."""
    start_at = bench.record(5)
    export_id = bench.approved(bench.hold(Span(start_at, start_at + timedelta(seconds=5))))
    evidence.build(bench.shop, export_id)
    with pytest.raises(Conflict):
        evidence.build(bench.shop, export_id)


def test_footage_that_was_recorded_after_a_crash_is_part_of_it(bench: Bench, tmp_path: Path) -> None:
    """A hold over several recorders' epochs gives them all, in order of time."""
    start_at = bench.record(5)
    bench.record(5)
    folder = bench.unpacked(Span(start_at, start_at + timedelta(seconds=10)), tmp_path / "out")
    [camera] = manifest_of(folder)["cameras"]
    assert [item["number"] for item in camera["segments"]] == [1, 2]
    [view] = camera["views"]
    taken = instants(folder / view["name"], start_at)
    assert len(taken) == 250
    assert taken == sorted(taken)
    with bench.scene.db.read() as conn:
        assert segments.get(conn, bench.scene.placement_id, 2).state is SegmentState.SEALED


def test_the_manifest_proves_each_segments_blanking_record(bench: Bench, tmp_path: Path) -> None:
    """From the record to the signed checkpoint, recomputed here from the manifest alone; what is not in the ledger yet says so."""
    start_at = bench.record(70)
    bench.scene.clock.advance(timedelta(hours=2))
    scene = bench.scene
    write_batches(RetentionParts(scene.db, scene.keys, scene.store, scene.ledger, scene.clock))
    late_at = bench.record(10)
    folder = bench.unpacked(Span(start_at, late_at + timedelta(seconds=10)), tmp_path / "out")
    manifest = manifest_of(folder)
    signed = parse(manifest["ledger"]["checkpoint"])
    batches = {one["seq"]: one for one in manifest["ledger"]["batches"]}
    found = manifest["cameras"][0]["segments"]
    assert [one["proof"]["state"] for one in found] == ["proven", "proven", "pending"]
    for one in found[:2]:
        proof = one["proof"]
        record = json.dumps(one["blanking"], sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        assert proof["leaf"].split("|")[-2:] == [one["recorded_sha256"], hashlib.sha256(record).hexdigest()]
        path = [bytes.fromhex(node) for node in proof["path"]]
        root = root_from_inclusion(proof["index"], proof["count"], leaf_hash(proof["leaf"].encode()), path)
        batch = batches[proof["entry"]]
        assert json.loads(batch["body"])["obj"]["root"] == root.hex()
        way = [bytes.fromhex(node) for node in batch["path"]]
        whole = root_from_inclusion(batch["seq"], signed.size, leaf_hash(batch["body"].encode()), way)
        assert whole == signed.root


def _package_for_an_auditor(bench: Bench, folder: Path) -> tuple[Path, Path]:
    """Return a package as ZIP and unpacked: two segments that the ledger lists already, and one that it does not yet."""
    start_at = bench.record(70)
    bench.scene.clock.advance(timedelta(hours=2))
    scene = bench.scene
    write_batches(RetentionParts(scene.db, scene.keys, scene.store, scene.ledger, scene.clock))
    late_at = bench.record(10)
    unpacked = bench.unpacked(Span(start_at, late_at + timedelta(seconds=10)), folder)
    packed = folder / "package.zip"
    packed.write_bytes(bench.package(ExportId("e-1")))
    return packed, unpacked


def test_the_auditors_tool_finds_a_real_package_in_order(bench: Bench, tmp_path: Path) -> None:
    """`vms-audit` shares no code with the product: that both mean the same package is seen only by giving it one."""
    vkey = bench.signer.verifier.text
    for package in _package_for_an_auditor(bench, tmp_path / "out"):
        outcome = vms_audit("verify-export", package, "--vkey", vkey)
        assert (outcome.status, outcome.report["findings"]) == (0, []), package
        assert (outcome.report["facts"]["proven"], outcome.report["facts"]["pending"]) == (2, 1)
        [pending] = [one for one in outcome.report["notes"] if one["code"] == "export-pending"]
        assert pending["number"] == "3"


def test_the_auditors_tool_finds_what_was_changed_in_a_package(bench: Bench, tmp_path: Path) -> None:
    """A forger who mends the lists of digests as well is caught by the ledger's proofs; without the key nothing is sure."""
    _, folder = _package_for_an_auditor(bench, tmp_path / "out")
    plain = (folder / "manifest.json").read_text(encoding="utf-8")
    vkey = bench.signer.verifier.text

    def codes(change: Callable[[Any], None], key: str = vkey) -> set[str]:
        manifest = json.loads(plain)
        change(manifest)
        text = json.dumps(manifest, ensure_ascii=False)
        (folder / "manifest.json").write_text(text, encoding="utf-8")
        sums = (folder / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
        digest = hashlib.sha256(text.encode()).hexdigest()
        mended = [f"{digest}  manifest.json" if one.endswith("  manifest.json") else one for one in sums]
        (folder / "SHA256SUMS").write_text("".join(f"{one}\n" for one in mended), encoding="utf-8")
        outcome = vms_audit("verify-export", folder, "--vkey", key)
        assert outcome.status == 1
        return outcome.codes

    def segment(manifest: Any) -> Any:
        return manifest["cameras"][0]["segments"][0]

    assert codes(lambda words: segment(words).update(end_at="2026-11-01T12:00:59.000000Z")) == {"export-segment"}
    assert codes(lambda words: segment(words)["blanking"].update(plan_version=7)) == {"export-segment"}
    assert codes(lambda words: words["cameras"][0]["placement"].update(id="another")) == {"export-segment"}
    body = json.loads(plain)["ledger"]["batches"][0]["body"].replace("12:", "13:")
    assert codes(lambda words: words["ledger"]["batches"][0].update(body=body)) == {"export-entry", "export-segment"}
    stranger = load_or_make(tmp_path / "stranger", bench.scene.ledger.origin).verifier.text
    assert codes(lambda words: None, stranger) == {"checkpoint-signature"}
    original = folder / segment(json.loads(plain))["file"]
    data = bytearray(original.read_bytes())
    data[len(data) // 2] ^= 1
    original.write_bytes(data)
    assert codes(lambda words: None) == {"export-file"}
    (folder / "manifest.json").write_text(plain, encoding="utf-8")
    assert vms_audit("verify-export", folder).status == 1, "with a finding, even without a key"


def test_the_log_has_the_digest_of_the_package(bench: Bench, tmp_path: Path) -> None:
    """A picture that is changed together with all lists of digests is found by the log alone; so is a file put beside the others."""
    packed, folder = _package_for_an_auditor(bench, tmp_path / "out")
    scene, now = bench.scene, bench.scene.clock.now()
    source = BundleSource(scene.db, scene.ledger, scene.keys, scene.clock, bench.signer)
    period = Span(now - timedelta(days=1), now + timedelta(seconds=1))
    with scene.db.write() as conn:
        sign_present(conn, source)
        size = end_of(conn, period)
    log = tmp_path / "log.zip"
    log.write_bytes(b"".join(bundle_pieces(source, period, size)))
    asked = ("--vkey", bench.signer.verifier.text, "--log", log)
    for package in (packed, folder):
        outcome = vms_audit("verify-export", package, *asked)
        assert (outcome.status, outcome.report["findings"]) == (0, []), package
        assert "export-no-signature" not in {one["code"] for one in outcome.report["notes"]}
    manifest = manifest_of(folder)
    name = manifest["cameras"][0]["segments"][0]["file"]
    forged = (folder / name).read_bytes()[:-1] + b"?"
    (folder / name).write_bytes(forged)
    old = {one["name"]: one["sha256"] for one in manifest["files"]}[name]
    sums = (folder / "SHA256SUMS").read_text(encoding="utf-8")
    was = hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest()
    text = (folder / "manifest.json").read_text(encoding="utf-8").replace(old, hashlib.sha256(forged).hexdigest())
    (folder / "manifest.json").write_text(text, encoding="utf-8")
    mended = sums.replace(old, hashlib.sha256(forged).hexdigest()).replace(
        was, hashlib.sha256(text.encode()).hexdigest()
    )
    (folder / "SHA256SUMS").write_text(mended, encoding="utf-8")
    assert vms_audit("verify-export", folder, *asked).codes == {"export-other"}
    (folder / "view" / "besides.mp4").write_bytes(b"x")
    assert vms_audit("verify-export", folder, *asked).codes == {"export-other", "export-stray"}
    other = json.loads(text)
    other["export"]["id"] = "e-2"
    (folder / "manifest.json").write_text(json.dumps(other), encoding="utf-8")
    assert "export-not-in-log" in vms_audit("verify-export", folder, *asked).codes
