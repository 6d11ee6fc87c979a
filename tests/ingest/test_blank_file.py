"""`vms blank`: a file in, a blanked file out, exactly as the live pipeline would."""

import json
import math
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from ingest.blank_file import blank_file
from tests.ingest.video_clips import read_clip, scene, write_clip
from vms.errors import InvalidInput

WIDTH, HEIGHT = 160, 96


def directions_plan(**accuracy: float) -> dict[str, Any]:
    """Return a plan with one dwelling straight ahead."""
    return {
        "frame": {"width": WIDTH, "height": HEIGHT},
        "kind": "directions",
        "camera_model": {"zoom": [[0.0, 60.0], [1.0, 10.0]]},
        "accuracy": {"pan_tilt_deg": 0.1, "zoom_rel": 0.01, "time_s": 0.005, "exposure_s": 0.0} | accuracy,
        "masks": [{"id": "m", "polygon_deg": [[-4, -3], [4, -3], [4, 3], [-4, 3]]}],
    }


def image_plan(width: int = WIDTH, height: int = HEIGHT) -> dict[str, Any]:
    """Return a plan of a fixed camera."""
    return {
        "frame": {"width": width, "height": height},
        "kind": "image",
        "masks": [{"id": "m", "polygon_rel": [[0.3, 0.4], [0.6, 0.4], [0.6, 0.8], [0.3, 0.8]]}],
    }


class Bench:
    """A folder with everything that one run needs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.source, self.plan, self.telemetry = folder / "in.mp4", folder / "plan.json", folder / "telemetry.jsonl"
        self.out, self.report = folder / "out.mp4", folder / "report.json"

    def run(self, plan: Any, samples: list[dict[str, Any]] | None = None, **more: Any) -> list[dict[str, Any]]:
        """Blank and return the report's frames."""
        self.plan.write_text(plan if isinstance(plan, str) else json.dumps(plan))
        if samples is not None:
            self.telemetry.write_text("".join(json.dumps(sample) + "\n" for sample in samples))
        blank_file(
            self.source,
            self.plan,
            self.telemetry if samples is not None else None,
            self.out,
            report=self.report,
            **more,
        )
        frames: list[dict[str, Any]] = json.loads(self.report.read_text())["frames"]
        return frames


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """Return a bench with a clip in it."""
    made = Bench(tmp_path)
    write_clip(made.source, count=30, size=(WIDTH, HEIGHT))
    return made


def parked(end_s: float = 3.0, *, rate_hz: float = 10.0, pan_deg: float = 0.0) -> list[dict[str, Any]]:
    """Return telemetry of a camera that looks at the dwelling."""
    count = int((end_s + 1) * rate_hz)
    return [
        {
            "at_s": i / rate_hz - 1,
            "arrived_s": i / rate_hz - 0.9,
            "pan_deg": pan_deg,
            "tilt_deg": 0,
            "zoom": 0,
            "moving": False,
        }
        for i in range(count)
    ]


def test_the_report_names_what_told_the_positions(bench: Bench) -> None:
    """Whoever looks into a grey span must know which of a camera's sources to look at."""
    frames = bench.run(directions_plan(), parked())
    assert {frame["telemetry"] for frame in frames} == {"file"}
    both = [sample | {"source": "stream" if i % 2 else "poll"} for i, sample in enumerate(parked())]
    assert {frame["telemetry"] for frame in bench.run(directions_plan(), both)} == {"metadata+polling"}
    assert {frame["telemetry"] for frame in bench.run(directions_plan())} == {"none"}
    with pytest.raises(InvalidInput, match="source"):
        bench.run(directions_plan(), [sample | {"source": 7} for sample in parked()])


def grey_share(picture: NDArray[np.uint8]) -> float:
    """Return how much of a picture is neutral grey."""
    return float((np.abs(picture.astype(int) - 128).max(axis=2) <= 8).mean())


