"""From inbox to output with the real decoder, blanking and encoder, in one thread and by a clock turned by hand."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest

from blanking.plan import parse_plan
from ingest.agreement import ClockAgreement
from ingest.calibrating.eye import CalibrationEye
from ingest.calibrating.view_keeper import ViewKeeper
from ingest.failure import connection_lost
from ingest.gauge import Gauge
from ingest.inbox import Dropped, Ended, Inbox, Opened, PlanChanged
from ingest.live import LiveFeed
from ingest.masked import MaskedSettings
from ingest.pipeline import Pipeline, PipelineParts
from ingest.plan_watch import NO_PLAN, ActivePlan
from ingest.position import Position
from ingest.ptz_space import SPHERICAL_URI, PositionSpace, PtzSpaces, Range
from ingest.samples import Exchange, SampleMaker
from ingest.source import SourcePacket
from ingest.video_clock import ArrivalClock, CameraClock
from vms.bus.messages import FrameMessage, InitMessage, LiveMessage, StateMessage
from vms.bus.protocol import Admit
from vms.clock import ManualClock
from vms.footage.recorder import Packet
from vms.model import CameraKind, GapCause, SegmentMode

WIDTH, HEIGHT, FPS = 320, 240, 20
AHEAD_S = 1000.0
LEFT_HALF = [[0.0, 0.0], [0.5, 0.0], [0.5, 1.0], [0.0, 1.0]]
FIXED_PLAN = {
    "frame": {"width": WIDTH, "height": HEIGHT},
    "kind": "image",
    "masks": [{"id": "m1", "polygon_rel": LEFT_HALF}],
}
PTZ_PLAN = {
    "frame": {"width": WIDTH, "height": HEIGHT},
    "kind": "directions",
    "camera_model": {"zoom": [[0.0, 60.0], [1.0, 10.0]]},
    "accuracy": {"pan_tilt_deg": 0.1, "zoom_rel": 0.01, "time_s": 0.01, "exposure_s": 0.01},
    "masks": [{"id": "m1", "polygon_deg": [[5, -5], [20, -5], [20, 5], [5, 5]]}],
}


def masks(document: dict[str, Any], version: int = 1) -> ActivePlan:
    """An approved plan."""
    return ActivePlan(version, parse_plan(document), no_dwelling_in_sight=False)


CLEAR = ActivePlan(1, None, no_dwelling_in_sight=True)


@dataclass
class FakeStream:
    """A session's facts."""

    codec: str = "h264"
    parameter_sets: bytes = b""
    stated_fps: float | None = None


@dataclass
class FakeOutput:
    """Keeps what comes out."""

    events: list[Any] = field(default_factory=list)
    telemetry: list[str] = field(default_factory=list)

    def under(self, plan: ActivePlan, mode: SegmentMode) -> None:
        """Note a plan."""
        self.events.append((plan.version, mode))

    def note(
        self, captured_at: datetime, grey_reason: str | None, margin_px: float, pose_source: str, telemetry: str
    ) -> None:
        """Note a frame."""
        self.telemetry.append(telemetry)
        self.events.append(grey_reason)

    def packet(self, packet: Packet) -> None:
        """Keep a packet."""
        self.events.append(packet)

    def gap(self, start_at: datetime | None, cause: GapCause, reason: str) -> None:
        """Note a gap."""
        self.events.append(cause)

    def still_offline(self, reason: str) -> None:
        """Note more of the gap."""

    def clock_step(self, at: datetime, step_s: float) -> None:
        """Note that instants begin anew."""
        self.events.append(("clock-step", at, round(step_s)))

    @property
    def packets(self) -> list[Packet]:
        """The packets."""
        return [one for one in self.events if isinstance(one, Packet)]

    @property
    def reasons(self) -> list[str | None]:
        """Why each frame is grey, or None."""
        return [one for one in self.events if one is None or (isinstance(one, str) and not isinstance(one, GapCause))]


