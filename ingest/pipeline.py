"""One camera's pictures from inbox to output: the thread that decodes, blanks and encodes, or copies."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from blanking.plan import DirectionPlan
from ingest.agreement import ClockAgreement
from ingest.calibrating.eye import CalibrationEye
from ingest.calibrating.view_keeper import ViewKeeper
from ingest.clockmap import CaptureMap
from ingest.commissioning import CommissioningTap
from ingest.copied import CopiedWay
from ingest.gauge import Gauge
from ingest.inbox import Dropped, Ended, Inbox, Item, Opened, PlanChanged
from ingest.masked import MaskedSettings, MaskedWay
from ingest.metadata_source import StatusMessage
from ingest.output import Output
from ingest.panorama import PanoramaMaker
from ingest.plan_watch import NO_PLAN, ActivePlan
from ingest.samples import Exchange, SampleMaker
from ingest.shedding import Shed, Shedder
from ingest.source import CameraStream, SourcePacket
from ingest.video_clock import VideoClock
from vms.clock import Clock
from vms.model import CameraKind, SegmentMode

IDLE_S = 0.25
UNRESOLVED_STEP_S = 20.0
"""A step of the camera's clock that has not resolved by itself after this long is resolved by a new session."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class PipelineParts:
    """What the pipeline works with.

    Args:
        samples: makes pose samples; called again for each answer, None while the camera's spaces are unknown.
        agreement: None for a fixed camera.
        ask_for_keyframe, reconnect: must not wait.
        tap: of the commissioning view; gets decoded pictures, and gives away none without leave.
        eye: of the calibration; while it is busy every frame is grey.
        panorama: gets blanked pictures.
        view: watches a fixed camera; None for one that turns.
    """

    kind: CameraKind
    clock: Clock
    inbox: Inbox
    output: Output
    gauge: Gauge
    settings: MaskedSettings
    video_clock: VideoClock
    agreement: ClockAgreement | None
    samples: Callable[[], SampleMaker | None]
    ask_for_keyframe: Callable[[], None]
    reconnect: Callable[[], None]
    tap: CommissioningTap | None = None
    eye: CalibrationEye | None = None
    panorama: PanoramaMaker | None = None
    view: ViewKeeper | None = None


@dataclass
class _Session:
    """What lives as long as a session with the camera."""

    stream: CameraStream
    captured: CaptureMap
    shedder: Shedder
    way: MaskedWay | CopiedWay


