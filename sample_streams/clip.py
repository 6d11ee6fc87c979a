"""Write what a camera sees into files, without any network, exactly the same for the same arguments.

For ``vms blank``, for benchmarks, and for pairs of clips that differ only inside the dwellings::

    python -m sample_streams.clip --camera vredenmarkt --frames 200 --out DIR [--content-seed 7] [--pattern sweep]

writes ``clip.mp4``, ``TELEMETRY.jsonl`` (PTZ only), ``PLAN.json`` (where there are dwellings) and ``truth/``.
"""

import argparse
import json
import random
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.video.stream import VideoStream

from sample_streams.device.autopilot import Pattern, autopilot
from sample_streams.device.clock import CameraClock
from sample_streams.device.encoder import Encoder, EncoderSettings, plane_view
from sample_streams.device.mechanics import Limits, Mechanics
from sample_streams.device.telemetry import Telemetry
from sample_streams.plan import plan_document
from sample_streams.roster import CameraKind, CameraSpec, roster
from sample_streams.scene.light import TimeOfDay
from sample_streams.scene.place import Place
from sample_streams.scene.renderer import Exposure, Renderer
from sample_streams.scene.shelf import painted_place
from sample_streams.truth import FrameRecord, camera_truth
from sample_streams.wire.nal import Codec

START_S = 1000.0  # the clip's own clock; any instant would do
LEAD_IN_S = 1.0
VIDEO_CLOCK_HZ = 90_000


@dataclass(frozen=True, slots=True)
class ClipSettings:
    """What to write."""

    camera_id: str
    frames: int
    out: Path
    seed: int = 1
    content_seed: int = 1
    pattern: Pattern = Pattern.SWEEP
    speed_deg_s: float = 25.0
    telemetry_hz: float = 10.0
    qp: int = 18
    shows_truth: bool = False
    time_of_day: TimeOfDay = TimeOfDay.DUSK


def write_clip(settings: ClipSettings) -> None:
    """Write the clip and everything that belongs to it."""
    spec = roster()[settings.camera_id]
    place = painted_place(spec.place, settings.seed, settings.time_of_day, spec.camera_id)
    settings.out.mkdir(parents=True, exist_ok=True)
    truth_dir = settings.out / "truth"
    truth_dir.mkdir(exist_ok=True)
    truth = camera_truth(spec.camera_id, spec.optics, place, spec.exposure_s)
    (truth_dir / f"{spec.camera_id}.camera.json").write_text(json.dumps(truth.to_json()))
    if spec.has_plan:
        (settings.out / "PLAN.json").write_text(json.dumps(plan_document(spec, place), indent=1))
    mechanics = Mechanics(Limits(), spec.start, START_S - LEAD_IN_S)
    if spec.kind is CameraKind.PTZ:
        speeds = autopilot(settings.pattern, START_S - LEAD_IN_S, settings.speed_deg_s, settings.seed)
        mechanics.follow(START_S - LEAD_IN_S, speeds)
        # Telemetry is read along the way, as it is from a live camera: the motors remember only the last seconds.
    records = _write_video(settings, spec, place, mechanics)
    lines = [json.dumps(record.to_json()) + "\n" for record in records]
    (truth_dir / f"{spec.camera_id}.jsonl").write_text("".join(lines))


def _write_video(settings: ClipSettings, spec: CameraSpec, place: Place, mechanics: Mechanics) -> list[FrameRecord]:
    renderer = Renderer(place, spec.optics, spec.corners, settings.seed, spec.fps)
    renderer.set_content_seed(settings.content_seed)
    renderer.show_truth(on=settings.shows_truth)
    size = (spec.optics.width_px, spec.optics.height_px)
    encoder = Encoder(EncoderSettings(spec.codec, *size, spec.fps, settings.qp, spec.keyframe_interval))
    reporter = _TelemetryWriter(settings, spec, mechanics) if spec.kind is CameraKind.PTZ else None
    records = []
    with av.open(str(settings.out / "clip.mp4"), "w") as container:
        stream = container.add_stream("libx264" if spec.codec is Codec.H264 else "libx265")
        assert isinstance(stream, VideoStream)
        encoder.configure(stream.codec_context, has_global_header=True)
        stream.time_base = stream.codec_context.time_base = Fraction(1, VIDEO_CLOCK_HZ)
        for number in range(settings.frames):
            pts_s = number / spec.fps
            exposure = _exposure(spec, mechanics, START_S + pts_s)
            if reporter is not None:
                reporter.report_until(pts_s)
            renderer.draw(number, exposure, encoder.picture)
            frame = av.VideoFrame(*size, "yuv420p")
            for plane, source in zip(frame.planes, encoder.planes(), strict=True):
                plane_view(plane)[:] = source
            frame.pts, frame.time_base = round(pts_s * VIDEO_CLOCK_HZ), Fraction(1, VIDEO_CLOCK_HZ)
            is_key = encoder.place_keyframe(frame, number)
            container.mux(stream.encode(frame))
            records.append(_record(spec, number, pts_s, exposure, is_keyframe=is_key))
        container.mux(stream.encode(None))
    if reporter is not None:
        reporter.report_until(settings.frames / spec.fps + LEAD_IN_S)
        reporter.write()
    return records