def shot(count: int, *, width: int = WIDTH, b_frames: int = 0, aspect: Fraction = Fraction(1)) -> list[av.Packet]:
    """A bright, moving picture, encoded; a keyframe a second."""
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, HEIGHT, "yuv420p"
    encoder.time_base, encoder.framerate, encoder.gop_size = Fraction(1, 90_000), Fraction(FPS), FPS
    encoder.max_b_frames, encoder.sample_aspect_ratio, encoder.colorspace = b_frames, aspect, 5
    encoder.options = {"preset": "ultrafast"} | ({"bf": "2"} if b_frames else {"tune": "zerolatency"})
    packets = []
    for number in range(count):
        image = np.full((HEIGHT, width, 3), 230, np.uint8)
        image[:, (number * 5) % width : (number * 5) % width + 20] = (200, 40, 40)
        frame = av.VideoFrame.from_ndarray(image, "rgb24").reformat(format="yuv420p")
        frame.pts, frame.time_base = number * 90_000 // FPS, Fraction(1, 90_000)
        packets += encoder.encode(frame)
    return packets + encoder.encode(None)


class Bench:
    """A pipeline with everything around it."""

    def __init__(
        self,
        kind: CameraKind = CameraKind.FIXED,
        *,
        view: ViewKeeper | None = None,
        clock: ManualClock | None = None,
    ) -> None:
        self.clock = clock or ManualClock(datetime(2026, 5, 4, 12, tzinfo=UTC))
        self.inbox, self.output, self.gauge = Inbox(), FakeOutput(), Gauge(self.clock)
        self.agreement = ClockAgreement(0.01, 0.01) if kind is CameraKind.PTZ else None
        spaces = PtzSpaces(PositionSpace(SPHERICAL_URI, Range(-180, 180), Range(-90, 90)), (), Range(0, 1))
        maker = SampleMaker(spaces, self.agreement) if self.agreement else None
        self.keyframes_asked = 0
        self.eye = CalibrationEye(self.clock)
        self.pose: tuple[float, float] | None = (0.0, 0.0)
        self.reports = True
        self.pipeline = Pipeline(
            PipelineParts(
                kind=kind,
                clock=self.clock,
                inbox=self.inbox,
                output=self.output,  # type: ignore[arg-type]  # a fake
                gauge=self.gauge,
                settings=MaskedSettings(0.3, 24, 1.0),
                video_clock=CameraClock(self.agreement) if self.agreement else ArrivalClock(),
                agreement=self.agreement,
                samples=lambda: maker,
                ask_for_keyframe=self._ask,
                reconnect=lambda: None,
                eye=self.eye,
                view=view,
            )
        )

    def _ask(self) -> None:
        self.keyframes_asked += 1

    def put(self, item: Any) -> None:
        """Give one item and let it be worked on."""
        self.inbox.put(item)
        self.pipeline.step(0.0)

    def play(self, packets: list[av.Packet], *, drop: frozenset[int] = frozenset()) -> None:
        """Play packets in real time, with a pose every 50 ms."""
        for number, packet in enumerate(packets):
            self.clock.advance(timedelta(seconds=1 / FPS))
            now_s = self.clock.monotonic_s()
            if self.pose is not None and self.agreement is not None:
                stamp_s = now_s - 0.01 + AHEAD_S
                told = Position(*self.pose, SPHERICAL_URI, 0.0, moving=False, utc_s=stamp_s + 1e-4, utc_digits=3)
                self.put(Exchange(told, now_s - 0.02, now_s))
            if number in drop:
                continue
            ticks = packet.pts or 0
            self.put(
                SourcePacket(
                    packet,
                    ticks,
                    now_s,
                    now_s - 0.08 + AHEAD_S if self.reports else None,
                    reported=False,
                    jumped=False,
                    is_keyframe=packet.is_keyframe,
                )
            )
        self.clock.advance(timedelta(seconds=1))
        self.pipeline.step(0.0)


def pictures(packets: list[Packet]) -> list[np.ndarray[Any, Any]]:
    """The luma planes of what came out."""
    decoder = av.CodecContext.create("h264", "r")
    frames = [frame for one in packets for frame in decoder.decode(av.Packet(one.data))]
    return [frame.to_ndarray(format="gray") for frame in [*frames, *decoder.decode(None)]]


