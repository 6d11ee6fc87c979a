"""The self-test finds a planted fault on every path within its round, and the placement is grey until a person has looked."""

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import update

import blanking.stage
from blanking.burn import BufferPool, burn
from blanking.decision import Blank
from blanking.frames import BlankedFrame, RawFrame
from blanking.panorama import COLUMNS, LEFT_DEG, ROWS, STEP_DEG, TOP_DEG, Panorama
from blanking.plan import DirectionPlan
from ingest.inbox import Opened, PlanChanged
from ingest.live import LiveFeed
from ingest.plan_watch import WITHHELD, ActivePlan, PlanWatch, active_plan
from retention.holds import HoldRequest, place_hold
from retention.parts import DAEMON, RetentionParts
from tests.footage.scene import APPROVER, DRAWER, INVESTIGATOR, KEEP_FOR, Scene, add_placement
from tests.ingest.test_pipeline import FIXED_PLAN, PTZ_PLAN, Bench, FakeChannel, FakeStream, shot
from vms.bus.messages import LiveMessage
from vms.db import exports, panoramas, plans, segments
from vms.db.engine import Database
from vms.db.tables import segment
from vms.errors import NotFound
from vms.evidence import export as evidence
from vms.evidence.export import Workshop
from vms.footage.panorama import PlainPanorama, sealed_panorama
from vms.footage.recorder import RecorderPlan, SegmentRecorder
from vms.ledger.acts import Act
from vms.ledger.entries import Actor, Entry, Origin
from vms.ledger.findings import open_findings
from vms.ledger.search import Filter, StoredEntry, search
from vms.ledger.signer import load_or_make
from vms.model import CameraKind, ExportId, PlacementId, SegmentMode, Span
from vms.selftest.daemon import run_selftest
from vms.selftest.rounds import SelfTest

Burn = Callable[[RawFrame, Blank, BufferPool], BlankedFrame]


def luma_only_left_clear(raw: RawFrame, decision: Blank, pool: BufferPool) -> BlankedFrame:
    """A burn that forgets the brightness: the crippled one."""
    made = burn(raw, decision, pool)
    made.buffer[: raw.height_px] = raw.planes[0]
    return made


