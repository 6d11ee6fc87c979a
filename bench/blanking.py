"""Measure decide + burn and registration beside decode and encode, 1080p, 8 masks, one thread: `python -m bench.blanking`."""

import itertools
import math
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from bench import city_clips
from bench.city_clips import Shot
from blanking.decision import Blank
from blanking.frames import RawFrame
from blanking.plan import Plan, parse_plan
from blanking.pose import stamped_sample
from blanking.stage import BlankingStage
from ingest.decoder import PictureDecoder
from ingest.encoder import PictureEncoder
from ingest.raw_picture import raw_frame

WIDTH, HEIGHT, FPS, FRAMES = 1920, 1080, 25, 150
REGIMES: dict[str, tuple[float, Callable[[float], tuple[float, float, float]]]] = {
    "parked, 10 Hz": (10.0, lambda _t: (0.0, 0.0, 0.1)),
    "patrol 20 deg/s, 10 Hz": (10.0, lambda t: (25 * math.sin(0.8 * t), 4 * math.sin(t), 0.1)),
    "fast 100 deg/s, 20 Hz": (20.0, lambda t: (50 * math.sin(2 * t), 0.0, 0.0)),
    "tele pan, 10 Hz": (10.0, lambda t: (8 * math.sin(0.5 * t), 0.0, 0.8)),
}


def plan() -> Plan:
    """Return eight dwellings around the view, two of them concave."""
    masks = []
    for number in range(8):
        a, e = -28.0 + 7.5 * number, (-8.0, 3.0, 6.0, -3.0)[number % 4]
        outline = [[a, e], [a + 4, e], [a + 4, e + 4], [a, e + 4]]
        if number % 4 == 1:
            outline.insert(3, [a + 2, e + 2])
        masks.append({"id": str(number), "polygon_deg": outline})
    document = {
        "frame": {"width": WIDTH, "height": HEIGHT},
        "kind": "directions",
        "camera_model": {"zoom": [[0.0, 62.8], [0.5, 12.1], [1.0, 2.3]], "k1": [[0.0, -0.13], [1.0, 0.0]]},
        "accuracy": {"pan_tilt_deg": 0.1, "zoom_rel": 0.01, "time_s": 0.005, "exposure_s": 0.01},
        "masks": masks,
    }
    return parse_plan(document)


def clip(path: Path) -> None:
    """Write a moving, noisy clip."""
    rng = np.random.default_rng(3)
    tiles = rng.integers(20, 230, (HEIGHT // 24 + 20, WIDTH // 24 + 40, 3), dtype=np.uint8).repeat(24, 0).repeat(24, 1)
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.options = {"preset": "veryfast", "qp": "26", "bf": "0", "g": "25"}
        for number in range(FRAMES):
            picture = tiles[number : number + HEIGHT, 3 * number : 3 * number + WIDTH] + rng.integers(
                0, 6, (HEIGHT, WIDTH, 1), dtype=np.uint8
            )
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), "rgb24")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def line(name: str, times_s: list[float], grey: float | None = None, note: str = "") -> None:
    """Print a row."""
    ordered = sorted(times_s)
    median, p95 = 1000 * statistics.median(ordered), 1000 * ordered[int(0.95 * (len(ordered) - 1))]
    share = "" if grey is None else f"  grey {100 * grey:5.1f} %"
    print(f"{name:34s} median {median:6.2f} ms  p95 {p95:6.2f} ms{share}  {note}")


def with_pictures() -> dict[str, float]:
    """Measure registration, and decide + burn with what it finds, on a PTZ camera of the demo city that swings and stands."""
    medians = {}
    shots = {"city, swinging 30 deg/s": _swinging(), "city, standing": _standing()}
    for name, shot in shots.items():
        stage = BlankingStage(parse_plan({**shot.plan, "masks": _eight(shot.plan["masks"])}))
        for sample in shot.telemetry:
            pose = (sample["pan_deg"], sample["tilt_deg"], sample["zoom"])
            stage.add_sample(stamped_sample(sample["at_s"], sample["arrived_s"], pose))
        see_s, rest_s, grey = [], [], []
        for number, buffer in enumerate(shot.pictures()):
            at_s = number / FPS
            raw = _raw(buffer.copy(), shot.width_px, shot.height_px, at_s)
            start = time.thread_time()
            stage.add_frame(raw, at_s)
            see_s.append(time.thread_time() - start)
            start = time.thread_time()
            released = stage.release(at_s)
            spent_s = time.thread_time() - start
            rest_s += [spent_s / max(1, len(released))] * len(released)
            grey += [one.grey_rel for one in released]
        sources = ", ".join(f"{key} {count}" for key, count in sorted((stage.counts + stage.sources).items()))
        line(f"register: {name}", see_s)
        line(f"decide + burn: {name}", rest_s, statistics.mean(grey), sources)
        medians[f"register: {name}"] = statistics.median(see_s)
        medians[f"decide + burn: {name}"] = statistics.median(rest_s)
    return medians


