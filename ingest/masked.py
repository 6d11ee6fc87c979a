"""The masked way of a camera: decode, blank, encode. Nothing raw leaves this module, but to the tap of the commissioning view."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from blanking.decision import Blank, BlankAll, GreyReason
from blanking.frames import RawFrame
from blanking.plan import DirectionPlan, ImagePlan, Plan
from blanking.pose import PoseSample
from blanking.stage import BlankingStage, Released
from ingest.budget import BitBudget
from ingest.calibrating.eye import CalibrationEye
from ingest.calibrating.view_keeper import ViewKeeper
from ingest.commissioning import CommissioningTap
from ingest.decoder import Picture, PictureDecoder
from ingest.encoder import PictureEncoder
from ingest.gauge import Gauge
from ingest.output import Output
from ingest.panorama import PanoramaMaker
from ingest.plan_watch import ActivePlan
from ingest.samples import told_by
from ingest.shedding import Shedder
from ingest.source import CameraStream, SourcePacket
from ingest.video_clock import VideoClock
from vms.clock import Clock
from vms.footage.recorder import Packet
from vms.footage.witness import DIGEST_BYTES, FrameWitness, PoseSaying, with_witness
from vms.model import CameraKind

log = structlog.get_logger(__name__)

MOST_INSIDE = 600
ASK_EVERY_S = 2.0
"""While pictures stay suspect the camera is asked for a keyframe this often: each costs it a burst of bits."""
_DECODERS = {"h264": "h264", "h265": "hevc"}


@dataclass(frozen=True, slots=True)
class MaskedSettings:
    """How to mask and encode.

    Args:
        max_hold_s: how long a frame waits for the camera's position.
        qp: finest quantiser.
        gop_s: a keyframe at least this often.
    """

    max_hold_s: float
    qp: int
    gop_s: float


@dataclass(frozen=True, slots=True)
class _Inside:
    """What must be known of a packet when its frame comes out."""

    captured_at: datetime
    captured_s: float
    arrived_s: float
    grey: GreyReason | None


MASKS_COVER_ALL = "masks-cover-all"
"""What viewers and the recording are told of a picture that was blanked as planned, and of which nothing is left."""


class MaskedWay:
    """Turn one session's packets into blanked, encoded packets. Made for one thread.

    Args:
        stream: the session.
        kind: a PTZ camera is blanked by directions only.
        active: the approved plan.
        video_clock: on which pictures and poses are compared.
        in_order: makes instants rise (the session's CaptureMap).
        ask_for_keyframe: called when pictures are suspect; must not wait.
        tap: of the commissioning view, which has its own leave to ask for.
        eye: of the calibration; while it is busy every frame is grey.
        panorama: gets blanked pictures.
        view: watches a fixed camera; its pictures are grey while it says so, and their masks as wide.
    """

    def __init__(
        self,
        stream: CameraStream,
        kind: CameraKind,
        active: ActivePlan,
        settings: MaskedSettings,
        *,
        video_clock: VideoClock,
        clock: Clock,
        output: Output,
        gauge: Gauge,
        shedder: Shedder,
        in_order: Callable[[datetime], datetime],
        ask_for_keyframe: Callable[[], None],
        tap: CommissioningTap | None = None,
        eye: CalibrationEye | None = None,
        panorama: PanoramaMaker | None = None,
        view: ViewKeeper | None = None,
    ) -> None:
        self._kind = kind
        self._settings = settings
        self._video_clock = video_clock
        self._clock = clock
        self._output = output
        self._gauge = gauge
        self._shedder = shedder
        self._in_order = in_order
        self._ask_for_keyframe = ask_for_keyframe
        self._tap = tap
        self._eye = eye
        self._panorama = panorama
        self._view = view
        self._widened_rel = 0.0
        self._inside: OrderedDict[int, _Inside] = OrderedDict()
        self._decoder = PictureDecoder(
            _DECODERS[stream.codec], stream.parameter_sets or None, self._instant_of, stream.stated_fps
        )
        self._encoder = PictureEncoder(qp=settings.qp, gop_frames=10_000)
        self._budget = BitBudget(settings.qp)
        self._active = active
        self._stage = self._new_stage(None)
        self._steps = video_clock.steps
        self._asked_s: float | None = None
        self._key_at: datetime | None = None
        self._size_px = (0, 0)

    def packet(self, packet: SourcePacket, captured_at: datetime) -> None:
        """Take the next packet."""
        self._start_afresh_after_step()
        if not self._shedder.wants_packet(is_keyframe=packet.is_keyframe):
            return
        self._inside[packet.media_ticks] = _Inside(
            captured_at,
            self._video_clock.captured_s(packet),
            packet.arrived_s,
            self._video_clock.grey_reason(packet),
        )
        while len(self._inside) > MOST_INSIDE:
            self._inside.popitem(last=False)
        if packet.jumped:
            self._decoder.note_loss()
        for picture in self._decoder.decode(packet.packet, lost=packet.lost):
            self._picture(picture)

    def sample(self, sample: PoseSample) -> None:
        """Take a pose sample."""
        self._start_afresh_after_step()
        self._stage.add_sample(sample)
        if self._tap is not None:
            self._tap.sample(sample)
        if self._eye is not None:
            self._eye.sample(sample)
        if self._panorama is not None:
            self._panorama.sample(sample)

    def lost(self) -> None:
        """Packets were dropped before they came here."""
        self._decoder.note_loss()

    def release(self) -> None:
        """Hand on the frames that may leave now."""
        self._hand_on(self._stage.release(self._now_s()))

    def wait_s(self) -> float | None:
        """Return how long the oldest frame may still wait; None when none does."""
        deadline_s = self._stage.next_deadline_s()
        return None if deadline_s is None else max(0.0, deadline_s - self._now_s())

    def replan(self, active: ActivePlan) -> None:
        """Blank what comes from now on by another plan; what waits is still blanked by the one before."""
        self._hand_on(self._stage.flush(self._now_s()))
        self._active = active
        self._stage = self._new_stage(self._size_px)
        self._key_at = None

    def cut(self, step: timedelta) -> None:
        """Hand on what waits, and begin anew with a keyframe; what is still in the decoder moves by `step`."""
        self._hand_on(self._stage.flush(self._now_s()))
        self._stage = self._new_stage(self._size_px)
        self._key_at = None
        for ticks, inside in self._inside.items():
            self._inside[ticks] = replace(inside, captured_at=inside.captured_at + step)

    def close(self) -> None:
        """Hand on what waits and end."""
        self._hand_on(self._stage.flush(self._now_s()))
        self._encoder.close()

    def _picture(self, picture: Picture) -> None:
        frame = picture.frame
        inside = self._inside.get(frame.pts) if frame.pts is not None else None
        if picture.suspect:
            self._ask_in_measure()
        if inside is None or not self._shedder.wants_frame():
            return
        self._fit(frame)
        measured = self._eye is not None and self._eye.busy
        if self._tap is not None and not picture.suspect and not measured:
            self._tap.offer(frame, inside.captured_at)
        if self._eye is not None and measured and not picture.suspect and inside.grey is None:
            self._eye.offer(frame)
        grey = GreyReason.LOST_PICTURE if picture.suspect else inside.grey
        if self._view is not None:
            grey = self._held_against_view(self._view, frame, grey)
        if self._active.withheld:
            grey = GreyReason.SELF_TEST
        if self._active.drifted:
            grey = GreyReason.CALIBRATION_DRIFT
        if measured:
            grey = GreyReason.CAMERA_BUSY
        self._stage.add_frame(frame, self._video_clock.now_s(inside.arrived_s), grey)

    def _held_against_view(self, view: ViewKeeper, frame: RawFrame, grey: GreyReason | None) -> GreyReason | None:
        """Let a picture be looked at, and return why it must be grey; masks are as wide as they must be from this picture on."""
        if grey is None and self._is_of_plan(frame):
            view.offer(frame)
        if view.widened_rel != self._widened_rel:
            self._widened_rel = view.widened_rel
            self._hand_on(self._stage.flush(self._now_s()))
            self._stage = self._new_stage(self._size_px)
        return view.grey or grey

    def _is_of_plan(self, frame: RawFrame) -> bool:
        plan = self._active.stated or self._active.plan
        return plan is None or (frame.width_px, frame.height_px) == (plan.width_px, plan.height_px)

    def _fit(self, frame: RawFrame) -> None:
        size_px = (frame.width_px, frame.height_px)
        if size_px == self._size_px:
            return
        self._size_px = size_px
        self._gauge.fact(width=frame.width_px, height=frame.height_px)
        if self._active.no_dwelling_in_sight:
            self._hand_on(self._stage.flush(self._now_s()))
            self._stage = self._new_stage(size_px)

    def _new_stage(self, size_px: tuple[int, int] | None) -> BlankingStage:
        return BlankingStage(self._plan(size_px), self._settings.max_hold_s)

    def _plan(self, size_px: tuple[int, int] | None) -> Plan | None:
        """Return the plan to blank by; None, all grey, for one that does not suit the kind of camera."""
        active = self._active
        if self._kind is CameraKind.PTZ:
            # Masks fixed in the picture, or none at all, are wrong as soon as the camera turns.
            return active.plan if isinstance(active.plan, DirectionPlan) else None
        if active.no_dwelling_in_sight and size_px is not None:
            return ImagePlan(size_px[0], size_px[1], ())
        if isinstance(active.plan, ImagePlan) and self._widened_rel:
            return replace(active.plan, widened_rel=self._widened_rel)
        return active.plan

    def _ask_in_measure(self) -> None:
        now_s = self._clock.monotonic_s()
        if self._asked_s is None or now_s - self._asked_s >= ASK_EVERY_S:
            self._asked_s = now_s
            self._ask_for_keyframe()

    def _start_afresh_after_step(self) -> None:
        """Poses from before the camera's clock was set say nothing about pictures from after it."""
        if self._steps == self._video_clock.steps:
            return
        self._steps = self._video_clock.steps
        log.warning("the camera's clock was set: grey until pictures and poses agree", step=self._video_clock.last_step)
        self._hand_on(self._stage.flush(self._now_s()))
        self._stage = self._new_stage(self._size_px)
        self._decoder.begin_anew()
        if self._tap is not None:
            self._tap.forget_poses()
        if self._panorama is not None:
            self._panorama.forget_poses()

    def _hand_on(self, released: list[Released]) -> None:
        for one in released:
            inside = self._inside.pop(one.frame.pts, None) if one.frame.pts is not None else None
            if inside is None:
                continue
            if self._panorama is not None and self._shedder.has_time:
                self._panorama.offer(one.frame, self._active)
            captured_at = self._in_order(inside.captured_at)
            due = self._key_at is None or (captured_at - self._key_at).total_seconds() >= self._settings.gop_s
            reason = one.decision.reason.value if isinstance(one.decision, BlankAll) else None
            source = one.decision.source.value if isinstance(one.decision, Blank) else "none"
            for coded in self._encoder.encode(one.frame, one.frame.pts or 0, force_keyframe=due):
                told = reason or (MASKS_COVER_ALL if one.grey_rel >= 1.0 else None)
                self._output.note(captured_at, told, one.margin_px, source, told_by(one.witness))
                data = with_witness(coded.data, self._witness(one, source, reason))
                self._output.packet(
                    Packet(data, captured_at, coded.is_keyframe, coded.width_px, coded.height_px, "h264")
                )
                if coded.is_keyframe:
                    self._key_at = captured_at
                self._encoder.set_qp(
                    self._budget.see(
                        len(coded.data),
                        captured_at.timestamp(),
                        is_keyframe=coded.is_keyframe,
                        pixels=coded.width_px * coded.height_px,
                    )
                )
            self._gauge.delay((self._clock.monotonic_s() - inside.arrived_s) * 1000)

    def _witness(self, released: Released, source: str, reason: str | None) -> FrameWitness:
        said = (released.witness.before, released.witness.after)
        return FrameWitness(
            plan_version=self._active.version or 0,
            plan_digest=bytes.fromhex(self._active.sha256)[:DIGEST_BYTES],
            source=source,
            reason=reason or "",
            sayings=tuple(
                PoseSaying(one.offset_s, one.half_s, one.pan_deg, one.tilt_deg, one.zoom)
                for one in said
                if one is not None
            ),
        )

    def _instant_of(self, ticks: int) -> float:
        inside = self._inside.get(ticks)
        return float("nan") if inside is None else inside.captured_s

    def _now_s(self) -> float:
        return self._video_clock.now_s(self._clock.monotonic_s())
