"""The worker: everything about one placement, in one process.

Seven threads: the reader (RTSP), the telemetry (ONVIF) and its metadata stream (RTSP), the pictures (decode, blank, encode), the
recorder (disk and rows), the dead-man watch and the commissioning desk; the main one keeps status and plan. A worker that can't
guarantee blanking or writing ends; whoever started it starts it anew.
"""

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import structlog

from blanking.plan import Plan
from blanking.plan_values import DirectionPlan
from ingest.address import CameraAddress
from ingest.agreement import ClockAgreement
from ingest.backoff import Backoff
from ingest.calibrating.daily import DailyCheck
from ingest.calibrating.desk import CalibrationDesk, Records
from ingest.calibrating.eye import CalibrationEye
from ingest.calibrating.recheck import Rechecker, Subject
from ingest.calibrating.view_keeper import view_keeper
from ingest.camera_desk import CameraDesk
from ingest.commissioning import CommissioningDesk, CommissioningTap
from ingest.crew import Crew
from ingest.edge import EdgeRecords, EdgeWatch, connect
from ingest.errand import Errand
from ingest.gauge import Gauge
from ingest.inbox import Inbox, PlanChanged
from ingest.live import LiveFeed
from ingest.masked import MaskedSettings
from ingest.metadata_source import MetadataStream, open_metadata
from ingest.output import Output
from ingest.panorama import PanoramaMaker
from ingest.panorama_scan import PanoramaScanner
from ingest.parts import IngestParts
from ingest.pipeline import Pipeline, PipelineParts
from ingest.plan_watch import ActivePlan, PlanWatch
from ingest.ptz_control import Pose, PtzControl
from ingest.reader import CameraReader
from ingest.record_permit import RecordPermit
from ingest.recording import Recording
from ingest.source import CameraStream, SourceLimits, open_stream
from ingest.steady_clock import steadied
from ingest.telemetry_link import TelemetryLink
from ingest.video_clock import ArrivalClock, CameraClock
from vms.bus.channel import PlacementChannel
from vms.db import placements, rechecks, sweeps
from vms.db.placements import Placement
from vms.errors import Unavailable, VmsError
from vms.footage import acts
from vms.footage.recorder import RecorderPlan, SegmentRecorder
from vms.heartbeat import Heartbeat
from vms.model import CameraKind, GapCause, SegmentMode

STATUS_EVERY_S = 2.0
READER_HANGS_AFTER_S = 90.0
PICTURES_HANG_AFTER_S = 5.0
"""A picture takes milliseconds; a decoder or encoder that hangs gives no other sign."""
RECORDER_HANGS_AFTER_S = 60.0
"""What the queue before the recorder is made for (`ingest.recording`)."""
LOOK_HANGS_AFTER_S = 60.0
"""Longer than a database that is away keeps this thread waiting."""
DRAIN_WITHIN_S = 4.0
SEAL_WITHIN_S = 12.0

log = structlog.get_logger(__name__)


