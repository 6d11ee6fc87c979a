"""The control channel: HTTP with JSON on loopback, through which tests look at a camera and make it misbehave.

``GET /`` tells the state, ``GET /truth/latest`` the newest truth record. ``POST /`` takes one order:
``{"fault": NAME, ...}`` or ``{"do": NAME, ...}``; ``docs/demo-city.md`` lists them all.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from sample_streams.device.autopilot import Pattern, autopilot
from sample_streams.device.camera import Camera
from sample_streams.device.clock import monotonic_s
from sample_streams.device.mechanics import Pose
from sample_streams.device.metadata import MetadataFault
from sample_streams.device.telemetry import TelemetryFault
from sample_streams.onvif.habits import OnvifHabits, read_habits
from sample_streams.onvif.recording import EdgeMode, Told
from sample_streams.wire.auth import AuthMode
from sample_streams.wire.http import Request, Response

Order = dict[str, Any]
Action = Callable[[Order], Awaitable[None]]


class OrderError(ValueError):
    """An order that the camera does not understand."""


class Control:
    """Carry out orders."""

    def __init__(self, camera: Camera) -> None:
        self._camera = camera
        self._later: set[asyncio.Task[None]] = set()
        self._faults: dict[str, Action] = {
            "none": self._all_well,
            "loss": self._loss,
            "drop_packets": self._drop_packets,
            "drop_frame": self._drop_frame,
            "duplicate": self._duplicate,
            "repeat_packets": self._repeat_packets,
            "reorder": self._reorder,
            "stall": self._stall,
            "kill": self._kill,
            "refuse": self._refuse,
            "jitter": self._jitter,
            "delay": self._delay,
            "timestamp_jump": self._timestamp_jump,
            "resolution": self._resolution,
            "wrong_password": self._wrong_password,
            "reboot": self._reboot,
            "clock": self._clock,
            "no_reports": self._no_reports,
            "telemetry": self._telemetry,
            "telemetry_traits": self._telemetry_traits,
            "metadata": self._metadata,
            "onvif_away": self._onvif_away,
        }
        self._deeds: dict[str, Action] = {
            "autopilot": self._autopilot,
            "pose": self._pose,
            "knock": self._knock,
            "keyframe": self._keyframe,
            "truth_colours": self._truth_colours,
            "content_seed": self._content_seed,
            "qp": self._qp,
            "keyframes": self._keyframes,
            "edge": self._edge,
            "onvif": self._onvif,
        }

    async def handle(self, request: Request) -> Response:
        """Answer one request."""
        if request.method == "GET" and request.path == "/truth/latest":
            latest = self._camera.latest
            return _json(200, None if latest is None else latest.to_json())
        if request.method == "GET":
            return _json(200, self._camera.state())
        try:
            await self._obey(json.loads(request.body))
        except (KeyError, TypeError, ValueError) as error:
            return _json(400, {"error": f"{type(error).__name__}: {error}"})
        return _json(200, self._camera.state())

    async def _obey(self, order: Order) -> None:
        if "fault" in order:
            await self._faults[order["fault"]](order)
        elif "do" in order:
            await self._deeds[order["do"]](order)
        else:
            raise OrderError('an order has a "fault" or a "do"')

    def _afterwards(self, seconds: float, action: Callable[[], Awaitable[None]]) -> None:
        async def wait_and_act() -> None:
            await asyncio.sleep(seconds)
            await action()

        task = asyncio.create_task(wait_and_act())
        self._later.add(task)
        task.add_done_callback(self._later.discard)

    async def _all_well(self, order: Order) -> None:
        del order
        camera = self._camera
        quiet = camera.impairment
        quiet.loss_rate = quiet.duplicate_rate = quiet.reorder_rate = 0.0
        quiet.drop_next_packets = quiet.drop_next_frames = quiet.repeat_next_packets = 0
        camera.stalled_until_s, camera.video_delay_s, camera.jitter_s = 0.0, 0.0, 0.0
        camera.rtsp.auth_mode = camera.spec.auth
        camera.rtsp.sends_reports = True
        camera.set_account_refusal(refuses=False)
        camera.telemetry.set_fault(TelemetryFault.NONE, monotonic_s())
        if camera.metadata is not None:
            camera.metadata.set_fault(MetadataFault.NONE, monotonic_s())
        camera.telemetry.traits = camera.spec.telemetry
        camera.clock.offset_s = camera.spec.clock_offset_s
        await camera.onvif_http.take(OnvifHabits(camera.options.onvif_habits))
        camera.set_size(camera.spec.optics.width_px, camera.spec.optics.height_px)
        if not camera.rtsp.is_listening and not camera.is_away:
            await camera.rtsp.start()
        if not camera.onvif_http.is_listening and not camera.is_away:
            await camera.onvif_http.start()

    async def _loss(self, order: Order) -> None:
        self._camera.impairment.loss_rate = float(order["percent"]) / 100

    async def _drop_packets(self, order: Order) -> None:
        self._camera.impairment.drop_next_packets = int(order.get("count", 1))

    async def _drop_frame(self, order: Order) -> None:
        self._camera.impairment.drop_next_frames = int(order.get("count", 1))

    async def _duplicate(self, order: Order) -> None:
        self._camera.impairment.duplicate_rate = float(order["percent"]) / 100

    async def _repeat_packets(self, order: Order) -> None:
        self._camera.impairment.repeat_next_packets = int(order.get("count", 1))

    async def _reorder(self, order: Order) -> None:
        self._camera.impairment.reorder_rate = float(order["percent"]) / 100

    async def _stall(self, order: Order) -> None:
        self._camera.stalled_until_s = monotonic_s() + float(order["seconds"])
        self._camera.request_keyframe()

    async def _kill(self, order: Order) -> None:
        del order
        self._camera.rtsp.cut_connections()

    async def _refuse(self, order: Order) -> None:
        await self._camera.rtsp.stop()
        self._afterwards(float(order["seconds"]), self._camera.rtsp.start)

    async def _jitter(self, order: Order) -> None:
        self._camera.jitter_s = float(order["ms"]) / 1000

    async def _delay(self, order: Order) -> None:
        self._camera.video_delay_s = float(order["ms"]) / 1000

    async def _timestamp_jump(self, order: Order) -> None:
        self._camera.clock.jump_rtp(float(order["seconds"]))

    async def _resolution(self, order: Order) -> None:
        self._camera.set_size(int(order["width"]), int(order["height"]))

    async def _wrong_password(self, order: Order) -> None:
        is_on = bool(order.get("on", True))
        self._camera.rtsp.auth_mode = AuthMode.REFUSE if is_on else self._camera.spec.auth
        self._camera.set_account_refusal(refuses=is_on)
        self._camera.rtsp.cut_connections()

    async def _reboot(self, order: Order) -> None:
        camera = self._camera
        await camera.go_away()
        clock_error_s = float(order.get("clock_error_s", 0.0))

        async def boot() -> None:
            camera.clock.offset_s += clock_error_s
            await camera.come_back(rebooted=True)
            await camera.home(float(order.get("homing_seconds", 3.0)))

        self._afterwards(float(order["seconds"]), boot)

    async def _clock(self, order: Order) -> None:
        clock = self._camera.clock
        clock.offset_s = float(order["offset_s"]) if "offset_s" in order else clock.offset_s + float(order["step_s"])

    async def _no_reports(self, order: Order) -> None:
        self._camera.rtsp.sends_reports = not bool(order.get("on", True))

    async def _telemetry(self, order: Order) -> None:
        self._camera.telemetry.set_fault(TelemetryFault(order["mode"]), monotonic_s())

    async def _telemetry_traits(self, order: Order) -> None:
        self._camera.set_telemetry_traits(**{name: float(value) for name, value in order.items() if name != "fault"})

    async def _metadata(self, order: Order) -> None:
        if self._camera.metadata is None:
            raise OrderError("this camera has no metadata stream")
        self._camera.metadata.set_fault(MetadataFault(order["mode"]), monotonic_s())

    async def _onvif_away(self, order: Order) -> None:
        await self._camera.onvif_http.stop()
        self._afterwards(float(order["seconds"]), self._camera.onvif_http.start)

    async def _autopilot(self, order: Order) -> None:
        now, speed = monotonic_s(), float(order.get("speed_deg_s", 20.0))
        speeds = autopilot(Pattern(order["pattern"]), now, speed, int(order.get("seed", self._camera.options.seed)))
        self._camera.mechanics.follow(now, speeds)

    async def _pose(self, order: Order) -> None:
        pose = Pose(float(order["pan_deg"]), float(order["tilt_deg"]), float(order["zoom"]))
        self._camera.mechanics.place(monotonic_s(), pose)

    async def _knock(self, order: Order) -> None:
        turned = {name: float(order.get(name, 0.0)) for name in ("pan_deg", "tilt_deg", "roll_deg")}
        await self._camera.on_drawing_thread(lambda: self._camera.knock(**turned))

    async def _keyframe(self, order: Order) -> None:
        del order
        self._camera.request_keyframe()

    async def _truth_colours(self, order: Order) -> None:
        renderer = self._camera.renderer
        await self._camera.on_drawing_thread(lambda: renderer.show_truth(on=bool(order.get("on", True))))

    async def _content_seed(self, order: Order) -> None:
        await self._camera.on_drawing_thread(self._camera.renderer.set_content_seed, int(order["seed"]))

    async def _qp(self, order: Order) -> None:
        self._camera.set_qp(int(order["value"]))

    async def _keyframes(self, order: Order) -> None:
        self._camera.set_keyframe_interval(int(order["every"]))

    async def _onvif(self, order: Order) -> None:
        only, elsewhere = frozenset(order.get("only", ())), order.get("elsewhere")
        await self._camera.onvif_http.take(OnvifHabits(read_habits(order["habits"]), only, elsewhere))

    async def _edge(self, order: Order) -> None:
        edge = self._camera.onvif.edge
        edge.retention = str(order.get("retention", edge.retention))
        edge.told = Told(order.get("told", Told.BOTH))
        edge.set_mode(EdgeMode(order["mode"]))


def _json(status: int, value: object) -> Response:
    return Response(status, json.dumps(value).encode(), "application/json")
