"""Where the time of a frame goes: CPU per stage, from the demuxer to the encrypted file."""

import secrets
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.clips import FPS, Clip, clips
from bench.masked_cameras import CACHE
from bench.pipeline import Worker
from bench.report import Report, load, table
from blanking.decide import Decider
from blanking.decision import Decision
from blanking.frames import RawFrame
from blanking.pose import PoseSample
from ingest.encoder import EncodedPicture
from vms.footage.chunked import KEY_BYTES
from vms.footage.nal import drop_delimiters, find_parameter_sets, length_prefixed, split_annex_b
from vms.footage.segment_file import SegmentFile
from vms.footage.store import FootageStore, SegmentRef
from vms.model import PlacementId

STAGES = ("demux", "decode", "register", "decide", "burn", "encode", "mux + encrypt + write")
_BURN = "blank"
"""The pipeline's block around the whole blanking stage; without the decision inside it, that is copying and burning."""
_START_AT = datetime(2026, 1, 1, tzinfo=UTC)


class Stopwatch:
    """CPU time of this thread by stage; what an inner block takes is not counted in the outer one."""

    def __init__(self) -> None:
        self.spent_s: defaultdict[str, float] = defaultdict(float)
        self._inner_s = [0.0]

    @contextmanager
    def _block(self, stage: str) -> Iterator[None]:
        self._inner_s.append(0.0)
        before_s = time.thread_time()
        try:
            yield
        finally:
            whole_s = time.thread_time() - before_s
            self.spent_s[stage] += whole_s - self._inner_s.pop()
            self._inner_s[-1] += whole_s

    def __call__(self, stage: str) -> AbstractContextManager[None]:
        """Return the block of a stage."""
        return self._block(stage)


class WatchedDecider:
    """The stage's own decider, with its time taken."""

    def __init__(self, decider: Decider, watch: Stopwatch) -> None:
        self._decider = decider
        self._watch = watch

    def add(self, sample: PoseSample) -> None:
        """Pass a sample on."""
        with self._watch("decide"):
            self._decider.add(sample)

    def see(self, frame: RawFrame) -> None:
        """Let it look at a frame."""
        with self._watch("register"):
            self._decider.see(frame)

    def is_ready(self, captured_s: float) -> bool:
        """Ask whether to wait."""
        with self._watch("decide"):
            return self._decider.is_ready(captured_s)

    def decide(self, captured_s: float) -> Decision:
        """Ask what to grey."""
        with self._watch("decide"):
            return self._decider.decide(captured_s)

    def forget_before(self, captured_s: float) -> None:
        """Let it tidy up."""
        with self._watch("decide"):
            self._decider.forget_before(captured_s)


class Tape:
    """Write encoded pictures as the recorder does: fragments, encrypted, into a file."""

    def __init__(self, folder: Path, watch: Stopwatch) -> None:
        self._store = FootageStore(folder)
        self._watch = watch
        self._file: SegmentFile | None = None
        self._count = 0

    def take(self, picture: EncodedPicture) -> None:
        """Append a picture."""
        with self._watch(STAGES[-1]):
            units = drop_delimiters(split_annex_b(picture.data), "h264")
            if self._file is None:
                sets = find_parameter_sets(units, "h264")
                assert sets is not None
                ref = SegmentRef(PlacementId("bench"), _START_AT, 1)
                writer = self._store.create(ref, secrets.token_bytes(KEY_BYTES))
                self._file = SegmentFile(writer, _START_AT, picture.width_px, picture.height_px, sets)
            captured_at = _START_AT + timedelta(seconds=self._count / FPS)
            self._file.add(length_prefixed(units), captured_at, is_keyframe=picture.is_keyframe)
            self._count += 1

    def close(self) -> None:
        """Finish the file."""
        assert self._file is not None
        with self._watch(STAGES[-1]):
            self._file.finish(None)
            self._file.writer.chunks.finish()
            self._file.writer.close_durably()


def run(*, rounds: int, quick: bool, cache: Path = CACHE) -> Report:
    """Measure the stages of each clip."""
    before = load()
    known = clips(cache, quick=quick)
    per_clip: dict[str, list[dict[str, float]]] = {clip.name: [] for clip in known}
    for _ in range(rounds):
        for clip in known:
            per_clip[clip.name].append(stages_ms(clip))
    rows = []
    for name, measured in per_clip.items():
        medians = [statistics.median(one[stage] for one in measured) for stage in STAGES]
        rows.append((name, *(f"{value:.2f}" for value in medians), f"{sum(medians):.2f}"))
    lines = (
        f"CPU milliseconds of the worker's thread per frame, median of {rounds} rounds. Before: {before}. After: {load()}.",
        "",
        *table(("clip", *STAGES, "sum"), rows),
    )
    return Report("Time per stage", lines)


def stages_ms(clip: Clip) -> dict[str, float]:
    """Put a clip through once; return CPU milliseconds per frame by stage."""
    watch = Stopwatch()
    with tempfile.TemporaryDirectory(prefix="vms-bench-") as folder:
        tape = Tape(Path(folder), watch)
        worker = Worker(clip, tape.take, watch)
        decider = worker.stage._decider  # noqa: SLF001 - the stage makes its own decider, and that one is to be timed
        assert decider is not None
        worker.stage._decider = WatchedDecider(decider, watch)  # noqa: SLF001 - as above
        outcome = worker.run()
        tape.close()
    watch.spent_s["burn"] = watch.spent_s.pop(_BURN)
    return {stage: watch.spent_s[stage] * 1000 / outcome.frames for stage in STAGES}
