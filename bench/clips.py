"""The clips that the benchmarks run on: made once, kept in a cache folder, the same for us and for the peer."""

import json
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Self

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from bench import city_clips
from bench.city_clips import Shot
from bench.peer import execute, ffmpeg
from blanking.plan import parse_plan
from blanking.plan_values import Plan
from blanking.pose import PoseSample, stamped_sample

FPS = 25
GOP_FRAMES = 50
SEED = 20
_RECIPE = "r2"
"""Part of the cached files' names: another recipe makes other files."""

_CAMERA_ENCODERS: dict[str, tuple[str, int, dict[str, str]]] = {
    # What street cameras send: High profile or Main, no B pictures, constant bit rate.
    "h264": ("libx264", 4_000_000, {"preset": "medium", "profile": "high", "x264-params": "bframes=0:scenecut=0"}),
    "h265": ("libx265", 2_500_000, {"preset": "fast", "x265-params": "bframes=0:scenecut=0:log-level=error"}),
}

VTEST_PLACES = (Path("/usr/share/doc/opencv-doc/examples/data/vtest.avi"), Path("var/bench/source/vtest.avi"))
"""Where a real CCTV recording is looked for: Debian's opencv-doc, or the file alone, put there by hand."""


@dataclass(frozen=True, slots=True)
class Clip:
    """A video with the plan that masks it.

    Args:
        name: for tables.
        what: where it comes from, in a few words.
        video: MP4 file.
        plan: what is to be grey.
        samples: telemetry of a PTZ camera, in the order of arrival.
    """

    name: str
    what: str
    video: Path
    plan: Plan
    samples: tuple[PoseSample, ...] = ()

    @classmethod
    def of_file(cls, name: str, what: str, video: Path, *, like: Path) -> Self:
        """Read the plan and telemetry that lie beside `like`."""
        plan = parse_plan(json.loads(like.with_suffix(".plan.json").read_text(encoding="utf-8")))
        telemetry = like.with_suffix(".telemetry.jsonl")
        lines = telemetry.read_text(encoding="utf-8").splitlines() if telemetry.exists() else []
        samples = sorted((_sample(json.loads(line)) for line in lines), key=lambda sample: sample.arrived_s)
        return cls(name, what, video, plan, tuple(samples))


def _sample(line: dict[str, Any]) -> PoseSample:
    pose = (line["pan_deg"], line["tilt_deg"], line["zoom"])
    return stamped_sample(line["at_s"], line["arrived_s"], pose, moving=line["moving"])


def clips(folder: Path, *, quick: bool) -> list[Clip]:
    """Return all clips, making those that are not in the folder yet.

    Args:
        folder: the cache.
        quick: half a second at 320 x 192 instead of ten seconds at 1920 x 1080.
    """
    width_px, height_px, frames = (320, 192, 12) if quick else (1920, 1080, 250)
    size = f"{height_px}p{FPS}"
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{_RECIPE}-{height_px}p-{frames}"
    made: list[Clip] = []
    for name, shoot, codecs in (
        ("street", city_clips.fixed, ("h264", "h265")),
        ("ptz", city_clips.moving, ("h264",)),
    ):
        files = {codec: folder / f"{name}-{stem}-{codec}.mp4" for codec in codecs}
        like = files[codecs[0]]
        if not all(file.exists() for file in files.values()):
            _render(shoot(width_px, height_px, frames, float(FPS), SEED), files, like)
        kind = "fixed" if name == "street" else "moving PTZ"
        for codec, file in files.items():
            named = f"{kind} {size} {codec.upper().replace('H26', 'H.26')}"
            made.append(Clip.of_file(named, "rendered by the demo city", file, like=like))
    vtest = next((path for path in VTEST_PLACES if path.exists()), None)
    if vtest is not None and not quick:
        made.append(_real(vtest, folder / f"vtest-{stem}-h264.mp4", size))
    return made


def _render(shot: Shot, files: dict[str, Path], like: Path) -> None:
    """Encode a shot with each codec, and lay its plan and telemetry beside the first file."""
    parts = {codec: file.with_suffix(".part") for codec, file in files.items()}
    sinks = [_Camera(part, codec, shot.width_px, shot.height_px) for codec, part in parts.items()]
    for number, planes in enumerate(shot.pictures()):
        for sink in sinks:
            sink.take(planes, number)
    for sink in sinks:
        sink.close()
    like.with_suffix(".plan.json").write_text(json.dumps(shot.plan), encoding="utf-8")
    if shot.telemetry:
        lines = "".join(json.dumps(line) + "\n" for line in shot.telemetry)
        like.with_suffix(".telemetry.jsonl").write_text(lines, encoding="utf-8")
    for codec, part in parts.items():
        part.rename(files[codec])


class _Camera:
    """Encode as a camera does."""

    def __init__(self, file: Path, codec: str, width_px: int, height_px: int) -> None:
        name, rate_bps, options = _CAMERA_ENCODERS[codec]
        self._container = av.open(str(file), "w", format="mp4")
        stream = self._container.add_stream(name, rate=FPS)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = width_px, height_px, "yuv420p"
        context = stream.codec_context
        context.bit_rate, context.gop_size, context.max_b_frames, context.thread_count = rate_bps, GOP_FRAMES, 0, 1
        limit = str(rate_bps)
        context.options = options | {"maxrate": limit, "bufsize": limit}
        self._stream = stream

    def take(self, planes: NDArray[np.uint8], number: int) -> None:
        """Encode one I420 picture."""
        frame = VideoFrame.from_ndarray(planes, format="yuv420p")
        frame.pts, frame.time_base = number, Fraction(1, FPS)
        self._container.mux(self._stream.encode(frame))

    def close(self) -> None:
        """Write what is left."""
        self._container.mux(self._stream.encode(None))
        self._container.close()


def _real(source: Path, file: Path, size: str) -> Clip:
    """Return the real recording, brought to 1080p25, with two masks on it."""
    if not file.exists():
        part = file.with_suffix(".part")
        filters = "crop=768:432:0:72,minterpolate=fps=25:mi_mode=mci,scale=1920:1080,noise=c0s=3:c0f=t"
        name, rate_bps, options = _CAMERA_ENCODERS["h264"]
        coding = [word for key, value in options.items() for word in (f"-{key}:v", value)]
        execute(
            [ffmpeg(), "-v", "error", "-y", "-i", str(source), "-vf", filters, "-frames:v", "250", "-c:v", name,
             "-b:v", str(rate_bps), "-maxrate", str(rate_bps), "-bufsize", str(rate_bps), "-g", str(GOP_FRAMES),
             *coding, "-threads", "1", "-pix_fmt", "yuv420p", "-f", "mp4", str(part)]
        )  # fmt: skip
        plan = {
            "frame": {"width": 1920, "height": 1080},
            "kind": "image",
            "masks": [
                {"id": "left", "polygon_rel": [[0.02, 0.05], [0.30, 0.02], [0.32, 0.38], [0.04, 0.45]]},
                {"id": "right", "polygon_rel": [[0.62, 0.0], [0.98, 0.0], [0.98, 0.25], [0.66, 0.22]]},
            ],
        }
        file.with_suffix(".plan.json").write_text(json.dumps(plan), encoding="utf-8")
        part.rename(file)
    what = "real: OpenCV's vtest.avi (Debian opencv-doc), 768x576 at 10 fps, interpolated and enlarged"
    return Clip.of_file(f"fixed {size} H.264, real", what, file, like=file)
