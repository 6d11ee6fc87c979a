"""The benchmarks run on tiny input; how fast is not a test's business."""

from pathlib import Path

import pytest
from av.video.frame import VideoFrame

from bench import masked_cameras, stages, telemetry_delay
from bench.__main__ import BENCHMARKS, main
from bench.boxes import merged, share_of
from bench.clips import Clip, clips
from bench.glass_to_glass import read_number
from bench.masked_cameras import Peer
from bench.peer import execute
from bench.pipeline import QP
from bench.report import Ratio, Report, summary
from blanking.decision import BlockRectangle
from blanking.frames import PLAIN
from ingest.encoder import PictureEncoder


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the tiny clips, rendered once."""
    folder = tmp_path_factory.mktemp("bench")
    clips(folder, quick=True)
    return folder


@pytest.fixture(scope="module")
def tiny(cache: Path) -> list[Clip]:
    """The tiny clips."""
    return clips(cache, quick=True)


@pytest.mark.processes
@pytest.mark.slow
def test_masked_cameras_compares_every_clip_in_every_round(cache: Path, tiny: list[Clip]) -> None:
    """A clip that fell out of the table would make the summary look better than it is."""
    report = masked_cameras.run(rounds=2, quick=True, cache=cache)
    assert all(any(ratio.name.startswith(clip.name) for ratio in report.ratios) for clip in tiny)
    assert all(len(ratio.per_round) == 2 for ratio in report.ratios)


@pytest.mark.slow
def test_time_per_stage_accounts_for_every_stage(cache: Path, tiny: list[Clip]) -> None:
    """A stage that is measured as nothing is a stage that was not run."""
    report = stages.run(rounds=1, quick=True, cache=cache)
    rows = [line for line in report.lines if line.startswith(tuple(clip.name for clip in tiny))]
    assert len(rows) == len(tiny)
    ptz = next(clip for clip in tiny if clip.samples)
    assert all(spent > 0 for spent in stages.stages_ms(ptz).values())


@pytest.mark.slow
def test_the_simulated_delay_finds_no_dwelling_pixel_and_does_not_grey_everything() -> None:
    """Either would make its figures meaningless."""
    report = telemetry_delay.run(rounds=1, quick=True)
    row = next(line for line in report.lines if line.startswith("swing"))
    assert row.split()[-1] == "0"
    assert row.split()[-2] != "100.0%"


def test_boxes_for_the_peer_cover_everything_that_we_grey() -> None:
    """A peer that greys less would have more to encode, and we would look better than we are."""
    rectangles = tuple(BlockRectangle(x, y, x + 1, y + 2) for x in range(0, 60, 7) for y in range(0, 30, 5))
    boxes = merged(rectangles, most=4)
    assert len(boxes) <= 4
    for one in rectangles:
        covering = [b for b in boxes if b.left <= one.left and b.top <= one.top and b.right >= one.right]
        assert any(box.bottom >= one.bottom for box in covering)
    assert share_of(boxes, 960, 480) >= share_of(rectangles, 960, 480)


def test_a_ratio_pairs_the_runs_of_one_round() -> None:
    """On a shared machine only neighbours in time can be compared."""
    ratio = Ratio.of("x", ours=[1.0, 4.0, 3.0], peer=[2.0, 4.0, 2.0], unit="ms")
    assert ratio.per_round == (0.5, 1.0, 1.5)
    assert ratio.median == 1.0
    assert ratio.spread == "0.50 .. 1.50"


def test_the_summary_lists_every_ratio_and_figure() -> None:
    """The summary is what people quote."""
    ratio = Ratio.of("masked", ours=[1.0], peer=[2.0], unit="ms")
    text = "\n".join(summary([Report("a", (), (ratio,)), Report("b", (), figures=(("delay", "72 ms"),))]))
    assert "masked" in text
    assert "0.50" in text
    assert "72 ms" in text


def test_a_frame_number_is_read_from_row_of_squares_and_refused_when_one_is_wrong() -> None:
    """A misread number would be a wrong latency."""
    import numpy as np

    from sample_streams.timecode import BLOCK_PX, STRIP_WIDTH_PX, Corner, burn_code

    luma = np.zeros((BLOCK_PX, STRIP_WIDTH_PX), np.uint8)
    chroma = np.zeros((BLOCK_PX // 2, STRIP_WIDTH_PX // 2), np.uint8)
    burn_code(luma, chroma, chroma.copy(), 48_611, (Corner.TOP_LEFT,))
    greens = [int(value) for value in luma[BLOCK_PX // 2, BLOCK_PX // 2 :: BLOCK_PX]]
    assert read_number(greens) == 48_611
    greens[20] = 251 - greens[20]
    assert read_number(greens) is None


def test_an_unknown_benchmark_is_refused_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    """A typing error must not look like a benchmark that ran."""
    with pytest.raises(SystemExit) as end:
        main(["glass-to-grass"])
    assert end.value.code == 2
    assert "glass-to-grass" in capsys.readouterr().err


def test_every_benchmark_has_a_module_that_can_run() -> None:
    """`make bench` would otherwise find out after an hour."""
    import importlib

    for name in BENCHMARKS.values():
        module = importlib.import_module(name)
        assert hasattr(module, "run") or hasattr(module, "main")


def test_the_peer_gets_the_encoder_settings_that_we_use(tiny: list[Clip], tmp_path: Path) -> None:
    """x264 writes its settings into the stream: with other settings there is nothing to compare."""
    clip = tiny[0]
    coded = tmp_path / "peer.h264"
    execute([*Peer("nothing", ("-vf", "null"), 0.0, 0).command(clip, "-f", "h264")[:-1], str(coded)])
    ours = _our_first_packet(clip.plan.width_px, clip.plan.height_px)
    assert _x264_settings(coded.read_bytes()) == _x264_settings(ours)


def _x264_settings(data: bytes) -> dict[str, str]:
    text = data[data.index(b"options: ") + 9 :].split(b"\x00")[0].split(b"\x80")[0].decode("ascii")
    settings = dict(word.split("=") for word in text.split() if "=" in word)
    # We place key pictures ourselves, by count; and the clock differs, which constant QP does not look at.
    return {name: value for name, value in settings.items() if name not in {"keyint", "keyint_min", "fps", "timebase"}}


def _our_first_packet(width_px: int, height_px: int) -> bytes:
    """Return what our encoder's own context gives, before the encoder drops x264's message about itself."""
    encoder = PictureEncoder(qp=QP)
    encoder._open((width_px, height_px, "yuv420p", PLAIN, False, QP))
    assert encoder._context is not None
    return bytes(encoder._context.encode(VideoFrame(width_px, height_px, "yuv420p"))[0])
