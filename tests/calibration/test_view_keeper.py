"""The watch over a fixed camera in its worker: what is stored, what a restart knows, and what two persons' word does."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from sqlalchemy import update

from blanking.decision import GreyReason
from blanking.frames import RawFrame
from blanking.plan_values import ImagePlan
from ingest.calibrating.view_keeper import ViewKeeper, ViewParts
from ingest.inbox import Opened, PlanChanged
from ingest.plan_watch import ActivePlan, PlanWatch
from retention.derived import erase_due_derivatives
from retention.parts import RetentionParts
from tests import builders
from tests.ingest.test_pipeline import FPS, HEIGHT, WIDTH, Bench, FakeStream, pictures
from vms.clock import ManualClock
from vms.db import fixed_views, hour_keys, plans, rechecks
from vms.db.engine import Database
from vms.db.rechecks import StoredLandmarks
from vms.db.tables import hour_key
from vms.errors import Conflict, InvalidInput
from vms.footage.keys import FileKeyring
from vms.footage.store import FootageStore
from vms.ledger.log import Ledger
from vms.ledger.search import Filter, search
from vms.model import CheckOutcome, HourKeyState, PlacementId, Role, UserId, ViewStatementId, hour_of

HERE = PlacementId("place-1")
KEEP_FOR = timedelta(days=27)
Y = np.ndarray[Any, np.dtype[np.uint8]]
SCENE: Y = np.kron(np.random.default_rng(7).integers(40, 220, (60, 80)).astype(np.uint8), np.ones((8, 8), np.uint8))
PLAN = {
    "frame": {"width": WIDTH, "height": HEIGHT},
    "kind": "image",
    "masks": [{"id": "m1", "polygon_rel": [[0.0, 0.0], [0.25, 0.0], [0.25, 0.3], [0.0, 0.3]]}],
}


def street(shift_px: int = 0) -> Y:
    """What the camera sees, shifted."""
    return np.ascontiguousarray(SCENE[60 : 60 + HEIGHT, 100 + shift_px : 100 + shift_px + WIDTH])


def frame(luma: Y) -> RawFrame:
    """A decoded picture."""
    chroma = np.full((HEIGHT // 2, WIDTH // 2), 128, np.uint8)
    return RawFrame(
        planes=(luma, chroma, chroma),
        width_px=WIDTH,
        height_px=HEIGHT,
        pixel_format="yuv420p",
        captured_s=0.0,
        pts=0,
        owner=None,
    )


@dataclass
class Scene:
    """A placed fixed camera and whatever its worker keeps."""

    db: Database
    keys: FileKeyring
    clock: ManualClock
    ledger: Ledger
    folder: Path

    def keeper(self) -> ViewKeeper:
        """A worker's keeper, as after a start."""
        limits = (600.0, False)
        keeper = ViewKeeper(ViewParts(HERE, self.db, self.ledger, self.keys, self.clock, KEEP_FOR, *limits))
        keeper.replan(self.active())
        return keeper

    def active(self) -> ActivePlan:
        """The plan that counts."""
        active = PlanWatch(self.db, HERE).look()
        assert active is not None
        return active

    def show(self, keeper: ViewKeeper, shift_px: int, looks: int = 6) -> None:
        """Let pictures come, and the main thread look after each."""
        for _ in range(looks):
            self.clock.advance(timedelta(seconds=1))
            keeper.offer(frame(street(shift_px)))
            keeper.look()

    def state(self, keeper: ViewKeeper) -> str:
        """How the view stands."""
        status = keeper.status()
        assert status is not None
        return str(status["state"])

    def row(self) -> StoredLandmarks | None:
        """The landmarks at rest."""
        with self.db.read() as conn:
            return rechecks.LANDMARKS.find(conn, HERE)

    def acts(self) -> list[str]:
        """What the ledger says, oldest first."""
        with self.db.read() as conn:
            return [entry.act.value for entry in reversed(search(conn, Filter(), limit=50))]

    def say(self, by: str, second: str | None = None) -> None:
        """Say that the plan fits; let a second person say so too."""
        with self.db.write() as conn:
            asked = fixed_views.ask(
                conn,
                ViewStatementId(f"vs-{by}"),
                placement_id=HERE,
                reason="looked at it in the commissioning view",
                by=UserId(f"u-{by}"),
                role=Role.BLANKING_OFFICER,
                at=self.clock.now(),
            )
        if second is not None:
            with self.db.write() as conn:
                fixed_views.decide(
                    conn,
                    ViewStatementId(asked.id),
                    refusal=None,
                    by=UserId(f"u-{second}"),
                    role=Role.BLANKING_OFFICER,
                    at=self.clock.now(),
                )


@pytest.fixture
def scene(sqlite_database: Database, clock: ManualClock, tmp_path: Path) -> Scene:
    """A fixed camera with an approved plan."""
    with sqlite_database.write() as conn:
        builders.add_people(conn)
        builders.add_placement(conn, HERE, plan=PLAN)
    return Scene(sqlite_database, FileKeyring(tmp_path / "keys"), clock, Ledger("test.example/log", clock), tmp_path)


