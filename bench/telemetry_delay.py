"""What slow telemetry costs: how long frames wait for it, and how much too much is greyed.

A simulation without a clock: the real BlankingStage is handed frames and samples at the instants at which they would arrive, and
says when each frame may leave. The truth about what is dwelling comes from the demo city's own inverse test, which shares no code
with the product; a dwelling pixel that is not grey would be counted as a leak.
"""

import heapq
import random
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from bench.city_clips import WARM_UP_S, place_of, sized, sweep
from bench.report import Report, percentile, table
from blanking.blocks import BLOCK_PX
from blanking.decision import Blank
from blanking.frames import RawFrame
from blanking.plan import Plan, parse_plan
from blanking.pose import PoseSample, stamped_sample
from blanking.stage import BlankingStage, Released
from sample_streams.device.mechanics import Pose
from sample_streams.plan import plan_document
from sample_streams.roster import CameraSpec
from sample_streams.truth import CameraTruth, FrameRecord, camera_truth, dwelling_mask

RATES_HZ = (20.0, 10.0, 5.0)
RATE_JITTER_REL = 0.15
ARRIVAL_S = (0.05, 0.30)
"""A sample arrives so long after it was taken, uniformly."""
TIME_JITTER_S = 0.005
VIDEO_DELAY_S = 0.12
"""A frame arrives so long after its exposure."""
MAX_DELAY_S = 0.3
LOOK_EVERY_S = 0.005
"""How often the worker asks the stage what may leave, besides at each arrival."""
FPS = 25.0
SEED = 11
TRUTH_EVERY = 5
"""Every fifth frame is compared with the truth, which is slow to compute."""


@dataclass(frozen=True, slots=True)
class Motion:
    """How the camera moves.

    Args:
        name: for the table.
        speed_deg_s: top speed of its swing; 0: it stands still.
    """

    name: str
    speed_deg_s: float


MOTIONS = (Motion("parked", 0.0), Motion("slow swing, 15 deg/s", 15.0), Motion("swing, 60 deg/s", 60.0))


@dataclass(frozen=True, slots=True)
class Town:
    """The camera, its plan, and what is really to be seen."""

    spec: CameraSpec
    plan: Plan
    truth: CameraTruth

    @classmethod
    def build(cls, width_px: int, height_px: int) -> Self:
        """Build the demo city's market square, seen in this size."""
        spec = sized("vredenmarkt", width_px, height_px, FPS)
        place = place_of(spec, SEED)
        truth = camera_truth(spec.camera_id, spec.optics, place, spec.exposure_s)
        return cls(spec, parse_plan(plan_document(spec, place)), truth)


@dataclass(slots=True)
class Tally:
    """What came out of one run."""

    holds_ms: list[float] = field(default_factory=list)
    over_rel: list[float] = field(default_factory=list)
    leaked_px: int = 0
    grey: int = 0
    frames: int = 0


def run(*, rounds: int, quick: bool) -> Report:
    """Simulate each motion at each rate; deterministic, so one round is enough."""
    del rounds
    seconds = 1.0 if quick else 20.0
    town = Town.build(*((320, 192) if quick else (1280, 720)))
    rows, figures = [], []
    for motion in MOTIONS[-1:] if quick else MOTIONS:
        for rate_hz in RATES_HZ[-1:] if quick else RATES_HZ:
            tally = _simulated(town, motion, rate_hz, seconds)
            mean_ms, p95_ms = statistics.fmean(tally.holds_ms), percentile(tally.holds_ms, 0.95)
            over = f"{statistics.fmean(tally.over_rel):.1%}" if tally.over_rel else "-"
            grey = f"{tally.grey / tally.frames:.1%}"
            rows.append(
                (motion.name, f"{rate_hz:g} Hz", f"{mean_ms:.0f}", f"{p95_ms:.0f}", over, grey, str(tally.leaked_px))
            )
            if motion is MOTIONS[-1]:
                what = f"telemetry at {rate_hz:g} Hz, {motion.name}: hold mean / p95, needless grey"
                figures.append((what, f"{mean_ms:.0f} / {p95_ms:.0f} ms, {over}"))
    low_ms, high_ms = (1000 * value for value in ARRIVAL_S)
    header = ("camera", "rate", "hold mean ms", "p95 ms", "needless grey", "frames all grey", "leaked px")
    lines = (
        f"{seconds:.0f} s at {FPS:g} fps, {town.plan.width_px}x{town.plan.height_px}, the demo market's plan.",
        f"Samples arrive {low_ms:.0f}-{high_ms:.0f} ms late, their times are off by up to {TIME_JITTER_S * 1000:.0f} ms.",
        f"Frames arrive {VIDEO_DELAY_S * 1000:.0f} ms late; the hold is what they wait beyond that, at most {MAX_DELAY_S * 1000:.0f} ms.",
        "Needless grey: share of the picture that is grey and no dwelling, mean over frames with a dwelling in view that aren't all grey.",
        "",
        *table(header, rows),
    )
    return Report("Added latency by telemetry rate (simulated)", lines, figures=tuple(figures))