def test_masks_are_grey_and_the_rest_is_the_street() -> None:
    """The simplest way of a frame."""
    bench = Bench()
    bench.put(PlanChanged(masks(FIXED_PLAN)))
    bench.put(Opened(FakeStream()))  # type: ignore[arg-type]  # a fake
    bench.play(shot(30))
    assert bench.output.events[0] == (1, SegmentMode.MASKED)
    assert bench.output.reasons == [None] * 30
    assert bench.output.telemetry == ["none"] * 30
    seen = pictures(bench.output.packets)
    assert len(seen) == 30
    assert all(np.abs(luma[:, :160].astype(int) - 128).max() <= 20 for luma in seen)
    assert all(luma[:, 176:].mean() > 150 for luma in seen)
    assert [one.is_keyframe for one in bench.output.packets] == [number % FPS == 0 for number in range(30)]


@pytest.mark.parametrize("active", [NO_PLAN, masks(FIXED_PLAN), CLEAR], ids=["grey", "masked", "no dwelling"])
def test_what_a_picture_says_of_itself_is_recorded_and_shown(active: ActivePlan) -> None:
    """A street that is squeezed, or in other colours than the witness saw, is poor evidence; grey must not change the stream either."""
    bench = Bench()
    bench.put(PlanChanged(active))
    bench.put(Opened(FakeStream()))  # type: ignore[arg-type]  # a fake
    bench.play(shot(5, aspect=Fraction(12, 11)))
    decoder = av.CodecContext.create("h264", "r")
    frames = [frame for one in bench.output.packets for frame in decoder.decode(av.Packet(one.data))]
    assert {frame.colorspace for frame in [*frames, *decoder.decode(None)]} == {5}
    assert decoder.sample_aspect_ratio == Fraction(12, 11)


def test_without_a_plan_everything_is_grey() -> None:
    """Fail closed."""
    bench = Bench()
    bench.put(PlanChanged(NO_PLAN))
    bench.put(Opened(FakeStream()))  # type: ignore[arg-type]  # a fake
    bench.play(shot(5))
    assert bench.output.reasons == ["plan-missing"] * 5
    assert all(np.abs(luma.astype(int) - 128).max() <= 3 for luma in pictures(bench.output.packets))


def test_a_lost_picture_is_grey_until_the_next_clean_keyframe_and_one_is_asked_for() -> None:
    """The decoder would show the dwelling's ghost for the rest of the group of pictures."""
    bench = Bench()
    bench.put(PlanChanged(masks(FIXED_PLAN)))
    bench.put(Opened(FakeStream()))  # type: ignore[arg-type]  # a fake
    bench.play(shot(50), drop=frozenset({7}))
    assert bench.output.reasons == [None] * 7 + ["lost-picture"] * 12 + [None] * 30
    assert bench.keyframes_asked == 1


def test_a_keyframe_is_asked_for_at_the_first_suspect_picture_and_then_in_measure() -> None:
    """Each third of a second of waiting is grey; a camera asked at every picture would send nothing but keyframes."""
    bench = Bench()
    bench.put(PlanChanged(masks(FIXED_PLAN)))
    bench.put(Opened(FakeStream()))  # type: ignore[arg-type]  # a fake
    packets = shot(9 * FPS)
    rest = [packet for packet in packets[FPS:] if not packet.is_keyframe]
    bench.play([*packets[:5], packets[6]])
    assert bench.keyframes_asked == 1
    bench.play(rest[: 5 * FPS + 10])
    assert set(bench.output.reasons[5:]) == {"lost-picture"}
    assert bench.keyframes_asked == 4, "at once, and every 2 s of the 6.5 s after it"