def half_of_the_masks(raw: RawFrame, decision: Blank, pool: BufferPool) -> BlankedFrame:
    """A burn that leaves the lower half of the picture as it is."""
    made = burn(raw, decision, pool)
    made.buffer[raw.height_px // 2 : raw.height_px] = raw.planes[0][raw.height_px // 2 :]
    return made


class Panning(Bench):
    """A PTZ camera that pans to and fro; it says where it looks."""

    @property
    def pose(self) -> tuple[float, float] | None:
        """Where it looks now."""
        cycle = self.clock.monotonic_s() % 4.0
        return (6.0 * (cycle if cycle < 2.0 else 4.0 - cycle) - 6.0, 0.0)

    @pose.setter
    def pose(self, _pose: tuple[float, float] | None) -> None:
        """Ignore: it goes its own way."""


@dataclass
class FakeViewer:
    """Gets what a channel gave its viewer."""

    messages: list[LiveMessage]
    shown_id: PlacementId

    def watch(self, placement_id: PlacementId, frames: int, within_s: float) -> list[LiveMessage]:
        """Return it."""
        return self.messages if placement_id == self.shown_id else []


class Town:
    """One camera of a kind, recorded and shown by the real pipeline, and a self-test that looks at it."""

    def __init__(self, db: Database, folder: Path, kind: CameraKind) -> None:
        self.bench = Panning(CameraKind.PTZ) if kind is CameraKind.PTZ else Bench()
        self.scene = Scene.make(db, self.bench.clock, folder)
        self.document: dict[str, Any] = PTZ_PLAN if kind is CameraKind.PTZ else FIXED_PLAN
        self.active = self.plan(self.document)
        self.scene.clock.advance(timedelta(minutes=1))  # what was approved just now is given time
        signer = load_or_make(folder / "keys", self.scene.ledger.origin)
        scene = self.scene
        self.shop = Workshop(db, scene.keys, scene.store, scene.reader, scene.ledger, signer, scene.clock)
        self.viewer = FakeViewer([], scene.placement_id)
        self.test = SelfTest(self.shop, self.viewer, random.Random(5))

    def plan(self, document: dict[str, Any]) -> ActivePlan:
        """Approve another plan."""
        with self.scene.db.write() as conn:
            now, placement_id = self.scene.clock.now(), self.scene.placement_id
            version = plans.add_draft(
                conn, placement_id, document=document, reason="t", drawn_by=DRAWER, drawn_at=now
            ).version
            plans.approve(conn, placement_id, version, approved_by=APPROVER, approved_at=now)
            return active_plan(plans.current(conn, placement_id))

    def play(self, seconds: int = 3, *, active: ActivePlan | None = None, viewers: bool = True) -> None:
        """Run the camera for some seconds: record what comes out, and show it."""
        used = active or self.active
        self.bench.output.events.clear()
        self.bench.put(PlanChanged(used))
        self.bench.put(Opened(FakeStream()))  # type: ignore[arg-type]  # a fake
        self.bench.play(shot(20 * seconds))
        recorder = self._recorder(used)
        channel = FakeChannel()
        feed = LiveFeed(channel, 1)
        packets = self.bench.output.packets
        for reason, packet in zip(self.bench.output.reasons, packets, strict=True):
            recorder.note_frame(packet.captured_at, grey_reason=reason, margin_px=5.0, pose_source="interpolated")
            recorder.append(packet)
        recorder.close()
        for packet in packets[:-12]:
            feed.packet(packet)
        if viewers:
            channel.join()
            for packet in packets[-12:]:
                feed.packet(packet)
        self.viewer.messages = channel.got

    def _recorder(self, active: ActivePlan) -> SegmentRecorder:
        scene = self.scene
        plan = RecorderPlan(KEEP_FOR, SegmentMode.MASKED, active.version or 0, active.sha256, active.model)
        return SegmentRecorder(
            scene.placement_id, scene.take_over(), db=scene.db, keys=scene.keys, store=scene.store, ledger=scene.ledger,
            clock=scene.clock, plan=plan, in_background=False,
        )  # fmt: skip

    def export(self) -> ExportId:
        """Hold everything and build a package of it."""
        scene, now = self.scene, self.scene.clock.now()
        request = HoldRequest(
            request_id="r", case_number="PL0900-2026-123456", ground="wpg-8", reason="mishandeling op de markt",
            placement_ids=(scene.placement_id,), span=Span(now - timedelta(hours=1), now),
            review_on=now + timedelta(days=7), requested_by=INVESTIGATOR,
        )  # fmt: skip
        hold = place_hold(
            RetentionParts(scene.db, scene.keys, scene.store, scene.ledger, scene.clock), request, DAEMON
        ).hold
        with scene.db.write() as conn:
            exports.request(
                conn, ExportId("e"), hold_id=hold.id, requested_by=INVESTIGATOR, requested_at=now, receiver="OM"
            )
            exports.decide(conn, ExportId("e"), approved=True, decided_by=APPROVER, decided_at=now)
        evidence.build(self.shop, ExportId("e"))
        return ExportId("e")

    def found(self) -> list[StoredEntry]:
        """Return the findings in the ledger, oldest first."""
        with self.scene.db.read() as conn:
            return search(conn, Filter(acts=(Act.SELFTEST_FAILED,)))[::-1]

    def watched_plan(self) -> ActivePlan | None:
        """Return what a worker would blank by now."""
        return PlanWatch(self.scene.db, self.scene.placement_id).look()


@pytest.fixture(params=[CameraKind.FIXED, CameraKind.PTZ])
def town(request: pytest.FixtureRequest, sqlite_database: Database, tmp_path: Path) -> Town:
    """A fixed camera, and a PTZ camera that pans."""
    return Town(sqlite_database, tmp_path / "s", request.param)


def test_sound_pictures_of_every_path_pass_and_the_log_says_how_many(town: Town) -> None:
    """A test that accuses the innocent stops cameras; one that looks at nothing proves nothing."""
    town.play(4)
    town.export()
    for _ in range(6):
        assert town.test.run_round() == 0
    tally = town.test.tally
    assert {path for path, count in tally.looks.items() if count} == {"recorded", "live", "export"}
    assert tally.unread == {}
    assert tally.tested_px > 10_000
    town.test.note_success()
    with town.scene.db.read() as conn:
        (entry,) = search(conn, Filter(acts=(Act.SELFTEST_PASSED,)))
    assert dict(entry.object["looks"])["live"] == 6
    assert not town.found()


@pytest.mark.parametrize("crippled", [luma_only_left_clear, half_of_the_masks])
@pytest.mark.parametrize("path", ["recorded", "live", "export"])
def test_a_planted_fault_is_found_in_its_first_round(
    town: Town, crippled: Burn, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker whose burn is crippled: found on each path alone, written down, and withheld at once."""
    monkeypatch.setattr(blanking.stage, "burn", crippled)
    town.play(3, viewers=path == "live")
    if path == "export":
        town.export()
    if path != "recorded":
        monkeypatch.setattr(town.test, "_drawn", lambda _placement_id: None)
    assert town.test.run_round() >= 1
    first = town.found()[0]
    assert first.object["path"] == path
    assert first.object["problem"] == "shows-dwelling"
    assert first.object["placement_id"] == town.scene.placement_id
    assert first.object["shown_px"] > 0.2 * first.object["tested_px"]
    assert town.watched_plan() == WITHHELD


def test_a_withheld_placement_is_grey_and_not_recorded_until_it_is_cleared(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fail closed: the worker gets no plan, the picture says why, the segment is not readable; a person's word ends it."""
    with monkeypatch.context() as patch:
        patch.setattr(blanking.stage, "burn", luma_only_left_clear)
        town.play(2, viewers=False)
    assert town.test.run_round() == 1
    number = town.found()[0].object["number"]
    town.bench.output.events.clear()
    town.bench.put(PlanChanged(WITHHELD))
    town.bench.put(Opened(FakeStream()))  # type: ignore[arg-type]  # a fake
    town.bench.play(shot(10))
    assert set(town.bench.output.reasons) == {"self-test"}
    assert not WITHHELD.records
    with pytest.raises(NotFound, match="withheld"):
        town.scene.reader.open(town.scene.placement_id, number)
    assert town.test.run_round() == 0, "a placement that is withheld already is not accused again"
    with town.scene.db.write() as conn:
        words = {"placement_id": town.scene.placement_id, "by": "u", "entries": [0]}
        town.scene.ledger.append(conn, Entry(Act.SELFTEST_CLEARED, Actor.service("command-line"), Origin("t"), words))
    active = town.watched_plan()
    assert active is not None
    assert active.plan is not None
    town.scene.reader.open(town.scene.placement_id, number).close()


def stored_panorama(town: Town, *, masked: bool) -> None:
    """Store a panorama in which everything is bright, greyed by the plan or not."""
    whole = Panorama(np.full((ROWS, COLUMNS, 3), 200, np.uint8), np.ones((ROWS, COLUMNS), np.bool_))
    plan = town.active.plan
    assert isinstance(plan, DirectionPlan)
    if masked:
        whole.grey(plan)
    plain = PlainPanorama(
        COLUMNS, ROWS, STEP_DEG, LEFT_DEG, TOP_DEG, whole.rgb.tobytes(), whole.seen.astype(np.uint8).tobytes()
    )
    now = town.scene.clock.now()
    version = town.active.version
    assert version is not None
    with town.scene.db.write() as conn:
        row = sealed_panorama(
            town.scene.keys, plain, placement_id=town.scene.placement_id, plan_version=version,
            begun_at=now, made_at=now, due_at=now + KEEP_FOR,
        )  # fmt: skip
        panoramas.store(conn, row)


@pytest.mark.parametrize("masked", [True, False])
def test_a_panorama_that_shows_what_the_plan_hides_is_a_finding_and_is_erased(
    sqlite_database: Database, tmp_path: Path, *, masked: bool
) -> None:
    """It lies there for days, and every drawer of masks looks at it."""
    town = Town(sqlite_database, tmp_path / "s", CameraKind.PTZ)
    stored_panorama(town, masked=masked)
    found = town.test.run_round()
    with town.scene.db.read() as conn:
        kept = panoramas.find(conn, town.scene.placement_id)
    assert (found, kept is not None) == ((0, True) if masked else (1, False))
    assert town.test.tally.looks["panorama"] == masked
    assert [(entry.object["path"], entry.object["problem"]) for entry in town.found()] == (
        [] if masked else [("panorama", "shows-dwelling")]
    )
    assert masked == (town.test.tally.tested_px > 20)


def test_a_finding_withholds_no_other_placement(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """One camera's fault is that camera's."""
    other = add_placement(town.scene.db, town.scene.clock, "other")
    monkeypatch.setattr(blanking.stage, "burn", luma_only_left_clear)
    town.play(2)
    town.test.run_round()
    with town.scene.db.read() as conn:
        assert set(open_findings(conn)) == {town.scene.placement_id}
    assert PlanWatch(town.scene.db, other).look() != WITHHELD


def test_a_stream_that_says_nothing_of_its_blanking_is_a_finding(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever switches the witness off switches the proof off."""
    monkeypatch.setattr("ingest.masked.with_witness", lambda data, _witness: data)
    town.play(2)
    assert town.test.run_round() == 2
    assert [entry.object["problem"] for entry in town.found()] == ["no-witness", "no-witness"]


def test_pictures_by_a_plan_that_was_replaced_are_a_finding(town: Town) -> None:
    """A worker that goes on by the old plan shows what the new one hides."""
    town.plan(town.document | {"masks": [*town.document["masks"], *renamed(town.document["masks"])]})
    town.scene.clock.advance(timedelta(minutes=1))
    town.play(2, active=town.active)
    assert town.test.run_round() == 2
    assert {entry.object["problem"] for entry in town.found()} == {"stale-plan"}


def test_a_plan_that_nobody_approved_is_a_finding(town: Town) -> None:
    """Version and digest must be those of an approved plan."""
    town.play(2, active=replace(town.active, sha256="ab" * 32))
    assert town.test.run_round() == 2
    assert {entry.object["problem"] for entry in town.found()} == {"unknown-plan"}


def test_a_grey_picture_that_is_not_grey_is_a_finding(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reason alone greys nothing."""

    def not_grey(raw: RawFrame, width_px: int, height_px: int, reason: Any) -> BlankedFrame:
        made = sound(raw, width_px, height_px, reason)
        made.buffer[:height_px] = raw.planes[0]
        return made

    sound = blanking.stage.grey_frame
    monkeypatch.setattr(blanking.stage, "grey_frame", not_grey)
    grey = replace(town.active, plan=None)
    town.play(2, active=grey)
    assert town.test.run_round() == 2
    assert {entry.object["problem"] for entry in town.found()} == {"not-grey"}


def test_a_blanking_record_that_was_changed_is_a_finding(town: Town) -> None:
    """Rows are looked at too: by the ledger."""
    from retention.batches import write_batches

    town.play(2, viewers=False)
    scene = town.scene
    scene.clock.advance(timedelta(hours=2))
    write_batches(RetentionParts(scene.db, scene.keys, scene.store, scene.ledger, scene.clock))
    with scene.db.write() as conn:
        record = dict(segments.get(conn, scene.placement_id, 1).blanking or {})
        conn.execute(update(segment).values(blanking=record | {"largest_margin_millipx": 1}))
    while not town.found():
        town.test.run_round()
    assert town.found()[0].object["problem"] == "ledger"


def test_the_process_says_at_once_that_it_runs_and_at_the_end_what_it_saw(town: Town) -> None:
    """A log without an entry of success means that nobody looked."""
    town.play(2)
    stop, rounds = threading.Event(), 0

    def wait(event: threading.Event, _timeout_s: float) -> bool:
        nonlocal rounds
        rounds += 1
        if rounds == 3:
            event.set()
        return event.is_set()

    town.scene.clock.wait = wait  # type: ignore[method-assign]  # the clock of this test counts rounds
    run_selftest(town.test, 60.0, stop)
    with town.scene.db.read() as conn:
        entries = search(conn, Filter(acts=(Act.SELFTEST_PASSED,)))[::-1]
    assert [dict(entry.object["looks"])["live"] for entry in entries] == [1, 2]


def test_nothing_to_look_at_is_no_finding_and_no_success(town: Town) -> None:
    """A worker that is away, a camera that has recorded nothing."""
    assert town.test.run_round() == 0
    assert sum(town.test.tally.looks.values()) == 0
    assert town.test.tally.unread["live"] == 1


def renamed(masks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return masks under other names, a little moved."""
    key = "polygon_deg" if "polygon_deg" in masks[0] else "polygon_rel"
    return [one | {"id": f"{one['id']}-2", key: [[x * 0.9, y * 0.9] for x, y in one[key]]} for one in masks]
