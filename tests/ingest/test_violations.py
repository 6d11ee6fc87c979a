"""Violations whose only right answer is grey: one table, shown at the blanking stage and through `vms blank`.

A row breaks one promise that the plan rests on, for part of a healthy run of a parked camera (frames at 25 Hz, poses at 10 Hz). While
it is broken every frame is wholly grey, and says why; before and after it the street is there, so that grey is the answer to the
violation and not to everything. What only the picture can betray (a frozen register, a clock beyond its bound) is vision's subject.
"""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from blanking.decision import BlankAll, GreyReason
from blanking.plan import parse_plan
from blanking.pose import stamped_sample
from blanking.stage import BlankingStage
from ingest.plan_watch import PlanWatch
from tests.blanking.conftest import raw_frame
from tests.footage.scene import APPROVER, DRAWER, Scene
from tests.ingest.video_clips import read_clip, write_clip
from vms.cli.main import run
from vms.clock import ManualClock
from vms.db import plans
from vms.db.engine import Database

WIDTH, HEIGHT, FPS, FRAMES, GOP = 160, 96, 25, 75, 10
PLAN: dict[str, Any] = {
    "frame": {"width": WIDTH, "height": HEIGHT},
    "kind": "directions",
    "camera_model": {"zoom": [[0.0, 60.0], [1.0, 10.0]]},
    "accuracy": {"pan_tilt_deg": 0.1, "zoom_rel": 0.01, "time_s": 0.005, "exposure_s": 0.0},
    "masks": [{"id": "m", "polygon_deg": [[-4, -3], [4, -3], [4, 3], [-4, 3]]}],
}
RIPPLE = 30
"""What the encoder leaves of the street before in a wholly grey picture (rgb); the street itself differs from grey by 70 and more."""
Samples = list[dict[str, Any]]


def healthy() -> Samples:
    """What a parked camera says from one second before the run to one second after it."""
    return [
        {"at_s": n / 10 - 1, "arrived_s": n / 10 - 0.92, "pan_deg": 0.0, "tilt_deg": 0.0, "zoom": 0.0}
        for n in range(52)
    ]


def changed(first_s: float, last_s: float, **fields: Any) -> Callable[[Samples], Samples]:
    """Say something else during a time."""
    return lambda samples: [one | fields if first_s <= one["at_s"] <= last_s else one for one in samples]


def without(first_s: float, last_s: float) -> Callable[[Samples], Samples]:
    """Say nothing during a time."""
    return lambda samples: [one for one in samples if not first_s <= one["at_s"] <= last_s]


def turning(degrees: float) -> Callable[[Samples], Samples]:
    """Turn that far within a tenth of a second at 1.5 s, and stay there."""
    return lambda samples: [one | {"pan_deg": degrees if one["at_s"] >= 1.5 else 0.0} for one in samples]


def stamped_early(samples: Samples) -> Samples:
    """Stamp samples later than they arrive."""
    return [one | {"at_s": one["at_s"] + 2.0} if 1.4 <= one["at_s"] <= 1.6 else one for one in samples]


@dataclass(frozen=True)
class Violation:
    """A broken promise.

    Args:
        name: what is broken.
        grey_s: frames with time stamps in this span must be grey.
        reasons: that may be given.
        say: what the camera says instead of the truth.
        dropped, cut: numbers of encoded pictures that are lost, or cut short.
        clear: whether the street is seen outside of the span.
        settle_s: by how much a violation may show before its span: nobody knows when it began.
    """

    name: str
    grey_s: tuple[float, float]
    reasons: set[str]
    say: Callable[[Samples], Samples] = list
    dropped: frozenset[int] = frozenset()
    cut: frozenset[int] = frozenset()
    clear: bool = True
    settle_s: float = 0.4

    @property
    def in_the_stream(self) -> bool:
        """Whether pictures are damaged, which the stage is told and does not see."""
        return bool(self.dropped or self.cut)