def test_instants_begin_anew_when_our_clock_comes_back_from_far_ahead() -> None:
    """Slewing an hour away would take ten: the recorder is told, and a keyframe begins what follows."""
    bench = Bench()
    bench.put(PlanChanged(masks(FIXED_PLAN)))
    bench.put(Opened(FakeStream()))  # type: ignore[arg-type]  # a fake
    packets = shot(45)
    for wall_step, part in ((0, packets[:15]), (3600, packets[15:30]), (-3600, packets[30:])):
        bench.clock.step_wall_clock(timedelta(seconds=wall_step))
        bench.play(part)
    told = [one for one in bench.output.events if isinstance(one, tuple) and one[0] == "clock-step"]
    assert [step_s for _, _, step_s in told] == [3601, -3599], "and the second between two parts"
    behind = bench.output.events.index(told[1])
    before = [one for one in bench.output.events[:behind] if isinstance(one, Packet)]
    after = [one for one in bench.output.events[behind:] if isinstance(one, Packet)]
    assert (len(before), len(after)) == (30, 15)
    assert after[0].is_keyframe
    assert before[-1].captured_at - after[0].captured_at > timedelta(minutes=59)
    assert bench.clock.now() - after[-1].captured_at < timedelta(seconds=2)


def test_dropped_packets_are_lost_pictures() -> None:
    """A full inbox drops; what follows lacks its references."""
    bench = Bench()
    bench.put(PlanChanged(masks(FIXED_PLAN)))
    bench.put(Opened(FakeStream()))  # type: ignore[arg-type]  # a fake
    packets = shot(30)
    bench.play(packets[:5])
    bench.put(Dropped())
    bench.play(packets[5:])
    assert bench.output.reasons == [None] * 5 + ["lost-picture"] * 15 + [None] * 10


def test_a_new_plan_counts_from_the_next_frame_in_a_new_recording() -> None:
    """A keyframe begins it, so that the new segment can be decoded."""
    bench = Bench()
    bench.put(PlanChanged(masks(FIXED_PLAN)))
    bench.put(Opened(FakeStream()))  # type: ignore[arg-type]  # a fake
    packets = shot(20)
    bench.play(packets[:10])
    whole = FIXED_PLAN | {"masks": [{"id": "m1", "polygon_rel": [[0, 0], [1, 0], [1, 1], [0, 1]]}]}
    bench.put(PlanChanged(masks(whole, 2)))
    bench.play(packets[10:])
    after = bench.output.events[bench.output.events.index((2, SegmentMode.MASKED)) :]
    first = next(one for one in after if isinstance(one, Packet))
    assert first.is_keyframe
    assert all(
        np.abs(luma.astype(int) - 128).max() <= 20 for luma in pictures([p for p in after if isinstance(p, Packet)])
    )


def test_a_picture_that_its_masks_cover_wholly_is_told_and_recorded_as_grey() -> None:
    """Because it shows nothing, and "Live" in green over a grey picture would be a lie; in playback the reason must be there too."""
    whole = {**FIXED_PLAN, "masks": [{"id": "m1", "polygon_rel": [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]}]}
    bench = Bench()
    bench.put(PlanChanged(masks(whole)))
    bench.put(Opened(FakeStream()))  # type: ignore[arg-type]  # a fake
    bench.play(shot(5))
    assert bench.output.reasons == ["masks-cover-all"] * 5


def test_another_size_is_grey_in_the_plans_size() -> None:
    """Another profile may crop differently."""
    bench = Bench()
    bench.put(PlanChanged(masks(FIXED_PLAN)))
    bench.put(Opened(FakeStream()))  # type: ignore[arg-type]  # a fake
    bench.play(shot(5, width=160))
    assert bench.output.reasons == ["size-mismatch"] * 5
    assert {(one.width, one.height) for one in bench.output.packets} == {(WIDTH, HEIGHT)}


def test_a_camera_without_dwellings_is_copied_byte_by_byte() -> None:
    """Nothing is gained by encoding it again."""
    bench = Bench()
    bench.put(PlanChanged(CLEAR))
    bench.put(Opened(FakeStream()))  # type: ignore[arg-type]  # a fake
    packets = shot(25)
    bench.play(packets[3:])
    assert bench.output.events[0] == (1, SegmentMode.COPIED)
    copied = bench.output.packets
    assert [one.data for one in copied] == [bytes(one) for one in packets[20:]]
    assert (copied[0].width, copied[0].height) == (WIDTH, HEIGHT)


