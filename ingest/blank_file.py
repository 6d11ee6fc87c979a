"""Blank a video file exactly as the live pipeline would: the function behind `vms blank` (design section 11)."""

import json
import math
import tempfile
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from av.video.stream import VideoStream

from blanking.decision import Blank, BlankAll, GreyReason
from blanking.plan import Plan, parse_plan
from blanking.pose import PoseSample, stamped_sample
from blanking.stage import BlankingStage, Released
from ingest.decoder import Picture, PictureDecoder
from ingest.encoder import PictureEncoder
from ingest.file_video import FileVideo
from ingest.mp4_output import Mp4Output
from ingest.samples import told_by
from vms.errors import InvalidInput

QP = 18
"""Visually lossless: what is not a dwelling should look as it came in."""
_GOP_FRAMES = 50
_MOST_WAITING = 1200
FROM_FILE = "file"
"""The source of samples that name none."""


@dataclass(frozen=True, slots=True)
class BlankSummary:
    """What `blank_file` did.

    Args:
        frames: pictures written.
        wholly_grey: those of them that are wholly grey.
        reasons: how many were grey for which reason.
        sources: how many of the others had their pose from where.
    """

    frames: int
    wholly_grey: int
    reasons: dict[str, int]
    sources: dict[str, int]


@dataclass(slots=True)
class _Job:
    """One run: the stage, what goes in and what comes out of it, in the order of the video's clock."""

    stage: BlankingStage
    arrivals_s: list[float]
    output: Mp4Output
    encoder: PictureEncoder
    now_s: float = -math.inf
    next_arrival: int = 0
    entries: list[dict[str, object]] = field(default_factory=list)

    def take(self, picture: Picture) -> None:
        """Let everything happen that happens before the picture arrives, then hand it over."""
        captured_s = picture.frame.captured_s
        arrived_s = max(self.now_s, captured_s) if math.isfinite(captured_s) else max(self.now_s, 0.0)
        self._run_until(arrived_s)
        self.now_s = arrived_s
        self.stage.add_frame(picture.frame, arrived_s, GreyReason.LOST_PICTURE if picture.suspect else None)
        self._write(self.stage.release(arrived_s))

    def finish(self) -> None:
        """Wait for the telemetry of the last pictures as long as for any other, then write them."""
        self._run_until(math.inf)
        for coded in self.encoder.flush():
            self.output.write(coded)

    def _run_until(self, end_s: float) -> None:
        while True:
            deadline_s = self.stage.next_deadline_s()
            if deadline_s is None and math.isinf(end_s):
                return
            arrival_s = self.arrivals_s[self.next_arrival] if self.next_arrival < len(self.arrivals_s) else math.inf
            event_s = min(arrival_s, math.inf if deadline_s is None else deadline_s)
            if event_s >= end_s:
                return
            if arrival_s <= event_s:
                self.next_arrival += 1
            self.now_s = max(self.now_s, event_s)
            self._write(self.stage.release(self.now_s))

    def _write(self, released: list[Released]) -> None:
        for one in released:
            assert one.frame.pts is not None
            whole = isinstance(one.decision, BlankAll)
            self.entries.append(
                {
                    "pts_s": float(one.frame.pts * self.output.time_base),
                    "released_s": one.released_s,
                    "decision": "all" if whole else "blank",
                    "reason": one.decision.reason if isinstance(one.decision, BlankAll) else None,
                    "pose_source": one.decision.source if isinstance(one.decision, Blank) else None,
                    "telemetry": told_by(one.witness),
                    "margin_px": round(one.margin_px, 2),
                    "grey_rel": round(one.grey_rel, 5),
                }
            )
            for coded in self.encoder.encode(one.frame, one.frame.pts):
                self.output.write(coded)


def blank_file(
    source: Path,
    plan: Path,
    telemetry: Path | None,
    out: Path,
    *,
    report: Path | None = None,
    max_delay_ms: float = 300.0,
) -> BlankSummary:
    """Write a blanked copy of a video file.

    Args:
        source: any container and codec that FFmpeg reads; its first video track that moves is taken, sound is dropped.
        plan: PLAN.json.
        telemetry: TELEMETRY.jsonl; without it a plan of directions greys everything.
        out: the MP4 to write; replaced only when everything went well.
        report: REPORT.json to write.
        max_delay_ms: how long a frame may wait for telemetry.

    Raises:
        InvalidInput: one of the files is wrong; the message says which, where, and what to do; nothing was written.
    """
    if not (math.isfinite(max_delay_ms) and 0 <= max_delay_ms <= 10_000):
        raise InvalidInput(f"--max-delay-ms is {max_delay_ms}; give a number from 0 to 10000.", code="blank.delay")
    the_plan = _read_plan(plan)
    samples = _read_telemetry(telemetry) if telemetry is not None else []
    for target in (out, report):
        if target is not None and not target.parent.is_dir():
            raise InvalidInput(f"The folder of {target} does not exist; create it first.", code="blank.output")
    with ExitStack() as stack:
        video = FileVideo(source, stack)
        _check_size(video.stream, the_plan, source)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=".vms-blank-", dir=out.parent)))
        output = stack.enter_context(Mp4Output(folder / "out.mp4", video.time_base))
        job = _job(the_plan, samples, output, max_delay_ms / 1000.0)
        _run(video, job)
        if not job.entries:
            raise InvalidInput(f"{source} holds no picture that can be decoded; check the file.", code="blank.source")
        output.close()
        if report is not None:
            (folder / "report.json").write_text(json.dumps({"frames": job.entries}, indent=1), encoding="utf-8")
            (folder / "report.json").replace(report)
        (folder / "out.mp4").replace(out)
    counts = job.stage.counts
    grey = {reason: count for reason, count in counts.items() if reason != "blank"}
    return BlankSummary(len(job.entries), sum(grey.values()), dict(grey), dict(job.stage.sources))