def _exposure(spec: CameraSpec, mechanics: Mechanics, at_s: float) -> Exposure:
    if spec.kind is CameraKind.FIXED:
        return Exposure(spec.start, spec.start, spec.start)
    half = spec.exposure_s / 2
    return Exposure(*(mechanics.pose_at(at_s + shift) for shift in (-half, 0.0, half)))


def _record(spec: CameraSpec, number: int, pts_s: float, exposure: Exposure, *, is_keyframe: bool) -> FrameRecord:
    return FrameRecord(
        number,
        0,
        round(pts_s * VIDEO_CLOCK_HZ),
        pts_s,
        pts_s,
        exposure.start,
        exposure.middle,
        exposure.end,
        spec.optics.width_px,
        spec.optics.height_px,
        is_keyframe,
        1,
        1,
    )


class _TelemetryWriter:
    """Poll the telemetry as an attentive client would, and note what it was told and when."""

    def __init__(self, settings: ClipSettings, spec: CameraSpec, mechanics: Mechanics) -> None:
        self._path = settings.out / "TELEMETRY.jsonl"
        self._rng = random.Random(f"{settings.seed}/{settings.camera_id}/clip")
        clock = CameraClock(0.0, self._rng, boot_s=START_S)
        self._clock_zero_s = clock.camera_utc_s(START_S)
        self._telemetry = Telemetry(mechanics, clock, spec.telemetry, self._rng)
        self._interval_s = 1.0 / settings.telemetry_hz
        self._next_s = -LEAD_IN_S / 2
        self._lines: list[str] = []

    def report_until(self, pts_s: float) -> None:
        """Ask for the pose at every polling instant up to one on the video's clock."""
        while self._next_s <= pts_s:
            reading = self._telemetry.read(START_S + self._next_s)
            at_s = reading.device_at.timestamp() - self._clock_zero_s
            line = {
                "at_s": round(at_s, 3),
                "arrived_s": round(self._next_s + reading.delay_s, 4),
                "pan_deg": float(reading.pan or "nan"),
                "tilt_deg": float(reading.tilt or "nan"),
                "zoom": float(reading.zoom or "nan"),
                "moving": reading.pan_tilt_status == "MOVING" or reading.zoom_status == "MOVING",
            }
            self._lines.append(json.dumps(line) + "\n")
            self._next_s += self._interval_s * self._rng.uniform(0.9, 1.1)

    def write(self) -> None:
        """Write all of it."""
        self._path.write_text("".join(self._lines))


def main() -> None:
    """Read the command line and write a clip."""
    parser = argparse.ArgumentParser(prog="sample_streams.clip", description=main.__doc__)
    parser.add_argument("--camera", required=True, choices=list(roster()))
    parser.add_argument("--frames", type=int, default=200)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--content-seed", type=int)
    parser.add_argument("--pattern", type=Pattern, choices=list(Pattern), default=Pattern.SWEEP)
    parser.add_argument("--speed-deg-s", type=float, default=25.0)
    parser.add_argument("--telemetry-hz", type=float, default=10.0)
    parser.add_argument("--qp", type=int, default=18, help="constant quantiser; 0 is lossless for H.264")
    parser.add_argument("--truth-colours", action="store_true")
    parser.add_argument("--time-of-day", type=TimeOfDay, choices=list(TimeOfDay), default=TimeOfDay.DUSK)
    given = parser.parse_args()
    write_clip(
        ClipSettings(
            given.camera,
            given.frames,
            given.out,
            given.seed,
            given.seed if given.content_seed is None else given.content_seed,
            given.pattern,
            given.speed_deg_s,
            given.telemetry_hz,
            given.qp,
            given.truth_colours,
            given.time_of_day,
        )
    )


if __name__ == "__main__":
    main()
