"""Non-interference: two whole runs that differ only in what happens inside the dwellings leave no trace of the difference, in any byte.

The simulator draws the same street twice, with other content behind the windows of dwellings (its content seed), losslessly coded, so that
the inputs differ there and nowhere else. Each run goes through the real pipeline (decoder, poses, blanking, encoder), recorder and live
feed, by a clock turned by hand. Everything that leaves is compared byte by byte: pictures, sizes, instants, key pictures, notes, records,
states. What is not compared: computing time (a real clock would differ from run to run anyway).
"""

import json
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import av
import pytest

from ingest.inbox import Opened, PlanChanged
from ingest.live import LiveFeed
from ingest.plan_watch import active_plan
from ingest.position import Position
from ingest.ptz_space import SPHERICAL_URI
from ingest.source import SourcePacket
from ingest.telemetry import Exchange
from sample_streams.clip import ClipSettings, write_clip
from tests.footage.scene import APPROVER, DRAWER, KEEP_FOR, Scene
from tests.ingest.test_pipeline import AHEAD_S, Bench, FakeChannel, FakeStream
from vms.bus.messages import to_wire
from vms.db import plans, segments
from vms.db.engine import Database
from vms.db.migrate import upgrade
from vms.footage.recorder import RecorderPlan, SegmentRecorder
from vms.model import CameraKind, SegmentMode, SegmentState, Span

FRAMES = 45
CAMERAS = {"vredenmarkt": CameraKind.PTZ, "wevergracht": CameraKind.FIXED}


@dataclass
class Outcome:
    """Everything that left the system in one run."""

    source: bytes
    pictures: list[tuple[Any, ...]]
    reasons: list[str | None]
    files: list[bytes]
    rows: list[tuple[Any, ...]]
    live: list[bytes]
    status: dict[str, Any]


def telemetry_of(folder: Path) -> list[dict[str, Any]]:
    """Return what the camera said, in order of arrival; nothing for a fixed camera."""
    file = folder / "TELEMETRY.jsonl"
    lines = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    return sorted(lines, key=lambda line: float(line["arrived_s"]))


def run(folder: Path, kind: CameraKind) -> Outcome:
    """Send a clip through everything."""
    bench = Bench(kind)
    url = f"sqlite:///{folder / 'vms.sqlite'}"
    upgrade(url)
    scene = Scene.make(Database(url), bench.clock, folder / "s")
    now = bench.clock.now()
    with scene.db.write() as conn:
        document = json.loads((folder / "PLAN.json").read_text())
        plans.add_draft(conn, scene.placement_id, document=document, reason="t", drawn_by=DRAWER, drawn_at=now)
        plans.approve(conn, scene.placement_id, 2, approved_by=APPROVER, approved_at=now)
        active = active_plan(plans.current(conn, scene.placement_id))
    bench.put(PlanChanged(active))
    with av.open(str(folder / "clip.mp4")) as container:
        stream = container.streams.video[0]
        bench.put(Opened(FakeStream(parameter_sets=bytes(stream.codec_context.extradata or b""))))  # type: ignore[arg-type]  # a fake
        play(bench, [packet for packet in container.demux(stream) if packet.size], telemetry_of(folder))
    files, rows = recorded(scene, bench, RecorderPlan(KEEP_FOR, SegmentMode.MASKED, 2, active.sha256, active.model))
    channel = FakeChannel()
    feed = LiveFeed(channel, 1)
    channel.join()
    for packet in bench.output.packets:
        feed.packet(packet)
    scene.db.dispose()
    return Outcome(
        (folder / "clip.mp4").read_bytes(),
        [(one.data, one.captured_at, one.is_keyframe, one.width, one.height) for one in bench.output.packets],
        bench.output.reasons,
        files,
        rows,
        [to_wire(one) for one in channel.got],
        bench.pipeline._parts.gauge.status(),
    )


def play(bench: Bench, packets: list[Any], told: list[dict[str, Any]]) -> None:
    """Let pictures and answers arrive as they did."""
    zero_s = bench.clock.monotonic_s() + 1.0
    coming = [(float(packet.pts * packet.time_base) + 0.08, packet) for packet in packets]
    coming += [(float(line["arrived_s"]), line) for line in told if float(line["arrived_s"]) > -0.9]
    for arrived_s, one in sorted(coming, key=lambda item: item[0]):
        bench.clock.advance(timedelta(seconds=max(0.0, zero_s + arrived_s - bench.clock.monotonic_s())))
        now_s = bench.clock.monotonic_s()
        if isinstance(one, dict):
            utc_s = zero_s + float(one["at_s"]) + AHEAD_S
            position = Position(one["pan_deg"], one["tilt_deg"], SPHERICAL_URI, one["zoom"], one["moving"], utc_s, 3)
            bench.put(Exchange(position, min(now_s, zero_s + float(one["at_s"]) - 0.01), now_s))
            continue
        camera_s = zero_s + arrived_s - 0.08 + AHEAD_S
        bench.put(
            SourcePacket(one, one.pts or 0, now_s, camera_s, reported=False, jumped=False, is_keyframe=one.is_keyframe)
        )
    bench.clock.advance(timedelta(seconds=1))
    bench.pipeline.step(0.0)


def recorded(scene: Scene, bench: Bench, plan: RecorderPlan) -> tuple[list[bytes], list[tuple[Any, ...]]]:
    """Record what came out; return the plain files and what the rows say of them."""
    recorder = SegmentRecorder(
        scene.placement_id, scene.take_over(), db=scene.db, keys=scene.keys, store=scene.store, ledger=scene.ledger,
        clock=scene.clock, plan=plan, in_background=False,
    )  # fmt: skip
    for reason, packet in zip(bench.output.reasons, bench.output.packets, strict=True):
        recorder.note_frame(packet.captured_at, grey_reason=reason, pose_source="x")
        recorder.append(packet)
    recorder.close()
    with scene.db.read() as conn:
        ever = Span(scene.clock.now() - timedelta(days=1), scene.clock.now() + timedelta(days=1))
        rows = segments.covering(conn, scene.placement_id, ever, [SegmentState.SEALED])
    files = [scene.reader.segment_bytes(scene.placement_id, row.number) for row in rows]
    said = [(row.number, row.start_at, row.end_at, row.size_bytes, row.blanking, row.fragments) for row in rows]
    return files, said


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("camera", CAMERAS)
def test_what_happens_inside_dwellings_leaves_no_trace_in_any_byte(camera: str, tmp_path: Path) -> None:
    """Neither in the recording nor in a viewer's stream, neither in pixels nor in sizes, instants or states."""
    outcomes = []
    for content_seed in (1, 2):
        folder = tmp_path / str(content_seed)
        write_clip(ClipSettings(camera, FRAMES, folder, content_seed=content_seed, qp=0))
        outcomes.append(run(folder, CAMERAS[camera]))
    one, other = outcomes
    assert one.source != other.source
    assert len(one.pictures) > FRAMES - 5
    assert one.reasons.count(None) > FRAMES // 2, "all grey would pass"
    assert one.reasons == other.reasons
    assert [len(picture[0]) for picture in one.pictures] == [len(picture[0]) for picture in other.pictures]
    assert one.pictures == other.pictures
    assert one.files == other.files
    assert one.rows == other.rows
    assert one.live == other.live
    assert one.status == other.status