WHOLE = (0.0, FRAMES / FPS)
TELEMETRY = [
    Violation("turns faster than it can", (1.41, 1.49), {"over-speed", "over-acceleration"}, turning(40.0)),
    Violation("starts harder than it can", (1.41, 1.49), {"over-acceleration"}, turning(9.0)),
    Violation("says no position for a while", (1.31, 1.69), {"bad-sample"}, changed(1.4, 1.6, pan_deg=None)),
    Violation("says no tilt", (1.31, 1.69), {"bad-sample"}, changed(1.4, 1.6, tilt_deg=None)),
    Violation("says no zoom", (1.31, 1.69), {"bad-sample"}, changed(1.4, 1.6, zoom=None)),
    Violation("says NaN", (1.31, 1.69), {"bad-sample"}, changed(1.4, 1.6, pan_deg=math.nan)),
    Violation("says a pan that is none", (1.31, 1.69), {"bad-sample"}, changed(1.4, 1.6, pan_deg=720.0)),
    Violation("says a tilt beyond the zenith", (1.31, 1.69), {"bad-sample"}, changed(1.4, 1.6, tilt_deg=170.0)),
    Violation("says a zoom beyond its range", (1.31, 1.69), {"bad-sample"}, changed(1.4, 1.6, zoom=7.0)),
    Violation("never says anything", WHOLE, {"pose-missing"}, without(-9.0, 99.0), clear=False),
    Violation("falls silent", (2.0, 3.0), {"pose-late", "pose-stale"}, without(0.5, 99.0), settle_s=1.6),
    Violation("stamps ahead of its arrival", (1.41, 1.59), {"clock-unsynchronised"}, stamped_early),
    Violation(
        "two positions at one instant",
        (1.45, 1.55),
        {"contradiction"},
        lambda samples: [*samples, *({**one, "pan_deg": 30.0} for one in samples if abs(one["at_s"] - 1.5) < 0.01)],
    ),
]
LOSSES = [
    *(
        Violation(
            f"a picture is lost, number {number} of its group",
            ((20 + number) / FPS + 1e-3, 30 / FPS - 1e-3),
            {"lost-picture"},
            dropped=frozenset({20 + number}),
        )
        for number in range(1, GOP - 1)
    ),
    Violation("a keyframe is lost", (20 / FPS + 1e-3, 30 / FPS - 1e-3), {"lost-picture"}, dropped=frozenset({20})),
    *(
        Violation(
            f"a picture is cut short, number {number} of its group",
            ((20 + number) / FPS - 1e-3, 30 / FPS - 1e-3),
            {"lost-picture"},
            cut=frozenset({20 + number}),
        )
        for number in range(GOP)
    ),
]


def ids(violation: Violation) -> str:
    """Name a row."""
    return violation.name