class Pipeline:
    """Work through the inbox."""

    def __init__(self, parts: PipelineParts) -> None:
        self._parts = parts
        self._active = NO_PLAN
        self._session: _Session | None = None
        self._held = False
        self._in_gap = False
        self._had_packet = False
        self._last_at: datetime | None = None
        self._reconnect_asked_s: float | None = None

    def run(self, stop: threading.Event, came_by: Callable[[], None] = lambda: None) -> None:
        """Work until told to stop, then hand on what waits; `came_by` is called each time round."""
        while not stop.is_set():
            came_by()
            self.step(self._wait_s())
        self.drain()

    def drain(self) -> None:
        """Hand on what waits."""
        self._end_session()

    def step(self, timeout_s: float) -> None:
        """Take one item, if one comes in time, and hand on what may leave."""
        item = self._parts.inbox.get(timeout_s)
        if item is not None:
            self._take(item)
        if self._session is not None and isinstance(self._session.way, MaskedWay):
            self._session.way.release()

    def _wait_s(self) -> float:
        way = self._session.way if self._session is not None else None
        wait_s = way.wait_s() if isinstance(way, MaskedWay) else None
        return IDLE_S if wait_s is None else min(wait_s, IDLE_S)

    def _take(self, item: Item) -> None:
        match item:
            case SourcePacket():
                self._packet(item)
            case Exchange() | StatusMessage():
                self._answer(item)
            case Opened():
                self._open(item.stream)
            case Ended():
                self._end_session()
                if not self._in_gap:
                    self._in_gap = True
                    start_at = None if self._had_packet else self._parts.clock.now()
                    self._parts.output.gap(start_at, item.failure.cause, item.failure.code)
                else:
                    self._parts.output.still_offline(item.failure.code)
            case PlanChanged():
                self._replan(item.plan)
            case Dropped():
                if self._session is not None:
                    self._session.way.lost()

    def _packet(self, packet: SourcePacket) -> None:
        session, parts = self._session, self._parts
        if session is None:
            return
        parts.gauge.arrived()
        now_s = parts.clock.monotonic_s()
        before = session.shedder.level
        level = session.shedder.see(now_s - packet.arrived_s, now_s)
        if level is not before:
            log.warning("the worker sheds", level=level, behind_s=round(now_s - packet.arrived_s, 2))
            parts.gauge.fact(shedding=None if level is Shed.NOTHING else level.value)
        arrived_at = parts.clock.now() - timedelta(seconds=now_s - packet.arrived_s)
        captured_at = session.captured.captured_at(packet.media_s, packet.camera_s, packet.arrived_s, arrived_at)
        if parts.agreement is not None:
            parts.agreement.see_picture(packet.media_s, packet.camera_s, packet.arrived_s)
            self._resolve_step(parts.agreement, now_s)
        self._had_packet, self._in_gap = True, False
        step_s = session.captured.take_step_s()
        if step_s is not None:
            self._clock_step(session, captured_at, step_s)
        session.way.packet(packet, captured_at)
        if isinstance(session.way, CopiedWay) and (session.way.is_held or not session.way.possible):
            self._held = session.way.is_held
            log.warning("the stream can't be copied: it is transcoded", held=self._held)
            session.way = self._masked_way(session.stream, session.captured, session.shedder)
            parts.output.under(self._active, SegmentMode.MASKED)
            parts.ask_for_keyframe()
        elif isinstance(session.way, MaskedWay) and self._held and self._copies(session.stream):
            self._replan(self._active)

    def _clock_step(self, session: _Session, at: datetime, step_s: float) -> None:
        """Our own clock was set: what follows is recorded at the new time, after a gap that says so."""
        log.warning("this machine's clock was set: recorded instants begin anew", step_s=round(step_s, 1))
        if isinstance(session.way, MaskedWay):
            session.way.cut(timedelta(seconds=step_s))
        if step_s < 0:
            session.captured.begin_anew()
        self._parts.output.clock_step(at, step_s)

    def _answer(self, told: Exchange | StatusMessage) -> None:
        maker = self._parts.samples()
        sample = maker.sample(told) if maker is not None else None
        if sample is not None and self._session is not None and isinstance(self._session.way, MaskedWay):
            self._session.way.sample(sample)

    def _open(self, stream: CameraStream) -> None:
        self._end_session()
        parts = self._parts
        if parts.agreement is not None:
            parts.agreement.forget_pictures()
        self._reconnect_asked_s = None
        parts.gauge.fact(codec=stream.codec, shedding=None)
        log.info("a session with the camera began", codec=stream.codec)
        captured, shedder = CaptureMap(self._last_at), Shedder()
        self._session = _Session(stream, captured, shedder, self._way(stream, captured, shedder))

    def _end_session(self) -> None:
        session, self._session = self._session, None
        if session is None:
            return
        if isinstance(session.way, MaskedWay):
            session.way.close()
        self._last_at = session.captured.last_at

    def _replan(self, active: ActivePlan) -> None:
        log.info("another blanking plan applies", version=active.version, no_dwelling=active.no_dwelling_in_sight)
        self._active = active
        self._parts.gauge.fact(plan_version=active.version)
        if self._parts.agreement is not None and isinstance(active.plan, DirectionPlan):
            accuracy = active.plan.accuracy
            self._parts.agreement.accept(accuracy.time_s, accuracy.time_s + accuracy.staleness_s)
        session = self._session
        if session is None:
            return
        if isinstance(session.way, MaskedWay) and not self._copies(session.stream):
            session.way.replan(active)
            self._parts.output.under(active, SegmentMode.MASKED)
            return
        # From copying to masking: no picture may be decoded that refers to ones never decoded; grey until the next clean keyframe.
        if isinstance(session.way, MaskedWay):
            session.way.close()
        session.way = self._way(session.stream, session.captured, session.shedder)
        self._parts.ask_for_keyframe()

    def _copies(self, stream: CameraStream) -> bool:
        fixed = self._parts.kind is CameraKind.FIXED
        is_held = self._parts.view is not None and self._parts.view.grey is not None
        return self._active.no_dwelling_in_sight and fixed and stream.codec == "h264" and not is_held

    def _way(self, stream: CameraStream, captured: CaptureMap, shedder: Shedder) -> MaskedWay | CopiedWay:
        if self._copies(stream):
            self._parts.output.under(self._active, SegmentMode.COPIED)
            self._held = False
            return CopiedWay(stream, self._parts.output, self._parts.gauge, captured.in_order, self._parts.view)
        self._parts.output.under(self._active, SegmentMode.MASKED)
        return self._masked_way(stream, captured, shedder)

    def _masked_way(self, stream: CameraStream, captured: CaptureMap, shedder: Shedder) -> MaskedWay:
        parts = self._parts
        return MaskedWay(
            stream,
            parts.kind,
            self._active,
            parts.settings,
            video_clock=parts.video_clock,
            clock=parts.clock,
            output=parts.output,
            gauge=parts.gauge,
            shedder=shedder,
            in_order=captured.in_order,
            ask_for_keyframe=parts.ask_for_keyframe,
            tap=parts.tap,
            eye=parts.eye,
            panorama=parts.panorama,
            view=parts.view,
        )

    def _resolve_step(self, agreement: ClockAgreement, now_s: float) -> None:
        since_s = agreement.unresolved_since_s
        if since_s is None or now_s - since_s < UNRESOLVED_STEP_S:
            return
        if self._reconnect_asked_s is None:
            log.warning("the camera's clock was set and its pictures don't follow: the session is renewed")
            self._reconnect_asked_s = now_s
            self._parts.reconnect()
