"""How many masked cameras a core carries: ours against FFmpeg's command line, same clips, same encoder, same run."""

import statistics
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench import boxes
from bench.clips import FPS, GOP_FRAMES, Clip, clips
from bench.cpu import own_cpu
from bench.peer import cpu_per_frame_ms, execute, ffmpeg, version
from bench.pipeline import QP, Outcome, Worker
from bench.report import Ratio, Report, load, table
from blanking.plan_values import DirectionPlan

CACHE = Path("var/bench")
FRAME_MS = 1000 / FPS
ENCODER = (
    "-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-qp", str(QP), "-forced-idr", "1",
    "-x264-params", "cabac=1:no-deblock=0:8x8dct=1:stitchable=1:scenecut=0",
    "-g", str(GOP_FRAMES), "-bf", "0", "-threads", "1",
)  # fmt: skip
"""What ingest.encoder sets; a test compares the two with what x264 itself writes into the stream."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A command line for one clip.

    Args:
        name: of the filter that greys.
        greys: the arguments between input and encoder.
        grey_rel: mean share of the picture that it greys.
        boxes: drawn in each picture.
    """

    name: str
    greys: tuple[str, ...]
    grey_rel: float
    boxes: int

    def command(self, clip: Clip, *more: str) -> list[str]:
        """Return decode, grey, encode, drop."""
        return [
            ffmpeg(), "-v", "error", "-nostdin", "-threads", "1", "-i", str(clip.video), *self.greys,
            "-filter_threads", "1", "-filter_complex_threads", "1", "-an", *ENCODER, *(more or ("-f", "null")), "-",
        ]  # fmt: skip


@dataclass(slots=True)
class Rival:
    """A peer and its rounds."""

    peer: Peer
    size_bytes: int
    cpu_ms: list[float]


@dataclass(slots=True)
class Series:
    """The rounds of one clip."""

    clip: Clip
    outcome: Outcome
    rivals: tuple[Rival, ...]
    ours_ms: list[float]


def run(*, rounds: int, quick: bool, cache: Path = CACHE) -> Report:
    """Measure all clips, round by round."""
    before = load()
    series = [_prepared(clip, cache) for clip in clips(cache, quick=quick)]
    for number in range(rounds):
        for one in series:
            steps = [partial(_measure_ours, one), *(partial(_measure_rival, one, rival) for rival in one.rivals)]
            # Whoever comes first finds a colder cache and another moment of a shared machine: take turns.
            first = number % len(steps)
            for step in steps[first:] + steps[:first]:
                step()
    return _report(series, rounds, before)


def _prepared(clip: Clip, cache: Path) -> Series:
    """Run each side once, untimed: warms the disk cache, tells what is greyed and how large the output is."""
    outcome = Worker(clip).run()
    return Series(clip, outcome, tuple(_rival(clip, peer, cache) for peer in _peers(clip, outcome, cache)), [])


def _rival(clip: Clip, peer: Peer, cache: Path) -> Rival:
    coded = cache / "peer.h264"
    execute([*peer.command(clip, "-y", "-f", "h264")[:-1], str(coded)])
    size_bytes = coded.stat().st_size
    coded.unlink()
    return Rival(peer, size_bytes, [])


def _peers(clip: Clip, outcome: Outcome, cache: Path) -> list[Peer]:
    width_px, height_px = clip.plan.width_px, clip.plan.height_px
    if isinstance(clip.plan, DirectionPlan):
        per_frame = [boxes.merged(rectangles) for rectangles in outcome.rectangles]
        share = statistics.fmean(boxes.share_of(one, width_px, height_px) for one in per_frame)
        filters = boxes.moving(per_frame, FPS, cache / "boxes.txt")
        return [Peer("drawbox, moved", ("-vf", filters), share, max(len(one) for one in per_frame))]
    still = boxes.merged(outcome.rectangles[0])
    share = boxes.share_of(still, width_px, height_px)
    return [
        Peer("drawbox", ("-vf", boxes.standing(still)), share, len(still)),
        Peer("overlay", boxes.overlaid(still, FPS), share, len(still)),
    ]


def _measure_ours(one: Series) -> None:
    # Opening files and codecs belongs to starting: a run of one frame is taken off, as it is for the peer.
    with own_cpu() as start:
        Worker(one.clip).run(most_frames=1)
    with own_cpu() as whole:
        outcome = Worker(one.clip).run()
    one.ours_ms.append((whole.seconds - start.seconds) * 1000 / (outcome.frames - 1))


def _measure_rival(one: Series, rival: Rival) -> None:
    whole = rival.peer.command(one.clip)
    start = rival.peer.command(one.clip, "-frames:v", "1", "-f", "null")
    rival.cpu_ms.append(cpu_per_frame_ms(whole, start, one.outcome.frames))


def _report(series: list[Series], rounds: int, before: str) -> Report:
    rows, ratios, figures, notes = [], [], [], []
    for one in series:
        kbps = 8 / 1000 / (one.outcome.frames / FPS)
        rows.append(_row(one.clip.name, "ours", one.ours_ms, one.outcome.mean_grey_rel, one.outcome.size_bytes * kbps))
        for rival in one.rivals:
            peer = rival.peer
            rows.append(_row("", f"ffmpeg {peer.name}", rival.cpu_ms, peer.grey_rel, rival.size_bytes * kbps))
            name = f"{one.clip.name} / ffmpeg {peer.name}"
            ratios.append(Ratio.of(name, ours=one.ours_ms, peer=rival.cpu_ms, unit="ms CPU/frame"))
        figures.append((
            f"masked cameras per core, {one.clip.name}", f"{FRAME_MS / statistics.median(one.ours_ms):.2f}"
        ))  # fmt: skip
        notes.append(
            f"{one.clip.name}: {one.clip.what}; {one.outcome.frames} frames, {one.outcome.grey_frames} of ours wholly grey; "
            f"the peer draws {one.rivals[0].peer.boxes} boxes."
        )
    header = ("clip", "who", "ms/frame", "min", "max", "cameras/core", "grey", "kb/s")
    lines = (
        "Ours: demux, PictureDecoder, BlankingStage, PictureEncoder, as in the live worker.",
        f"Peer: {version()}, decode + grey boxes + libx264 with the same settings, one thread each.",
        f"CPU time (user + system) per frame, start-up taken off on both sides; medians of {rounds} interleaved rounds.",
        f"Before: {before}. After: {load()}.",
        "",
        *table(header, rows),
        "",
        *notes,
    )
    return Report("Masked cameras per core", lines, tuple(ratios), tuple(figures))


def _row(clip: str, who: str, cpu_ms: list[float], grey_rel: float, kbps: float) -> tuple[str, ...]:
    median_ms = statistics.median(cpu_ms)
    return (
        clip, who, f"{median_ms:.2f}", f"{min(cpu_ms):.2f}", f"{max(cpu_ms):.2f}", f"{FRAME_MS / median_ms:.2f}",
        f"{grey_rel:.0%}", f"{kbps:.0f}",
    )  # fmt: skip