def _job(plan: Plan, samples: list[PoseSample], output: Mp4Output, max_delay_s: float) -> _Job:
    stage = BlankingStage(plan, max_delay_s, most_waiting=_MOST_WAITING)
    for sample in samples:
        stage.add_sample(sample)
    return _Job(
        stage,
        sorted(s.arrived_s for s in samples),
        output,
        PictureEncoder(qp=QP, gop_frames=_GOP_FRAMES, states_orientation=False),
    )


def _run(video: FileVideo, job: _Job) -> None:
    context = video.stream.codec_context
    decoder = PictureDecoder(context, context.extradata, video.instant_of, video.fps, video.stream.sample_aspect_ratio)
    for packet in video.packets():
        for picture in decoder.decode(packet):
            _take_stamped(job, picture)
    for picture in decoder.flush():
        _take_stamped(job, picture)
    job.finish()


def _take_stamped(job: _Job, picture: Picture) -> None:
    if picture.frame.pts is not None:
        job.take(picture)


def _check_size(stream: VideoStream, plan: Plan, source: Path) -> None:
    size_px = (stream.codec_context.width, stream.codec_context.height)
    if size_px != (plan.width_px, plan.height_px) and all(size_px):
        raise InvalidInput(
            f"The plan is for pictures of {plan.width_px}x{plan.height_px}, {source} has {size_px[0]}x{size_px[1]}; "
            "use the plan of this profile, or the video of the plan's profile.",
            code="blank.size",
        )


def _read_plan(path: Path) -> Plan:
    try:
        document: object = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidInput(f"The plan {path} cannot be read: {error.strerror}.", code="plan.unreadable") from error
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise InvalidInput(f"The plan {path} is not JSON: {error}.", code="plan.unreadable") from error
    try:
        return parse_plan(document)
    except InvalidInput as error:
        raise InvalidInput(f"{path}: {error}", code=error.code, **error.details) from error


def _read_telemetry(path: Path) -> list[PoseSample]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise InvalidInput(f"The telemetry {path} cannot be read: {error.strerror}.", code="telemetry") from error
    except UnicodeDecodeError as error:
        raise InvalidInput(f"The telemetry {path} is not UTF-8 text: {error}.", code="telemetry") from error
    return [_sample(line, f"{path} line {number}") for number, line in enumerate(lines, 1) if line.strip()]


def _sample(line: str, place: str) -> PoseSample:
    try:
        entry = json.loads(line)
    except (json.JSONDecodeError, RecursionError) as error:
        raise InvalidInput(f"{place} is not a JSON object: {error}.", code="telemetry", place=place) from error
    if not isinstance(entry, dict):
        raise InvalidInput(f"{place} is not a JSON object.", code="telemetry", place=place)
    arrived_s = _value(entry, "arrived_s", place)
    if arrived_s is None:
        raise InvalidInput(
            f"{place} has no usable arrived_s; give the second at which it arrived.", code="telemetry", place=place
        )
    moving, source = entry.get("moving"), entry.get("source", FROM_FILE)
    if not isinstance(source, str) or not source.strip():
        raise InvalidInput(
            f'{place}: source is {source!r}; give "poll", "stream" or another word for what told it.',
            code="telemetry",
            place=place,
        )
    sample = stamped_sample(
        _value(entry, "at_s", place),
        arrived_s,
        (_value(entry, "pan_deg", place), _value(entry, "tilt_deg", place), _value(entry, "zoom", place)),
        moving=moving if isinstance(moving, bool) else None,
    )
    return replace(sample, source=source.strip())


def _value(entry: dict[str, Any], key: str, place: str) -> float | None:
    """Return a number, None where it is absent, null or not finite."""
    value = entry.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidInput(f"{place}: {key} is {value!r}; give a number or null.", code="telemetry", place=place)
    with suppress(OverflowError):
        number = float(value)
        return number if math.isfinite(number) else None
    return None