@pytest.mark.parametrize("active", [None, CLEAR, masks(FIXED_PLAN)], ids=["no plan", "no dwelling", "masks"])
def test_the_worker_reports_how_large_the_cameras_picture_is(active: ActivePlan | None) -> None:
    """Because a first plan of a fixed camera is drawn on a frame of that size, and no page could know it."""
    bench = Bench()
    if active is not None:
        bench.put(PlanChanged(active))
    bench.put(Opened(FakeStream()))  # type: ignore[arg-type]  # a fake
    bench.play(shot(6))
    status = bench.gauge.status()
    assert (status.get("width"), status.get("height")) == (WIDTH, HEIGHT)


def test_instants_that_contradict_the_order_of_display_are_grey_where_a_camera_turns() -> None:
    """A camera that stamps its pictures in decoding order: masks would lie where the camera looked at another picture's instant."""
    bench = Bench(CameraKind.PTZ)
    bench.put(PlanChanged(masks(PTZ_PLAN)))
    bench.put(Opened(FakeStream(stated_fps=FPS)))  # type: ignore[arg-type]  # a fake
    packets = shot(60, b_frames=2)
    shown = sorted(range(60), key=lambda number: packets[number].pts or 0)
    for number, packet in enumerate(packets):
        packet.pts = packet.dts = number * 90_000 // FPS
    bench.play(packets)
    misplaced = [place for place, number in enumerate(shown[: len(bench.output.reasons)]) if place != number]
    assert len(misplaced) > 20
    assert {bench.output.reasons[place] for place in misplaced} == {"clock-unsynchronised"}
    assert bench.output.reasons.count(None) >= 3, "keyframes are where they seem to be"


def test_masks_fixed_in_the_picture_need_no_instants() -> None:
    """A fixed camera with B pictures is not grey for the order in which its pictures arrive."""
    bench = Bench()
    bench.put(PlanChanged(masks(FIXED_PLAN)))
    bench.put(Opened(FakeStream(stated_fps=FPS)))  # type: ignore[arg-type]  # a fake
    bench.play(shot(60, b_frames=2))
    assert bench.output.reasons == [None] * len(bench.output.packets)
    assert len(bench.output.packets) >= 50


def test_a_stream_with_b_frames_is_transcoded_instead_of_copied() -> None:
    """Their order on the wire is not the order in which they are shown."""
    bench = Bench()
    bench.put(PlanChanged(CLEAR))
    bench.put(Opened(FakeStream()))  # type: ignore[arg-type]  # a fake
    bench.play(shot(60, b_frames=2))
    assert [one for one in bench.output.events if isinstance(one, tuple)] == [
        (1, SegmentMode.COPIED),
        (1, SegmentMode.MASKED),
    ]
    shown = [one.captured_at for one in bench.output.packets]
    assert shown == sorted(shown)
    after = bench.output.events[bench.output.events.index((1, SegmentMode.MASKED)) :]
    assert len(pictures([one for one in after if isinstance(one, Packet)])) > 20


@pytest.mark.parametrize("active", [masks(FIXED_PLAN), CLEAR])
def test_a_ptz_camera_is_never_shown_by_a_plan_for_fixed_ones(active: ActivePlan) -> None:
    """Masks fixed in the picture are wrong as soon as the camera turns."""
    bench = Bench(CameraKind.PTZ)
    bench.put(PlanChanged(active))
    bench.put(Opened(FakeStream()))  # type: ignore[arg-type]  # a fake
    bench.play(shot(10))
    assert None not in bench.output.reasons
    assert [one for one in bench.output.events if isinstance(one, tuple)] == [(1, SegmentMode.MASKED)]


def test_a_ptz_camera_is_masked_by_its_poses() -> None:
    """The dwelling is to the right of the middle, and visible is what is left of it."""
    bench = Bench(CameraKind.PTZ)
    bench.put(PlanChanged(masks(PTZ_PLAN)))
    bench.put(Opened(FakeStream()))  # type: ignore[arg-type]  # a fake
    bench.play(shot(60))
    assert bench.output.reasons.count(None) > 40
    assert bench.output.telemetry.count("polling") > 40
    assert set(bench.output.telemetry) <= {"polling", "none"}
    luma = pictures(bench.output.packets)[-1]
    assert np.abs(luma[100:140, 190:250].astype(int) - 128).max() <= 20
    assert luma[100:140, :100].mean() > 150