def test_the_first_landmarks_are_stored_sealed_under_the_key_of_their_hour(scene: Scene) -> None:
    """They are made of footage, and die with it."""
    keeper, begun_at = scene.keeper(), scene.clock.now()
    scene.show(keeper, 0)
    row = scene.row()
    assert row is not None
    assert begun_at <= row.taken_at <= scene.clock.now()
    assert (row.hour_at, row.due_at) == (hour_of(row.taken_at), row.taken_at + KEEP_FOR)
    assert scene.acts() == ["view.first"]
    again = scene.keeper()
    scene.show(again, 0, 2)
    assert scene.state(again) == "in-place"
    assert scene.acts() == ["view.first"]


def test_a_moved_camera_is_grey_after_a_restart_and_until_two_persons_have_looked(scene: Scene) -> None:
    """One word alone lets nothing out, nor does putting the camera back."""
    keeper = scene.keeper()
    scene.show(keeper, 0)
    scene.show(keeper, 12, 4)
    assert keeper.grey is GreyReason.CAMERA_MOVED
    assert scene.acts() == ["view.first", "view.moved"]
    active = scene.active()
    assert (active.plan, active.moved) == (None, True)
    again = scene.keeper()
    scene.show(again, 0, 3)
    assert again.grey is GreyReason.CAMERA_MOVED
    assert scene.acts() == ["view.first", "view.moved"], "told once"
    scene.say("officer")
    assert scene.active().moved
    with pytest.raises(InvalidInput), scene.db.write() as conn:
        fixed_views.decide(
            conn,
            ViewStatementId("vs-officer"),
            refusal=None,
            by=UserId("u-officer"),
            role=Role.BLANKING_OFFICER,
            at=scene.clock.now(),
        )
    with pytest.raises(Conflict):
        scene.say("second-officer")
    scene.clock.advance(timedelta(days=1))
    scene.say("second-officer", "officer")
    active = scene.active()
    assert isinstance(active.plan, ImagePlan)
    again.replan(active)
    scene.show(again, 12)
    assert again.grey is None
    assert scene.state(again) == "in-place", "landmarks are those of what the persons saw"


def test_another_plan_ends_what_was_found_under_the_one_before(scene: Scene) -> None:
    """It was drawn on what the camera shows now."""
    keeper = scene.keeper()
    scene.show(keeper, 0)
    scene.show(keeper, 12, 4)
    with scene.db.write() as conn:
        plans.add_draft(
            conn, HERE, document=PLAN, reason="drawn again", drawn_by=UserId("u-officer"), drawn_at=scene.clock.now()
        )
        plans.approve(conn, HERE, 2, approved_by=UserId("u-second-officer"), approved_at=scene.clock.now())
    keeper.replan(scene.active())
    scene.show(keeper, 12)
    assert keeper.grey is None
    assert scene.state(keeper) == "in-place"


def test_landmarks_are_renewed_before_they_are_due_and_the_old_ones_go(scene: Scene) -> None:
    """Nothing made of footage outlives it, and the watch goes on all the same."""
    keeper = scene.keeper()
    scene.show(keeper, 0)
    first = scene.row()
    assert first is not None
    parts = RetentionParts(scene.db, scene.keys, FootageStore(scene.folder / "f"), scene.ledger, scene.clock)
    for _ in range(30):
        scene.clock.advance(timedelta(days=1))
        assert erase_due_derivatives(parts, scene.clock.now()) == 0
        scene.show(keeper, 0, 8)
        row = scene.row()
        assert row is not None
        assert scene.clock.now() < row.due_at <= row.taken_at + KEEP_FOR
        assert scene.state(keeper) == "in-place"
    assert scene.acts() == ["view.first"]


def test_landmarks_that_nobody_renewed_are_erased_and_a_camera_away_so_long_is_grey(scene: Scene) -> None:
    """Nothing says then that it is where it was."""
    keeper = scene.keeper()
    scene.show(keeper, 0)
    scene.clock.advance(KEEP_FOR)
    parts = RetentionParts(scene.db, scene.keys, FootageStore(scene.folder / "f"), scene.ledger, scene.clock)
    assert erase_due_derivatives(parts, scene.clock.now()) == 1
    again = scene.keeper()
    scene.show(again, 0, 4)
    assert again.grey is GreyReason.CAMERA_NOT_RECOGNISED
    scene.say("officer", "second-officer")
    again.replan(scene.active())
    scene.show(again, 0)
    assert again.grey is None


def test_erased_landmarks_leave_the_memory_too(scene: Scene) -> None:
    """Early erasure takes them along; the camera was seen in its place just now, so new ones are taken."""
    keeper = scene.keeper()
    scene.show(keeper, 0)
    before = scene.row()
    with scene.db.write() as conn:
        assert rechecks.LANDMARKS.drop(conn, HERE)
    keeper.look()
    assert scene.row() is None
    scene.show(keeper, 0, 5)
    after = scene.row()
    assert before is not None
    assert after is not None
    assert after.taken_at > before.taken_at


