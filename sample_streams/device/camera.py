"""One camera as a whole: draws, encodes and sends frames, answers ONVIF, and obeys the control channel."""

import asyncio
import json
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from typing import Any, TextIO

import cv2

from sample_streams.device.clock import CameraClock, monotonic_s
from sample_streams.device.encoder import AccessUnit, Encoder, EncoderSettings, Picture
from sample_streams.device.mechanics import Mechanics, Pose, flipped
from sample_streams.device.metadata import INTERVAL_S, MetadataFeed
from sample_streams.device.options import CameraOptions
from sample_streams.device.telemetry import Telemetry
from sample_streams.onvif.addresses import url_host
from sample_streams.onvif.device import DeviceFacts
from sample_streams.onvif.endpoint import OnvifEndpoint
from sample_streams.onvif.habits import OnvifHabits
from sample_streams.onvif.media import MediaFacts
from sample_streams.onvif.ptz import PtzService
from sample_streams.onvif.ptz_spaces import Habit, PtzSpace
from sample_streams.onvif.recording import EdgeRecorder
from sample_streams.onvif.security import TokenChecker
from sample_streams.onvif.service import OnvifService
from sample_streams.roster import CameraKind, CameraSpec
from sample_streams.scene.place import Place
from sample_streams.scene.renderer import Exposure, Renderer
from sample_streams.scene.shelf import painted_place
from sample_streams.truth import FrameRecord, camera_truth
from sample_streams.wire.auth import Account
from sample_streams.wire.impairment import Impairment, Numbered
from sample_streams.wire.metadata import packetise_document
from sample_streams.wire.rtp import Payload, packetise
from sample_streams.wire.rtsp import RtspServer, RtspSettings
from sample_streams.wire.sdp import MediaDescription

AUDIO_PACKET_S = 0.02
AUDIO_PACKET_BYTES = 160
HOUSEKEEPING_S = 1.0