def test_a_camera_that_is_being_calibrated_is_grey_and_recorded_as_such() -> None:
    """The model by which its masks follow it is in doubt until the run has ended; the calibration alone sees the street."""
    bench = Bench(CameraKind.PTZ)
    bench.put(PlanChanged(masks(PTZ_PLAN)))
    bench.put(Opened(FakeStream()))  # type: ignore[arg-type]  # a fake
    packets = shot(90)
    bench.play(packets[:30])
    bench.eye.begin()
    bench.eye.film()
    bench.play(packets[30:60])
    film = bench.eye.developed()
    bench.eye.end()
    bench.play(packets[60:])
    reasons = bench.output.reasons
    assert reasons.count("camera-busy") == 30
    assert None in reasons[: reasons.index("camera-busy")]
    assert reasons[-1] is None
    assert len(film) > 5
    first = reasons.index("camera-busy")
    assert all(
        np.abs(luma.astype(int) - 128).max() <= 3 for luma in pictures(bench.output.packets)[first + 1 : first + 29]
    )


@pytest.mark.parametrize("missing", ["reports", "poses"])
def test_a_ptz_camera_without_reports_or_poses_is_grey(missing: str) -> None:
    """Nobody knows where it looked when."""
    bench = Bench(CameraKind.PTZ)
    bench.reports = missing != "reports"
    bench.pose = None if missing == "poses" else (0.0, 0.0)
    bench.put(PlanChanged(masks(PTZ_PLAN)))
    bench.put(Opened(FakeStream()))  # type: ignore[arg-type]  # a fake
    bench.play(shot(10))
    assert set(bench.output.reasons) == {"clock-unsynchronised" if missing == "reports" else "pose-missing"}


def test_an_outage_is_one_gap_with_its_first_cause() -> None:
    """However often the camera is tried again."""
    bench = Bench()
    bench.put(PlanChanged(masks(FIXED_PLAN)))
    bench.put(Opened(FakeStream()))  # type: ignore[arg-type]  # a fake
    bench.play(shot(3))
    for _ in range(3):
        bench.put(Ended(connection_lost()))
    assert bench.output.events.count(GapCause.CAMERA_UNREACHABLE) == 1
    assert len(bench.output.packets) == 3


class FakeChannel:
    """A channel with at most one viewer."""

    def __init__(self) -> None:
        self.got: list[LiveMessage] = []
        self.watched = False
        self.viewers = 0

    def on_join(self, greet: Any) -> None:
        """Keep the greeting."""
        self.greet = greet

    def join(self) -> None:
        """Become a viewer."""

        def admit(messages: Any) -> None:
            self.got += messages
            self.watched = True

        greeting: Admit = admit
        self.greet(greeting)

    def publish(self, message: LiveMessage) -> None:
        """Keep a message, if there is a viewer."""
        if self.watched:
            self.got.append(message)

    def on_command(self, callback: Any) -> None:
        """Ignore."""


def test_a_viewer_who_comes_late_gets_the_group_of_pictures_from_its_keyframe() -> None:
    """Nothing is made before somebody watches, and nothing is missing then."""
    bench = Bench()
    bench.put(PlanChanged(masks(FIXED_PLAN)))
    bench.put(Opened(FakeStream()))  # type: ignore[arg-type]  # a fake
    bench.play(shot(30))
    channel = FakeChannel()
    feed = LiveFeed(channel, 7)
    feed.state({"state": "live", "reason": None})
    for packet in bench.output.packets[:25]:
        feed.packet(packet)
    assert channel.got == []
    channel.join()
    for packet in bench.output.packets[25:]:
        feed.packet(packet)
    state, init, *frames = channel.got
    assert isinstance(state, StateMessage)
    assert isinstance(init, InitMessage)
    assert (init.epoch, init.codec[:5], init.width, init.height) == (7, "avc3.", WIDTH, HEIGHT)
    assert all(isinstance(one, FrameMessage) for one in frames)
    assert [one.is_keyframe for one in frames if isinstance(one, FrameMessage)] == [True] + [False] * 9