def test_what_was_found_while_the_key_or_the_database_fails_is_stored_later(scene: Scene) -> None:
    """The picture is grey at once; the row follows when it can."""
    keeper = scene.keeper()
    scene.show(keeper, 0)
    with scene.db.write() as conn:
        hour_keys.require_live(conn, hour_of(scene.clock.now()))
    for _ in range(3):
        scene.clock.advance(timedelta(seconds=1))
        keeper.offer(frame(street(12)))
    assert keeper.grey is GreyReason.CAMERA_MOVED
    assert scene.acts() == ["view.first"]
    keeper.look()
    assert scene.acts() == ["view.first", "view.moved"]


def test_the_last_word_counts_whatever_the_clocks_say(scene: Scene) -> None:
    """The worker's steady clock may be behind the API's: what it finds after two persons have looked is no older news."""
    now = scene.clock.now()
    for outcome, at in ((CheckOutcome.STEADY, now), (CheckOutcome.DRIFTED, now - timedelta(seconds=5))):
        with scene.db.write() as conn:
            fixed_views.add_finding(conn, HERE, 1, outcome=outcome, document={}, at=at)
    with scene.db.read() as conn:
        assert fixed_views.standing(conn, HERE, 1).moved
    with scene.db.write() as conn:
        fixed_views.add_finding(conn, HERE, 1, outcome=CheckOutcome.STEADY, document={}, at=now - timedelta(seconds=9))
        assert not fixed_views.standing(conn, HERE, 1).moved


def tokens(keeper: ViewKeeper) -> list[str | None]:
    """The names of what the view is recognised by."""
    assert keeper._watch is not None
    return [one.token for one in keeper._watch.references]


def test_an_old_reference_gets_one_successor_and_the_others_stay(scene: Scene) -> None:
    """One a minute would drive out those of night and snow."""
    keeper = scene.keeper()
    scene.show(keeper, 0)
    (first,) = tokens(keeper)
    scene.clock.advance(timedelta(days=14))
    scene.show(keeper, 0, 75)
    assert len(tokens(keeper)) == 2
    assert first in tokens(keeper)


def test_landmarks_of_an_hour_whose_key_goes_are_dropped_and_the_worker_goes_on(scene: Scene) -> None:
    """Early erasure takes an hour's key while the worker stores younger landmarks beside those of that hour."""
    keeper = scene.keeper()
    scene.show(keeper, 0)
    before = scene.row()
    assert before is not None
    (first,) = tokens(keeper)
    scene.clock.advance(timedelta(days=14))
    with scene.db.write() as conn:
        conn.execute(
            update(hour_key).where(hour_key.c.hour_at == before.hour_at).values(state=HourKeyState.DYING.value)
        )
    scene.show(keeper, 0, 10)
    row = scene.row()
    assert row is not None
    assert row.taken_at > before.taken_at + timedelta(days=13)
    assert first not in tokens(keeper)
    assert scene.state(keeper) == "in-place"
    assert keeper.grey is None


def clip(shift_of: Callable[[int], int], seconds: int, keyframe_every_s: int = 1) -> list[av.Packet]:
    """The street, encoded; each second shifted by its own amount."""
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    encoder.time_base, encoder.framerate, encoder.gop_size = Fraction(1, 90_000), Fraction(FPS), FPS
    encoder.options = {"preset": "ultrafast", "tune": "zerolatency", "g": str(keyframe_every_s * FPS)}
    encoder.gop_size = keyframe_every_s * FPS
    packets = []
    for number in range(seconds * FPS):
        picture = av.VideoFrame.from_ndarray(street(shift_of(number // FPS)), "gray").reformat(format="yuv420p")
        picture.pts, picture.time_base = number * 90_000 // FPS, Fraction(1, 90_000)
        packets += encoder.encode(picture)
    return packets + encoder.encode(None)


@pytest.mark.parametrize(
    ("masked", "keyframe_every_s", "moved_s"),
    [(True, 1, 6), (False, 1, 6), (False, 3, 5)],
    ids=["masked", "copied", "copied-with-few-keyframes"],
)
def test_no_picture_of_a_moved_camera_comes_out_after_two_seconds(
    scene: Scene, *, masked: bool, keyframe_every_s: int, moved_s: int
) -> None:
    """Neither through the masks, which lie elsewhere now, nor copied from a camera that had no dwelling in sight."""
    keeper = scene.keeper()
    active = scene.active() if masked else ActivePlan(1, None, no_dwelling_in_sight=True)
    keeper.replan(active)
    bench = Bench(view=keeper, clock=scene.clock)
    bench.put(PlanChanged(active))
    bench.put(Opened(FakeStream()))  # type: ignore[arg-type]  # a fake
    bench.play(clip(lambda second: 12 if second >= moved_s else 0, 10, keyframe_every_s))
    shown = pictures(bench.output.packets)
    grey_from = (moved_s + 2) * FPS - 10 * FPS
    assert not (np.abs(shown[(moved_s - 1) * FPS - 10 * FPS].astype(int) - 128) < 8).all(), "it was seen before"
    assert all((np.abs(picture.astype(int) - 128) < 8).all() for picture in shown[grey_from:])
    assert "camera-moved" in bench.output.reasons