def test_masks_are_grey_and_the_street_is_unchanged(bench: Bench) -> None:
    """Same instants, each frame once, near-identical where no dwelling is."""
    frames = bench.run(directions_plan(), parked())
    before, after = read_clip(bench.source), read_clip(bench.out)
    assert [at for at, _ in after] == pytest.approx([at for at, _ in before], abs=1e-6)
    assert len(frames) == 30
    for (_, old), (_, new) in zip(before, after, strict=True):
        assert np.abs(new[40:56, 70:90].astype(int) - 128).max() <= 6
        assert np.abs(new[:, :32].astype(int) - old[:, :32]).mean() < 5
    assert {frame["decision"] for frame in frames} == {"blank"}
    assert all(frame["released_s"] >= frame["pts_s"] and frame["reason"] is None for frame in frames)
    assert all(0 < frame["grey_rel"] < 0.4 and frame["margin_px"] > 0 for frame in frames)


def test_frames_without_a_dwelling_are_near_identical(bench: Bench) -> None:
    """Looking away from every dwelling, nothing is greyed."""
    frames = bench.run(directions_plan(), parked(pan_deg=120.0))
    assert {frame["grey_rel"] for frame in frames} == {0.0}
    for (_, old), (_, new) in zip(read_clip(bench.source), read_clip(bench.out), strict=True):
        assert np.abs(new.astype(int) - old).mean() < 5


def test_a_frame_leaves_when_its_bracketing_sample_has_arrived(bench: Bench) -> None:
    """The report's released_s honours the arrival rule, whatever the order in the file."""
    samples = parked()
    frames = bench.run(directions_plan(), samples[::-1])
    for frame in frames:
        bracket = min(s["arrived_s"] for s in samples if s["at_s"] - 0.005 >= frame["pts_s"])
        assert frame["released_s"] == pytest.approx(max(bracket, frame["pts_s"]))


def test_without_telemetry_everything_is_grey(bench: Bench) -> None:
    """No pose, no picture."""
    frames = bench.run(directions_plan())
    assert {(frame["decision"], frame["reason"]) for frame in frames} == {("all", "pose-missing")}
    assert all(frame["released_s"] == pytest.approx(frame["pts_s"] + 0.3) for frame in frames)
    assert all(grey_share(picture) == 1.0 for _, picture in read_clip(bench.out))


def test_null_and_not_finite_poses_grey_their_neighbourhood(bench: Bench) -> None:
    """JSON's own null and the NaN that some writers put there."""
    samples = parked()
    samples[15] |= {"pan_deg": None}
    samples[18] |= {"tilt_deg": math.nan}
    frames = bench.run(directions_plan(), samples)
    reasons = {round(frame["pts_s"], 2): frame["reason"] for frame in frames}
    assert reasons[0.52] == "bad-sample"
    assert reasons[0.8] == "bad-sample"
    assert reasons[0.2] is None
    assert reasons[1.04] is None


def test_unknown_keys_in_telemetry_are_ignored(bench: Bench) -> None:
    """Cameras say more than is needed."""
    bench.run(directions_plan(), [sample | {"vendor": 1} for sample in parked()])


def test_two_inputs_that_differ_only_in_the_dwelling_give_the_same_bytes(tmp_path: Path) -> None:
    """Non-interference: no trace of what is inside, by pixels, sizes or motion."""
    outputs = []
    for variant in (0, 1):
        folder = tmp_path / str(variant)
        folder.mkdir()
        bench = Bench(folder)

        def pictures(number: int, width: int, height: int, variant: int = variant) -> NDArray[np.uint8]:
            picture = scene(number, width, height)
            rng = np.random.default_rng(number + 1000 * variant)
            picture[42:54, 68:92] = rng.integers(0, 255, (12, 24, 3), dtype=np.uint8)
            return picture

        write_clip(
            bench.source,
            count=12,
            size=(WIDTH, HEIGHT),
            pictures=pictures,
            options={"qp": "0", "g": "6"},
            pixel_format="yuv420p",
        )
        bench.run(directions_plan(), parked())
        outputs.append((bench.out.read_bytes(), bench.report.read_bytes(), bench.source.read_bytes()))
    assert outputs[0][2] != outputs[1][2]
    assert outputs[0][:2] == outputs[1][:2]