def _eight(masks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return eight of the masks, the first ones."""
    return masks[:8]


def _swinging() -> Shot:
    return city_clips.moving(WIDTH, HEIGHT, FRAMES, float(FPS), 20)


def _standing() -> Shot:
    shot = city_clips.moving(WIDTH, HEIGHT, 1, float(FPS), 20)
    (picture,) = (buffer.copy() for buffer in shot.pictures())
    first = min(shot.telemetry, key=lambda line: abs(line["at_s"]))
    lines = tuple(first | {"at_s": i / 10 - 1, "arrived_s": i / 10 - 0.9} for i in range(FRAMES // 2))

    def pictures() -> Iterator[NDArray[np.uint8]]:
        rng = np.random.default_rng(1)
        for _ in range(FRAMES):
            noisy = picture.astype(np.int16) + rng.integers(-3, 4, picture.shape, dtype=np.int16)
            yield np.clip(noisy, 0, 255).astype(np.uint8)

    return Shot(WIDTH, HEIGHT, pictures, shot.plan, lines)


def _raw(buffer: NDArray[np.uint8], width_px: int, height_px: int, at_s: float) -> RawFrame:
    samples, luma, chroma = buffer.reshape(-1), width_px * height_px, width_px * height_px // 4
    half = (height_px // 2, width_px // 2)
    planes = (buffer[:height_px], samples[luma : luma + chroma].reshape(half), samples[luma + chroma :].reshape(half))
    return RawFrame(planes=planes, width_px=width_px, height_px=height_px, pixel_format="yuv420p", captured_s=at_s)


def main() -> None:
    """Measure CPU time of this thread, so that other work on the machine counts little."""
    cpu = time.thread_time
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        clip(path)
        decode_s: list[float] = []
        frames = []
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            decoder = PictureDecoder(stream.codec_context, stream.codec_context.extradata, lambda pts: pts / 12800)
            for packet in container.demux(stream):
                start = cpu()
                pictures = decoder.decode(packet)
                decode_s.append(cpu() - start)
                frames += [picture.frame for picture in pictures][: 8 - len(frames)]
    line("decode H.264", decode_s)
    medians = {}
    for name, (rate_hz, path_of) in REGIMES.items():
        stage = BlankingStage(plan(), sighted=False)  # the clip's pictures do not move as these poses do
        for number in range(int(rate_hz * (FRAMES / FPS + 3))):
            at_s = number / rate_hz - 1
            stage.add_sample(stamped_sample(at_s, at_s + 0.08, path_of(at_s)))
        times_s, grey = [], []
        for number, source in zip(range(FRAMES), itertools.cycle(frames), strict=False):
            now_s = number / FPS
            stage.add_frame(raw_frame(source.owner, lambda _pts, now_s=now_s: now_s), now_s)  # type: ignore[arg-type,misc]  # own frames
            start = cpu()
            released = stage.release(now_s + 0.25)
            times_s.append(cpu() - start)
            grey += [one.grey_rel for one in released if isinstance(one.decision, Blank)]
        medians[name] = statistics.median(times_s)
        line(f"decide + burn: {name}", times_s, statistics.mean(grey) if grey else 1.0)
    sighted = with_pictures()
    encoder = PictureEncoder()
    encode_s = []
    stage = BlankingStage(parse_plan({"frame": {"width": WIDTH, "height": HEIGHT}, "kind": "image", "masks": []}))
    for number in range(FRAMES):
        stage.add_frame(frames[number % len(frames)], 0.0)
        (released_one,) = stage.release(0.0)
        start = cpu()
        encoder.encode(released_one.frame, number)
        encode_s.append(cpu() - start)
    line("encode x264 (live settings)", encode_s)
    both = statistics.median(decode_s) + statistics.median(encode_s)
    for name, median in medians.items():
        print(f"{name:34s} decide + burn is {median / both:5.2f} of decode + encode")
    for name, median in sighted.items():
        print(f"{name:34s} is {median / both:5.2f} of decode + encode")


if __name__ == "__main__":
    main()