def _simulated(town: Town, motion: Motion, rate_hz: float, seconds: float) -> Tally:
    spec, start = town.spec, town.spec.start
    pose_at: Callable[[float], Pose] = (
        sweep(start, seconds + 1.0, motion.speed_deg_s, SEED) if motion.speed_deg_s else lambda _at_s: start
    )
    stage = BlankingStage(town.plan, MAX_DELAY_S)
    tally = Tally()
    for released in _released(stage, spec, pose_at, rate_hz, seconds):
        captured_s = released.frame.captured_s
        tally.frames += 1
        tally.holds_ms.append((released.released_s - captured_s - VIDEO_DELAY_S) * 1000)
        if not isinstance(released.decision, Blank):
            tally.grey += 1
        elif round(captured_s * FPS) % TRUTH_EVERY == 0:
            dwelling = dwelling_mask(town.truth, _record(spec, captured_s, pose_at))
            grey = _grey_mask(released.decision, town.plan)
            tally.leaked_px += int((dwelling & ~grey).sum())
            if dwelling.any():
                tally.over_rel.append(float((grey & ~dwelling).mean()))
    return tally


def _released(
    stage: BlankingStage, spec: CameraSpec, pose_at: Callable[[float], Pose], rate_hz: float, seconds: float
) -> Iterator[Released]:
    """Yield frames as they leave, with arrivals and the worker's own looks in the order of time."""
    width_px, height_px = spec.optics.width_px, spec.optics.height_px
    luma = np.zeros((height_px, width_px), np.uint8)
    chroma = np.zeros((height_px // 2, width_px // 2), np.uint8)
    events: list[tuple[float, int, RawFrame | PoseSample | None]] = []
    for sample in _samples(spec, pose_at, rate_hz, seconds):
        events.append((sample.arrived_s, len(events), sample))
    for number in range(int(seconds * FPS)):
        captured_s = number / FPS
        frame = RawFrame(
            planes=(luma, chroma, chroma),
            width_px=width_px,
            height_px=height_px,
            pixel_format="yuv420p",
            captured_s=captured_s,
            pts=number,
        )
        events.append((captured_s + VIDEO_DELAY_S, len(events), frame))
    for number in range(int((seconds + 1.0) / LOOK_EVERY_S)):
        events.append((number * LOOK_EVERY_S, len(events), None))
    heapq.heapify(events)
    now_s = 0.0
    while events:
        now_s, _, event = heapq.heappop(events)
        if isinstance(event, PoseSample):
            stage.add_sample(event)
        elif event is not None:
            stage.add_frame(event, now_s)
        yield from stage.release(now_s)
    yield from stage.flush(now_s)


def _samples(
    spec: CameraSpec, pose_at: Callable[[float], Pose], rate_hz: float, seconds: float
) -> Iterator[PoseSample]:
    rng, traits = random.Random(SEED), spec.telemetry  # noqa: S311 - simulated jitter is no secret
    at_s = 0.5 - WARM_UP_S
    while at_s < seconds + 0.5:
        pose = pose_at(at_s)
        stamped_s = at_s + rng.uniform(-TIME_JITTER_S, TIME_JITTER_S)
        quantised = (
            round(pose.pan_deg / traits.quantum_deg) * traits.quantum_deg,
            round(pose.tilt_deg / traits.quantum_deg) * traits.quantum_deg,
            round(pose.zoom / traits.quantum_zoom) * traits.quantum_zoom,
        )
        yield stamped_sample(stamped_s, at_s + rng.uniform(*ARRIVAL_S), quantised, moving=True)
        at_s += rng.uniform(1 - RATE_JITTER_REL, 1 + RATE_JITTER_REL) / rate_hz


def _record(spec: CameraSpec, captured_s: float, pose_at: Callable[[float], Pose]) -> FrameRecord:
    half_s = spec.exposure_s / 2
    return FrameRecord(
        frame=round(captured_s * FPS),
        boot=0,
        rtp_timestamp=0,
        camera_utc_s=captured_s,
        true_utc_s=captured_s,
        start=pose_at(captured_s - half_s),
        middle=pose_at(captured_s),
        end=pose_at(captured_s + half_s),
        width_px=spec.optics.width_px,
        height_px=spec.optics.height_px,
        is_keyframe=False,
        sent_packets=1,
        total_packets=1,
    )


def _grey_mask(decision: Blank, plan: Plan) -> NDArray[np.bool_]:
    mask = np.zeros((plan.height_px, plan.width_px), np.bool_)
    for box in decision.rectangles:
        mask[box.top * BLOCK_PX : box.bottom * BLOCK_PX, box.left * BLOCK_PX : box.right * BLOCK_PX] = True
    return mask