@pytest.mark.parametrize(
    ("codec", "pixel_format", "suffix", "size"),
    [
        ("libx264", "yuv420p", ".mkv", (160, 96)),
        ("libx264", "yuv420p", ".mp4", (162, 98)),
        ("libx264", "yuvj420p", ".mp4", (160, 96)),
        ("libx264", "yuv422p", ".mp4", (160, 96)),
        ("libx264", "yuv444p", ".mp4", (161, 97)),
        ("libx264", "yuv420p10le", ".mp4", (160, 96)),
        ("libx265", "yuv420p", ".mp4", (160, 96)),
        ("libx264", "yuv420p", ".ts", (160, 96)),
        ("mjpeg", "yuvj420p", ".avi", (160, 96)),
        ("mpeg4", "yuv420p", ".avi", (160, 96)),
        ("libvpx-vp9", "yuv420p", ".webm", (161, 97)),
        ("ffv1", "yuv420p", ".mkv", (161, 97)),
        ("ffv1", "gray", ".mkv", (160, 96)),
    ],
)
def test_any_container_and_codec_is_blanked(
    tmp_path: Path, codec: str, pixel_format: str, suffix: str, size: tuple[int, int]
) -> None:
    """Whatever FFmpeg reads: every frame comes out, at its instant, with the mask on, in its own size."""
    bench = Bench(tmp_path)
    bench.source = tmp_path / f"in{suffix}"
    write_clip(bench.source, count=12, size=size, codec=codec, pixel_format=pixel_format, options={"g": "4"})
    frames = bench.run(image_plan(*size))
    before, after = read_clip(bench.source), read_clip(bench.out)
    assert [at for at, _ in after] == pytest.approx([at for at, _ in before], abs=2e-3)
    assert {frame["decision"] for frame in frames} == {"blank"}
    for _, picture in after:
        assert picture.shape == (size[1], size[0], 3)
        assert np.abs(picture[42:74, 54:90].astype(int) - 128).max() <= 8
        assert grey_share(picture) < 0.6


TURN_DEG_S, TURN_FROM_DEG = 40.0, -30.0
TURN_SIZE = (320, 192)
B_PICTURES = {"bf": "3", "g": "25", "qp": "10", "x264-params": "b-adapt=0:b-pyramid=2:scenecut=0"}
DWELLING = (250, 20, 250)