class Worker:
    """Wire the threads of one placement together and look after them."""

    def __init__(
        self, parts: IngestParts, placement: Placement, epoch: int, channel: PlacementChannel, stop: threading.Event
    ) -> None:
        self._parts = parts
        self._placement = placement
        self._epoch = epoch
        self._channel = channel
        self._stop = stop
        self._plan: ActivePlan | None = None
        camera, clock = placement.camera, parts.clock
        password = parts.credentials.unseal(camera.sealed_password)
        self._address = CameraAddress(
            camera.rtsp_url, camera.username, password, camera.rtsp_transport, camera.onvif_url, camera.allows_basic
        )
        is_ptz = camera.kind is CameraKind.PTZ
        # What gives footage its instants and its term goes by this one; everything else by the wall clock.
        self._steady = steadied(parts)
        self._permitted = RecordPermit(placement.law)
        self._told_off_s = int((placement.status or {}).get("wall_clock_off_s") or 0)
        self._crew = Crew(stop)
        self._gauge = Gauge(clock)
        self._gauge.usual(float((placement.status or {}).get("usual_fps") or 0.0))
        self._recorded = (0, clock.now())
        self._inbox = Inbox()
        self._plans = PlanWatch(parts.db, placement.id)
        self._recording = Recording(self._make_recorder)
        self._feed = LiveFeed(channel, epoch)
        agreement = ClockAgreement(0.02, 0.02) if is_ptz else None
        self._desk = CameraDesk(self._address, clock) if camera.onvif_url else None
        self._hands = ThreadPoolExecutor(1, "errands")
        self._reader = CameraReader(
            self._connect,
            self._inbox,
            Backoff(random.Random()),  # noqa: S311 - jitter, no secret
            clock,
            stop,
        )
        self._telemetry = self._made_telemetry(agreement)
        self._eye = CalibrationEye(clock)
        self._calibration = self._made_calibration()
        self._panorama = (
            PanoramaMaker(placement.id, parts.db, parts.keys, self._steady, parts.settings.keep_for) if is_ptz else None
        )
        self._control = self._made_control()
        self._daily = self._made_daily()
        self._edge_hands = ThreadPoolExecutor(1, "edge-recordings")
        self._edge = self._made_edge()
        self._view = None if is_ptz else view_keeper(parts, placement.id, self._steady)
        self._tap = CommissioningTap(placement.id, clock, moves=is_ptz)
        self._commissioning = self._made_commissioning()
        self._pipeline = self._made_pipeline(agreement)

    def run(self, heartbeat: Heartbeat) -> None:
        """Start the threads, look after them, and end them in order.

        Args:
            heartbeat: stops beating when pictures, recorder or this thread hang.

        Raises:
            VmsError: what a thread failed with.
        """
        self._look_at_clock()
        self._look_at_plan()
        self._channel.on_command(self._control.obey)
        came_by = heartbeat.watch("worker", LOOK_HANGS_AFTER_S)
        recorder = heartbeat.watch("recorder", RECORDER_HANGS_AFTER_S)
        pictures = heartbeat.watch("pictures", PICTURES_HANG_AFTER_S)
        self._crew.start("recorder", lambda: self._recording.run(recorder))
        self._crew.start("pictures", lambda: self._pipeline.run(self._stop, pictures))
        self._crew.start("commissioning", lambda: self._commissioning.run(self._stop))
        if self._panorama is not None:
            panorama = self._panorama
            self._crew.start("panorama", lambda: panorama.run(self._stop))
        self._crew.start("reader", self._reader.run)
        self._crew.start("dead-man", lambda: self._control.watch(self._stop))
        if self._telemetry is not None:
            telemetry = self._telemetry
            self._crew.start("telemetry", lambda: telemetry.run(self._stop))
            self._crew.start("metadata", lambda: telemetry.listen(self._stop))
        log.info("the worker serves", placement_id=self._placement.id, epoch=self._epoch)
        try:
            while not self._stop.is_set() and (left_s := self._permitted.left_s(self._steady, STATUS_EVERY_S)):
                came_by()
                self._look()
                self._parts.clock.wait(self._stop, left_s)
        finally:
            heartbeat.end_watches()
            self._stop.set()
            self._end()
        if self._crew.failure is not None:
            raise self._crew.failure

    def status(self) -> dict[str, object]:
        """Return how the worker is."""
        return {
            **self._gauge.status(),
            "epoch": self._epoch,
            "viewers": self._channel.viewers,
            **(self._telemetry.facts() if self._telemetry else {"telemetry_hz": None}),
            "recording": "full" if self._recording.full else ("on" if self._plan and self._plan.records else "off"),
            "unrecorded_since_at": self._unrecorded_since_at(),
            "rows_waiting": self._recording.waiting_rows,
            "dropped_packets": self._inbox.dropped_packets,
            "fit": self._plan.fit if self._plan else None,
            "view": None if self._view is None else self._view.status(),
            **self._reader.facts(),
            "wall_clock_off_s": self._told_off_s,
        }

    def _unrecorded_since_at(self) -> str | None:
        """Return since when no picture has been recorded; None while they are."""
        recorded, now = self._recording.recorded, self._parts.clock.now()
        if recorded != self._recorded[0] or not (self._plan and self._plan.records):
            self._recorded = (recorded, now)
            return None
        return self._recorded[1].isoformat()

    def _look(self) -> None:
        now_s = self._parts.clock.monotonic_s()
        if now_s - self._reader.progress_s > READER_HANGS_AFTER_S:
            raise Unavailable("the camera's connection hangs; the worker starts anew", code="camera.hangs")
        try:
            self._look_at_clock()
            self._look_at_plan()
            if self._desk is not None and self._subject() is not None:
                self._daily.look()
            self._edge.look()
            if self._view is not None:
                self._view.look()
            with self._parts.db.write() as conn:
                placements.set_status(conn, self._placement.id, self.status(), self._parts.clock.now())
        except Unavailable as error:
            # Recording goes on by its spool, and blanking by the last plan.
            log.warning("the database does not answer", cause=str(error))

    def _look_at_clock(self) -> None:
        parts, placement_id = self._parts, self._placement.id
        with parts.db.read() as conn:
            self._steady.trust(sweeps.get_clock_sample(conn))
            self._permitted.learn(placements.law(conn, placement_id))
        off_s = round(self._steady.off_s())
        is_same_kind = bool(off_s) == bool(self._told_off_s)
        if is_same_kind and abs(off_s - self._told_off_s) <= parts.settings.clock_tolerance_s:
            return
        with parts.db.write() as conn:
            parts.ledger.append(conn, acts.wall_clock_off(placement_id, off_s, was_s=self._told_off_s))
        log.warning("how far this machine's wall clock is off the trusted time", off_s=off_s, was_s=self._told_off_s)
        self._told_off_s = off_s

    def _look_at_plan(self) -> None:
        changed = self._plans.look()
        if changed is not None:
            self._plan = changed
            self._inbox.put(PlanChanged(changed))
            for one in (self._panorama, self._view):
                if one is not None:
                    one.replan(changed)

    def _subject(self) -> Subject | None:
        """Return what a re-check holds against the street."""
        active = self._plan
        if active is None or active.version is None or not isinstance(active.stated, DirectionPlan):
            return None
        return Subject(active.version, active.model, active.stated)

    def _found_at(self) -> datetime | None:
        subject = self._subject()
        with self._parts.db.read() as conn:
            found = None if subject is None else rechecks.last_found(conn, self._placement.id, subject.model)
        return None if found is None else found.checked_at

    def _end(self) -> None:
        may_go_on = self._permitted.left_s(self._steady, STATUS_EVERY_S) > 0
        cause = GapCause.WORKER_STOPPED if may_go_on else GapCause.NO_DECISION
        self._gauge.offline(cause.value)
        self._calibration.close()
        self._crew.join("pictures", DRAIN_WITHIN_S)
        self._recording.close(cause if self._crew.failure is None else GapCause.WORKER_CRASHED)
        if not self._crew.join("recorder", SEAL_WITHIN_S):
            log.error("the recorder did not end in time; the next start repairs its segment")
        self._crew.join("dead-man", 1.0)
        self._crew.join("commissioning", 1.0)
        self._crew.join("panorama", 2.0)
        for hands in (self._hands, self._edge_hands):
            hands.shutdown(wait=False, cancel_futures=True)
        try:
            with self._parts.db.write() as conn:
                placements.set_status(conn, self._placement.id, self.status(), self._parts.clock.now())
        except VmsError as error:
            log.warning("the last status could not be written", cause=str(error))

    def _made_calibration(self) -> CalibrationDesk:
        parts, placement_id = self._parts, self._placement.id
        records = Records(placement_id, parts.db, parts.ledger, lambda runs: self._gauge.fact(calibrating=runs))
        return CalibrationDesk(
            self._desk if self._placement.camera.kind is CameraKind.PTZ else None,
            self._eye,
            records,
            parts.clock,
            rechecker=Rechecker(placement_id, parts.db, parts.keys, self._steady, parts.settings.keep_for),
            subject=self._subject,
        )

    def _made_telemetry(self, agreement: ClockAgreement | None) -> TelemetryLink | None:
        if self._desk is None or agreement is None:
            return None
        return TelemetryLink(
            self._desk,
            agreement,
            self._inbox.put,
            self._gauge,
            self._parts.clock,
            listen=self._listen,
            ask_for_status=Errand(self._hands, self._ask_for_keyframe),
        )

    def _made_control(self) -> PtzControl:
        return PtzControl(
            self._desk if self._placement.camera.kind is CameraKind.PTZ else None,
            self._pose,
            self._counting_plan,
            self.status,
            self._parts.clock,
            calibration=self._calibration,
            scanner=self._made_scanner(),
        )

    def _made_daily(self) -> DailyCheck:
        return DailyCheck(
            self._parts.settings.calibration_check_at,
            self._calibration,
            self._steady,
            idle_s=self._control.idle_s,
            found_at=self._found_at,
        )

    def _made_edge(self) -> EdgeWatch:
        parts, address = self._parts, self._address
        records = EdgeRecords(self._placement.id, parts.db, parts.ledger, parts.clock)

        def ask() -> None:
            records.asked(lambda: connect(address, parts.clock))

        # Hands of their own: a slow answer must not hold up a keyframe.
        return EdgeWatch(records, parts.clock, Errand(self._edge_hands, ask))

    def _pose(self) -> tuple[Pose, float] | None:
        return self._telemetry.pose() if self._telemetry else None

    def _counting_plan(self) -> Plan | None:
        return (self._plan.stated or self._plan.plan) if self._plan else None

    def _made_scanner(self) -> PanoramaScanner | None:
        if self._panorama is None:
            return None
        return PanoramaScanner(self._desk, self._pose, self._counting_plan, self._panorama, self._parts.clock)

    def _made_commissioning(self) -> CommissioningDesk:
        parts = self._parts
        return CommissioningDesk(
            placement_id=self._placement.id,
            epoch=self._epoch,
            run_dir=parts.settings.run,
            db=parts.db,
            ledger=parts.ledger,
            clock=parts.clock,
            tap=self._tap,
            tell=lambda is_open: self._gauge.fact(commissioning=is_open),
        )

    def _made_pipeline(self, agreement: ClockAgreement | None) -> Pipeline:
        parts = self._parts
        return Pipeline(
            PipelineParts(
                kind=self._placement.camera.kind,
                clock=self._steady,
                inbox=self._inbox,
                output=Output(self._recording, self._feed, self._gauge, self._permitted),
                gauge=self._gauge,
                settings=MaskedSettings(
                    parts.settings.max_hold_s, parts.settings.encoder_qp, parts.settings.encoder_gop_s
                ),
                video_clock=CameraClock(agreement) if agreement is not None else ArrivalClock(),
                agreement=agreement,
                samples=lambda: self._telemetry.maker() if self._telemetry else None,
                ask_for_keyframe=Errand(self._hands, self._ask_for_keyframe),
                reconnect=self._reader.reconnect,
                tap=self._tap,
                eye=self._eye,
                panorama=self._panorama,
                view=self._view,
            )
        )

    def _connect(self) -> CameraStream:
        return open_stream(self._address, self._parts.clock, SourceLimits())

    def _listen(self) -> MetadataStream:
        return open_metadata(self._address, self._parts.clock)

    def _ask_for_keyframe(self) -> None:
        if self._desk is not None:
            self._desk.request_sync_point()

    def _make_recorder(self, active: ActivePlan, mode: SegmentMode) -> SegmentRecorder:
        if active.version is None:
            raise ValueError("nothing is recorded without an approved plan")
        parts = self._parts
        return SegmentRecorder(
            self._placement.id,
            self._epoch,
            db=parts.db,
            keys=parts.keys,
            store=parts.store,
            ledger=parts.ledger,
            clock=self._steady,
            plan=RecorderPlan(
                keep_for=parts.settings.keep_for,
                mode=mode,
                plan_version=active.version,
                plan_sha256=active.sha256,
                model=active.model,
            ),
        )