@pytest.mark.parametrize("violation", TELEMETRY, ids=ids)
def test_the_stage_is_grey_while_a_promise_is_broken(violation: Violation) -> None:
    """The decision itself, without files."""
    stage = BlankingStage(parse_plan(PLAN))
    for one in violation.say(healthy()):
        pose = (one["pan_deg"], one["tilt_deg"], one["zoom"])
        stage.add_sample(stamped_sample(one["at_s"], one["arrived_s"], pose))
    seen: list[tuple[float, str | None, bool]] = []
    for tick in range(FRAMES + 30):
        if tick < FRAMES:
            stage.add_frame(raw_frame(tick / FPS, width=WIDTH, height=HEIGHT), tick / FPS)
        for one in stage.release(tick / FPS):
            reason = one.decision.reason.value if isinstance(one.decision, BlankAll) else None
            seen.append((one.frame.captured_s, reason, bool((one.frame.buffer == 128).all())))
    judge(violation, seen)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a clip with a keyframe every ten pictures."""
    path = tmp_path_factory.mktemp("violations") / "in.mp4"
    options = {"qp": "4", "bf": "0", "g": str(GOP), "x264-params": "scenecut=0"}
    return write_clip(path, count=FRAMES, size=(WIDTH, HEIGHT), options=options)


def damaged(clip: Path, violation: Violation, out: Path) -> Path:
    """Copy a clip without the pictures that are lost, and with others cut short."""
    with av.open(str(clip)) as source, av.open(str(out), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        packets = [packet for packet in source.demux(video=0) if packet.size]
        for number, packet in enumerate(packets):
            if number in violation.dropped:
                continue
            if number in violation.cut:
                cut = av.Packet(bytes(packet)[: packet.size // 2])
                cut.pts, cut.dts, cut.time_base, cut.is_keyframe = (
                    packet.pts,
                    packet.dts,
                    packet.time_base,
                    packet.is_keyframe,
                )
                packet = cut  # noqa: PLW2901 - the same place in the stream
            packet.stream = stream
            target.mux(packet)
    return out


@pytest.mark.parametrize("violation", [*TELEMETRY, *LOSSES], ids=ids)
def test_vms_blank_is_grey_while_a_promise_is_broken(violation: Violation, clip: Path, tmp_path: Path) -> None:
    """The same, and damaged pictures at every position of a group, from file to decoded file by the command itself."""
    source = damaged(clip, violation, tmp_path / "in.mp4") if violation.in_the_stream else clip
    plan, telemetry, report = tmp_path / "plan.json", tmp_path / "telemetry.jsonl", tmp_path / "report.json"
    plan.write_text(json.dumps(PLAN))
    telemetry.write_text("".join(json.dumps(one) + "\n" for one in violation.say(healthy())))
    out = tmp_path / "out.mp4"
    with pytest.raises(SystemExit) as ended:
        run(
            [
                "blank",
                str(source),
                "--plan",
                str(plan),
                "--telemetry",
                str(telemetry),
                "--out",
                str(out),
                "--report",
                str(report),
            ]
        )
    assert ended.value.code in {0, None}
    frames = json.loads(report.read_text())["frames"]
    pictures = read_clip(out)
    assert len(frames) == len(pictures)
    judge(
        violation,
        [
            (frame["pts_s"], frame["reason"], int(np.abs(picture.astype(int) - 128).max()) <= RIPPLE)
            for frame, (_, picture) in zip(frames, pictures, strict=True)
        ],
    )


def judge(violation: Violation, seen: list[tuple[float, str | None, bool]]) -> None:
    """Compare frames (instant, reason, wholly grey) with the row."""
    first_s, last_s = violation.grey_s
    broken = [one for one in seen if first_s <= one[0] <= last_s]
    # The last picture of a group, cut short: the decoder gives nothing at all, which leaves nothing to grey.
    assert broken or violation.cut == frozenset({29})
    assert [one for one in broken if not one[2] or one[1] not in violation.reasons] == []
    if violation.clear:
        before = [one for one in seen if one[0] < first_s - violation.settle_s]
        assert all(reason is None and not is_grey for _, reason, is_grey in before)
        assert before
    if violation.in_the_stream:
        after = [one for one in seen if one[0] > last_s + 2e-3]
        assert after
        assert not any(is_grey for _, _, is_grey in after)


def document(**frame: int) -> dict[str, Any]:
    """Return the plan for another frame."""
    return PLAN | {"frame": PLAN["frame"] | frame}


@pytest.mark.parametrize(
    ("plan", "shape", "pixel_format", "reason"),
    [
        (PLAN, (WIDTH // 2, HEIGHT // 2), "yuv420p", GreyReason.SIZE_MISMATCH),
        (PLAN, (HEIGHT, WIDTH), "yuv420p", GreyReason.SIZE_MISMATCH),
        (document(width=WIDTH * 2, height=HEIGHT * 2), (WIDTH, HEIGHT), "yuv420p", GreyReason.SIZE_MISMATCH),
        (PLAN, (WIDTH, HEIGHT), "nv12", GreyReason.PIXEL_FORMAT),
        (PLAN, (WIDTH, HEIGHT), "yuv420p10le", GreyReason.PIXEL_FORMAT),
        (PLAN, (WIDTH, HEIGHT), "bayer_bggr8", GreyReason.PIXEL_FORMAT),
        (None, (WIDTH, HEIGHT), "yuv420p", GreyReason.PLAN_MISSING),
    ],
    ids=["a smaller profile", "a turned picture", "a larger plan", "nv12", "ten bits", "raw sensor", "no plan"],
)
def test_a_picture_that_the_plan_is_not_for_is_grey(
    plan: dict[str, Any] | None, shape: tuple[int, int], pixel_format: str, reason: GreyReason
) -> None:
    """Calibration of another profile, a rotation, an unknown format: the masks say nothing about such pictures."""
    stage = BlankingStage(None if plan is None else parse_plan(plan))
    for one in healthy():
        stage.add_sample(stamped_sample(one["at_s"], one["arrived_s"], (0.0, 0.0, 0.0)))
    stage.add_frame(raw_frame(0.5, width=shape[0], height=shape[1], pixel_format=pixel_format), 0.5)
    (released,) = stage.flush(1.0)
    assert isinstance(released.decision, BlankAll)
    assert released.decision.reason is reason
    assert (released.frame.buffer == 128).all()


@pytest.mark.parametrize(
    "reason",
    [GreyReason.CAMERA_BUSY, GreyReason.PLAN_MISMATCH, GreyReason.LOST_PICTURE, GreyReason.CLOCK_UNSYNCHRONISED],
)
def test_what_the_stage_is_told_from_outside_is_grey(reason: GreyReason) -> None:
    """Homing, rebooting, calibrating, another profile: whoever knows says so with the frame."""
    stage = BlankingStage(parse_plan(PLAN))
    for one in healthy():
        stage.add_sample(stamped_sample(one["at_s"], one["arrived_s"], (0.0, 0.0, 0.0)))
    stage.add_frame(raw_frame(0.5, width=WIDTH, height=HEIGHT), 0.5, reason)
    (released,) = stage.flush(1.0)
    assert released.decision == BlankAll(reason)
    assert (released.frame.buffer == 128).all()


def test_a_fault_inside_the_stage_is_grey_and_the_next_frame_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever raises while deciding: nothing leaves unblanked, and the camera goes on."""
    stage = BlankingStage(parse_plan(PLAN))
    for one in healthy():
        stage.add_sample(stamped_sample(one["at_s"], one["arrived_s"], (0.0, 0.0, 0.0)))
    decider = stage._decider
    assert decider is not None
    sound = decider.decide
    monkeypatch.setattr(decider, "decide", lambda captured_s: sound(captured_s) if captured_s > 0.5 else 1 / 0)
    for at_s in (0.5, 0.6):
        stage.add_frame(raw_frame(at_s, width=WIDTH, height=HEIGHT), at_s)
    first, second = stage.flush(1.0)
    assert first.decision == BlankAll(GreyReason.ERROR)
    assert (first.frame.buffer == 128).all()
    assert not np.all(second.frame.buffer == 128)


def test_a_plan_that_cannot_be_read_greys_everything(
    sqlite_database: Database, clock: ManualClock, tmp_path: Path
) -> None:
    """Approved or not: what is not understood masks nothing, so nothing is shown."""
    scene, now = Scene.make(sqlite_database, clock, tmp_path), clock.now()
    with scene.db.write() as conn:
        document = {"kind": "directions"}
        plans.add_draft(conn, scene.placement_id, document=document, reason="t", drawn_by=DRAWER, drawn_at=now)
        plans.approve(conn, scene.placement_id, 2, approved_by=APPROVER, approved_at=now)
    active = PlanWatch(scene.db, scene.placement_id).look()
    assert active is not None
    assert active.plan is None
    assert not active.no_dwelling_in_sight