def turning(number: int, width: int, height: int, fps: float = 25.0) -> NDArray[np.uint8]:
    """Return what a camera sees that turns past a dwelling of 8 by 6 degrees, painted in a colour that nothing else has."""
    picture = np.full((height, width, 3), 90, np.uint8)  # nothing by which a picture could contradict its telemetry
    pan_deg = TURN_FROM_DEG + TURN_DEG_S * number / fps
    focal_px = width / 2 / math.tan(math.radians(30))
    left, right = (width / 2 + focal_px * math.tan(math.radians(edge - pan_deg)) for edge in (-4, 4))
    half = round(focal_px * math.tan(math.radians(3)) * 0.95)
    picture[height // 2 - half : height // 2 + half, max(0, math.ceil(left)) : max(0, math.floor(right))] = DWELLING
    return picture


def turn(fps_of_poses: float = 50.0) -> list[dict[str, Any]]:
    """Return exact poses of that camera."""
    count = int(3 * fps_of_poses)
    return [
        {
            "at_s": i / fps_of_poses - 0.5,
            "arrived_s": i / fps_of_poses - 0.48,
            "pan_deg": TURN_FROM_DEG + TURN_DEG_S * (i / fps_of_poses - 0.5),
            "tilt_deg": 0,
            "zoom": 0,
            "moving": True,
        }
        for i in range(count)
    ]


def dwelling_pixels(picture: NDArray[np.uint8]) -> int:
    """Return how many pixels have the dwelling's colour, or a good part of it."""
    red, green, blue = (picture[:, :, channel].astype(int) for channel in range(3))
    return int(((red - green > 60) & (blue - green > 60)).sum())


@pytest.mark.parametrize(
    ("suffix", "codec", "options"),
    [
        (".h264", "libx264", B_PICTURES),
        (".avi", "libx264", B_PICTURES),
        (".avi", "libx264", {"bf": "0", "g": "25", "qp": "10"}),
        (".avi", "mpeg4", {"bf": "2", "g": "12", "qscale": "2"}),
        (".mp4", "libx264", B_PICTURES),
        (".mkv", "libx264", B_PICTURES),
        (".h265", "libx265", {"preset": "ultrafast", "x265-params": "bframes=3:keyint=12:log-level=none:open-gop=1:qp=10"}),
    ],
    ids=["raw H.264", "H.264 in AVI", "H.264 without B in AVI", "MPEG-4 in AVI", "MP4", "Matroska", "raw H.265"],
)  # fmt: skip
def test_instants_follow_the_order_of_display(tmp_path: Path, suffix: str, codec: str, options: dict[str, str]) -> None:
    """A stream without presentation times says nothing of when a picture is shown but by its order; masks must lie on the dwelling."""
    bench = Bench(tmp_path)
    bench.source = tmp_path / f"in{suffix}"
    write_clip(bench.source, count=50, size=TURN_SIZE, codec=codec, options=options, pictures=turning)
    plan = directions_plan() | {"frame": {"width": TURN_SIZE[0], "height": TURN_SIZE[1]}}
    assert max(dwelling_pixels(turning(number, *TURN_SIZE)) for number in range(50)) > 500
    frames = bench.run(plan, turn())
    instants = [frame["pts_s"] for frame in frames]
    assert instants == pytest.approx([number / 25 for number in range(50)], abs=2e-3)
    assert [dwelling_pixels(picture) for _, picture in read_clip(bench.out)] == [0] * 50
    assert [frame["reason"] for frame in frames].count(None) >= 40


@pytest.mark.parametrize("rate", [2, 5, 7, 25])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts", ".h264", ".avi"])
@pytest.mark.parametrize("options", [{}, {"bf": "0"}], ids=["x264's defaults", "no B"])
def test_a_whole_file_at_any_rate_has_no_lost_picture(
    tmp_path: Path, rate: int, suffix: str, options: dict[str, str]
) -> None:
    """The pace of a stream is stated; to take it for sixty a second made whole files grey."""
    bench = Bench(tmp_path)
    bench.source = tmp_path / f"in{suffix}"
    write_clip(bench.source, count=26, size=(WIDTH, HEIGHT), rate=rate, options=options)
    frames = bench.run(image_plan())
    assert [frame["reason"] for frame in frames] == [None] * 26
    instants = [frame["pts_s"] - frames[0]["pts_s"] for frame in frames]
    assert instants == pytest.approx([number / rate for number in range(26)], abs=2e-3)


def test_the_first_track_that_moves_is_blanked(bench: Bench) -> None:
    """A cover picture or a preview in front of the film was taken for it, and the file refused."""
    small = write_clip(bench.folder / "small.mkv", count=1, size=(64, 48), codec="mjpeg", pixel_format="yuvj420p")
    both = bench.folder / "both.mp4"
    with av.open(str(both), "w") as out, av.open(str(small)) as cover, av.open(str(bench.source)) as film:
        inputs = [cover.streams.video[0], film.streams.video[0]]
        tracks = [out.add_stream_from_template(one) for one in inputs]
        for container, one, track in zip((cover, film), inputs, tracks, strict=True):
            for packet in container.demux(one):
                if packet.size:
                    packet.stream = track
                    out.mux(packet)
    bench.source = both
    with av.open(str(both)) as container:
        assert [one.codec_context.name for one in container.streams.video] == ["mjpeg", "h264"]
    frames = bench.run(image_plan())
    assert [frame["reason"] for frame in frames] == [None] * 30


def test_uneven_time_stamps_are_kept(bench: Bench) -> None:
    """Cameras drop frames and jump."""
    pts = [0, 1, 2, 5, 6, 30, 31, 33, 34, 80]
    write_clip(bench.source, count=10, size=(WIDTH, HEIGHT), pts=pts)
    frames = bench.run(image_plan())
    assert [frame["pts_s"] for frame in frames] == pytest.approx([number / 25 for number in pts])
    assert [at for at, _ in read_clip(bench.out)] == pytest.approx([at for at, _ in read_clip(bench.source)], abs=1e-4)


def test_a_size_that_changes_midway_is_grey_from_there(tmp_path: Path) -> None:
    """In the plan's size, to the end."""
    bench = Bench(tmp_path)
    bench.source = tmp_path / "in.h264"
    one = write_clip(tmp_path / "a.h264", count=10, size=(160, 96)).read_bytes()
    other = write_clip(tmp_path / "b.h264", count=10, size=(96, 64)).read_bytes()
    bench.source.write_bytes(one + other)
    frames = bench.run(image_plan())
    assert [frame["decision"] for frame in frames] == ["blank"] * 10 + ["all"] * (len(frames) - 10)
    assert len(frames) == 20
    assert {frame["reason"] for frame in frames[10:]} == {"size-mismatch"}
    assert all(picture.shape == (96, 160, 3) and grey_share(picture) == 1.0 for _, picture in read_clip(bench.out)[10:])


def test_damage_inside_the_file_is_grey_until_the_next_idr(bench: Bench) -> None:
    """Corrupt input never shows what the decoder made up."""
    with av.open(str(bench.source)) as container:
        places = [packet.pos for packet in container.demux(video=0) if packet.size]
    body = bytearray(bench.source.read_bytes())
    body[places[13] : places[13] + 40] = bytes(40)
    bench.source.write_bytes(bytes(body))
    frames = bench.run(image_plan())
    reasons = [frame["reason"] for frame in frames]
    assert reasons[:13] == [None] * 13
    assert set(reasons[13:-10]) == {"lost-picture"}
    assert reasons[-10:] == [None] * 10


BAD_RUNS: list[tuple[str, Any, str]] = [
    ("plan of another size", image_plan(320, 192), "160x96"),
    ("plan is no JSON", "{", "not JSON"),
    ("plan is broken", image_plan() | {"kind": "x"}, "kind"),
    ("plan is a list", [], "plan"),
]


@pytest.mark.parametrize(("plan", "word"), [(p, w) for _, p, w in BAD_RUNS], ids=[name for name, _, _ in BAD_RUNS])
def test_bad_plans_leave_nothing_behind(bench: Bench, plan: Any, word: str) -> None:
    """Which, where, what to do; and no half file."""
    with pytest.raises(InvalidInput, match=word):
        bench.run(plan)
    assert sorted(path.name for path in bench.folder.iterdir()) == ["in.mp4", "plan.json"]


@pytest.mark.parametrize(
    ("line", "word"),
    [("{", "line 2"), ("[]", "line 2"), ('{"at_s": 1}', "arrived_s"), ('{"arrived_s": 1, "pan_deg": "x"}', "pan_deg")],
)
def test_broken_telemetry_names_its_line(bench: Bench, line: str, word: str) -> None:
    """A line that is silently skipped would be a pose that is silently missing."""
    bench.plan.write_text(json.dumps(directions_plan()))
    bench.telemetry.write_text('{"at_s": 0, "arrived_s": 0.1, "pan_deg": 0, "tilt_deg": 0, "zoom": 0}\n' + line + "\n")
    with pytest.raises(InvalidInput, match=word):
        blank_file(bench.source, bench.plan, bench.telemetry, bench.out)
    assert not bench.out.exists()


@pytest.mark.parametrize("content", [None, b"", b"no video at all" * 100])
def test_a_source_that_is_no_video_is_refused(bench: Bench, content: bytes | None) -> None:
    """Missing, empty, or something else."""
    bench.source.unlink()
    if content is not None:
        bench.source.write_bytes(content)
    with pytest.raises(InvalidInput, match=r"in\.mp4"):
        bench.run(image_plan())
    assert not bench.out.exists()


def test_an_existing_output_survives_bad_input(bench: Bench) -> None:
    """Atomic: all or nothing."""
    bench.out.write_bytes(b"earlier")
    with pytest.raises(InvalidInput):
        bench.run(image_plan(320, 192))
    assert bench.out.read_bytes() == b"earlier"