class Camera:
    """A simulated camera; every method runs on its event loop unless it says otherwise."""

    def __init__(self, spec: CameraSpec, options: CameraOptions) -> None:
        self.spec = spec
        self.options = options
        self.clock = CameraClock(spec.clock_offset_s, self._rng("clock"))
        self.place: Place = painted_place(spec.place, options.seed, options.time_of_day, spec.camera_id)
        self.renderer = self._drawn_by(spec)
        self.mechanics = Mechanics(spec.limits, spec.start, monotonic_s())
        self.telemetry = Telemetry(
            self.mechanics, self.clock, spec.telemetry, self._rng("telemetry"), spec.optics.view_deg
        )
        self.impairment = Impairment(self._rng("network"))
        self._qp = spec.qp if options.qp is None else options.qp
        self._keyframe_interval = spec.keyframe_interval
        self._native = self._encoder(spec.optics.width_px, spec.optics.height_px)
        self._scaled: Encoder | None = None
        self._account = Account("operator", options.password)
        settings = RtspSettings(options.host, "/stream1", self._account)
        self.rtsp = RtspServer(settings, self.clock, self._describe, self.synchronise, options.rtsp_port)
        self.rtsp.auth_mode = spec.auth
        self.onvif = self._onvif_service()
        ptz = self.onvif.ptz
        self.metadata = (
            MetadataFeed(self.telemetry, ptz.status_fields, self._rng("metadata"))
            if ptz is not None and spec.metadata is not None
            else None
        )
        self.onvif_http = OnvifEndpoint(self.onvif, options.host, options.onvif_port)
        self.onvif.take(OnvifHabits(options.onvif_habits))
        self.boot = 0
        self.frame_number = 0
        self.stalled_until_s = 0.0
        self.video_delay_s = 0.0
        self.jitter_s = 0.0
        self.is_away = False
        self.latest: FrameRecord | None = None
        self._wants_keyframe = False
        self._drawing = ThreadPoolExecutor(1)
        self._truth_log: TextIO | None = None
        self._tasks: list[asyncio.Task[None]] = []

    def _rng(self, purpose: str) -> random.Random:
        return random.Random(f"{self.options.seed}/{self.spec.camera_id}/{purpose}")

    @property
    def encoder(self) -> Encoder:
        """The encoder in use."""
        return self._scaled or self._native

    async def start(self) -> None:
        """Open the ports and begin to run."""
        directory = self.options.truth_dir
        directory.mkdir(parents=True, exist_ok=True)
        truth = camera_truth(self.spec.camera_id, self.spec.optics, self.place, self.spec.exposure_s)
        (directory / f"{self.spec.camera_id}.camera.json").write_text(json.dumps(truth.to_json()))
        self._truth_log = (directory / f"{self.spec.camera_id}.jsonl").open("w", buffering=1)
        await self.rtsp.start()
        await self.onvif_http.start()
        runs = [self._run_video(), self._run_housekeeping()]
        if self.spec.has_audio:
            runs.append(self._run_audio())
        if self.metadata is not None:
            runs.append(self._run_metadata(self.metadata))
        self._tasks = [asyncio.create_task(run) for run in runs]

    async def stop(self) -> None:
        """Close everything."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.rtsp.stop()
        await self.onvif_http.stop()
        self._drawing.shutdown(wait=True)
        if self._truth_log is not None:
            self._truth_log.close()

    def request_keyframe(self) -> None:
        """Make the next picture a keyframe."""
        self._wants_keyframe = True

    def synchronise(self) -> None:
        """Tell everything anew: a keyframe, and the status in the metadata stream."""
        self._wants_keyframe = True
        if self.metadata is not None:
            self.metadata.resend()

    def set_size(self, width_px: int, height_px: int) -> None:
        """Send another resolution from the next frame on; the scene and its truth are scaled to it."""
        native = self._native.settings
        same = (width_px, height_px) == (native.width_px, native.height_px)
        self._scaled = None if same else self._encoder(width_px, height_px)
        self._wants_keyframe = True

    def knock(self, pan_deg: float, tilt_deg: float, roll_deg: float) -> None:
        """Turn the mount, as a lorry does that hits the mast; runs on the drawing thread. The truth file says what was before."""
        optics = self.spec.optics
        self.spec = replace(
            self.spec,
            optics=replace(
                optics,
                mount_pan_deg=optics.mount_pan_deg + pan_deg,
                mount_tilt_deg=optics.mount_tilt_deg + tilt_deg,
                mount_roll_deg=optics.mount_roll_deg + roll_deg,
            ),
        )
        self.renderer = self._drawn_by(self.spec)

    def _drawn_by(self, spec: CameraSpec) -> Renderer:
        renderer = Renderer(self.place, spec.optics, spec.corners, self.options.seed, spec.fps)
        renderer.set_content_seed(self.options.content_seed)
        return renderer

    def set_qp(self, qp: int) -> None:
        """Encode at another constant quantiser; 0 is lossless."""
        self._qp = qp
        old = self.encoder.settings
        self._native = self._encoder(self.spec.optics.width_px, self.spec.optics.height_px)
        self.set_size(old.width_px, old.height_px)

    def set_keyframe_interval(self, frames: int) -> None:
        """Make keyframes this many frames apart, as cameras with very long groups of pictures do."""
        self._keyframe_interval = frames
        self.set_qp(self._qp)

    async def go_away(self) -> None:
        """Close every port and connection, as a camera without power does."""
        self.is_away = True
        await self.rtsp.stop()
        await self.onvif_http.stop()

    async def come_back(self, *, rebooted: bool) -> None:
        """Open the ports again, after a reboot with a new RTP clock and a homing move."""
        if rebooted:
            self.boot += 1
            self.clock.reboot(monotonic_s())
            self._native = self._encoder(self.spec.optics.width_px, self.spec.optics.height_px)
            self._scaled = None
        await self.rtsp.start()
        await self.onvif_http.start()
        self.is_away = False

    async def home(self, seconds: float) -> None:
        """Run the homing move: once to each end and back, without a position to report."""
        if self.spec.kind is not CameraKind.PTZ:
            return
        self.telemetry.is_homing = True
        start = monotonic_s()
        self.mechanics.run(start, self.mechanics.limits.pan.top_speed, -self.mechanics.limits.tilt.top_speed, -1.0)
        await asyncio.sleep(seconds)
        home = self.spec.start
        self.mechanics.move_to(monotonic_s(), home.pan_deg, home.tilt_deg, home.zoom)
        while any(self.mechanics.is_moving()):
            await asyncio.sleep(0.05)
            self.mechanics.advance(monotonic_s())
        self.telemetry.is_homing = False

    def _encoder(self, width_px: int, height_px: int) -> Encoder:
        spec = self.spec
        return Encoder(EncoderSettings(spec.codec, width_px, height_px, spec.fps, self._qp, self._keyframe_interval))

    def _onvif_service(self) -> OnvifService:
        checker = TokenChecker(self._account, self._camera_now)
        edge = EdgeRecorder(self._camera_now)
        edge.set_mode(self.options.edge)
        service = OnvifService(self.clock, checker, self._device_facts, self._media_facts, self.synchronise, edge)
        if self.spec.kind is CameraKind.PTZ:
            space = PtzSpace(self.options.space, self.mechanics.limits, self.options.habits)
            service.ptz = PtzService(self.mechanics, self.telemetry, space, self.spec.start)
        return service

    def _camera_now(self) -> datetime:
        return self.clock.camera_utc(monotonic_s())

    @property
    def rtsp_url(self) -> str:
        """Where the stream is."""
        return f"rtsp://{url_host(self.options.host)}:{self.rtsp.port}{self.rtsp.settings.path}"

    @property
    def onvif_url(self) -> str:
        """Where the device service is."""
        return self.onvif_http.url

    def _describe(self) -> MediaDescription:
        spec = self.spec
        return MediaDescription(
            spec.codec, self.encoder.parameters, spec.fps, spec.has_audio, self.options.host, spec.metadata
        )

    def _device_facts(self) -> DeviceFacts:
        is_ptz = self.spec.kind is CameraKind.PTZ
        return DeviceFacts(self.spec.name, f"SC-{self.spec.camera_id}", self.onvif_http.addresses, is_ptz)

    def _media_facts(self) -> MediaFacts:
        settings = self.encoder.settings
        space = self.onvif.ptz.space if self.onvif.ptz else None
        return MediaFacts(
            self.spec.codec,
            settings.width_px,
            settings.height_px,
            self.spec.fps,
            self.rtsp_url,
            space,
            self.metadata is not None,
            self.onvif.habits,
        )

    async def _run_video(self) -> None:
        loop = asyncio.get_running_loop()
        origin, interval = monotonic_s(), 1.0 / self.spec.fps
        lateness = self._rng("jitter")
        while True:
            # Frame n is taken at origin + n * interval, whatever was or was not drawn before it.
            number = max(self.frame_number + 1, int((monotonic_s() - origin) / interval))
            taken_s = origin + number * interval
            await asyncio.sleep(max(taken_s + self.spec.exposure_s / 2 - monotonic_s(), 0.0))
            self.frame_number = number
            if not self.rtsp.viewers or monotonic_s() < self.stalled_until_s:
                continue
            force, self._wants_keyframe = self._wants_keyframe, False
            exposure = self._exposure(taken_s)
            encoder = self.encoder
            unit = await loop.run_in_executor(self._drawing, self._produce, number, exposure, encoder, force)
            delay_s = self.video_delay_s + (lateness.uniform(0, self.jitter_s) if self.jitter_s else 0.0)
            if delay_s > 0:
                loop.call_later(delay_s, self._send, number, taken_s, exposure, encoder, unit)
            else:
                self._send(number, taken_s, exposure, encoder, unit)

    def _exposure(self, taken_s: float) -> Exposure:
        if self.spec.kind is CameraKind.FIXED:
            return Exposure(self.spec.start, self.spec.start, self.spec.start)
        half = self.spec.exposure_s / 2
        start, middle, end = (self.mechanics.pose_at(taken_s + shift) for shift in (-half, 0.0, half))
        if Habit.E_FLIP in self.options.habits:
            start, middle, end = flipped(start), flipped(middle), flipped(end)
        return Exposure(start, middle, end)

    def _produce(self, number: int, exposure: Exposure, encoder: Encoder, force: bool) -> AccessUnit:  # noqa: FBT001  called through the executor, by position
        """Draw and encode one frame; runs on the drawing thread."""
        if encoder is self._native:
            self.renderer.draw(number, exposure, encoder.picture)
        else:
            self.renderer.draw(number, exposure, self._native.picture)
            _rescale(self._native.picture, encoder.picture)
            self.renderer.burn(number, encoder.picture)
        return encoder.encode(number, force_keyframe=force)

    def _send(self, number: int, taken_s: float, exposure: Exposure, encoder: Encoder, unit: AccessUnit) -> None:
        payloads = packetise(self.spec.codec, unit.units)
        packets = self.impairment.apply(payloads)
        timestamp = self.clock.rtp(taken_s)
        self._log(
            FrameRecord(
                number,
                self.boot,
                timestamp,
                self.clock.camera_utc_s(taken_s),
                self.clock.true_utc_s(taken_s),
                exposure.start,
                exposure.middle,
                exposure.end,
                encoder.settings.width_px,
                encoder.settings.height_px,
                unit.is_keyframe,
                len(packets),
                len(payloads),
                self.clock.true_utc_s(monotonic_s()),
            )
        )
        self.rtsp.deliver(packets, len(payloads), timestamp, is_keyframe=unit.is_keyframe)

    def _log(self, record: FrameRecord) -> None:
        self.latest = record
        if self._truth_log is not None:
            self._truth_log.write(json.dumps(record.to_json()) + "\n")

    async def _run_audio(self) -> None:
        silence = Numbered(0, Payload(b"\xff" * AUDIO_PACKET_BYTES, marker=False))
        while True:
            await asyncio.sleep(AUDIO_PACKET_S)
            if monotonic_s() >= self.stalled_until_s:
                self.rtsp.deliver_audio(silence, self.clock.rtp(monotonic_s(), 8000))

    async def _run_metadata(self, feed: MetadataFeed) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(INTERVAL_S)
            now = monotonic_s()
            self.rtsp.report_without_video()
            due = feed.next(now) if now >= self.stalled_until_s and self.rtsp.playing else None
            if due is None or self.spec.metadata is None:
                continue
            payloads, timestamp = packetise_document(due.document, self.spec.metadata), self.clock.rtp(due.at_s)
            loop.call_later(due.delay_s, self.rtsp.deliver_metadata, payloads, timestamp)

    async def _run_housekeeping(self) -> None:
        while True:
            await asyncio.sleep(HOUSEKEEPING_S)
            self.rtsp.end_expired()

    def state(self) -> dict[str, Any]:
        """Return what the control channel tells about the camera."""
        pose: Pose = self.mechanics.pose_at(monotonic_s())
        settings = self.encoder.settings
        return {
            "id": self.spec.camera_id,
            "boot": self.boot,
            "frame": self.frame_number,
            "viewers": len(self.rtsp.viewers),
            "metadata_sent": self.metadata.sent if self.metadata is not None else None,
            "is_away": self.is_away,
            "clock_offset_s": self.clock.offset_s,
            "size": [settings.width_px, settings.height_px],
            "pose": [pose.pan_deg, pose.tilt_deg, pose.zoom],
            "speeds": list(self.mechanics.speeds()),
            "telemetry": self.telemetry.fault.value,
            "homing": self.telemetry.is_homing,
            "packets_dropped": self.impairment.dropped,
            "onvif_calls": dict(self.onvif.calls),
            "onvif_habits": sorted(self.onvif.habits.chosen),
            "onvif_sign_ins": dict(self.onvif.sign_in.schemes),
            "edge": self.onvif.edge.mode.value,
            "edge_active": self.onvif.edge.is_active,
            "truth_colours": self.renderer.shows_truth,
            "rtsp_url": self.rtsp_url,
            "onvif_url": self.onvif_url,
        }

    async def on_drawing_thread(self, work: Callable[..., None], *arguments: int) -> None:
        """Run something between two frames, where it cannot meet a frame half drawn."""
        await asyncio.get_running_loop().run_in_executor(self._drawing, work, *arguments)

    def set_account_refusal(self, *, refuses: bool) -> None:
        """Refuse every password from now on, or accept the right one again."""
        self.onvif.checker.refuses_all = refuses

    def set_telemetry_traits(self, **changes: float) -> None:
        """Change how good the telemetry is."""
        self.telemetry.traits = replace(self.telemetry.traits, **changes)


def _rescale(source: Picture, target: Picture) -> None:
    for a, b in ((source.y, target.y), (source.u, target.u), (source.v, target.v)):
        b[:] = cv2.resize(a, (b.shape[1], b.shape[0]), interpolation=cv2.INTER_AREA)
