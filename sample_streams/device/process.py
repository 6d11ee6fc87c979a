"""The process of one camera: started by the supervisor, ends with it.

It writes one line of JSON to standard output when its ports are open, and ends on SIGTERM, SIGINT, or when its
standard input closes: so no camera outlives a supervisor that was killed.
"""

import asyncio
import json
import signal
import sys
from pathlib import Path
from typing import Any

import cv2

from sample_streams.device.camera import Camera
from sample_streams.device.control import Control
from sample_streams.device.options import CameraOptions
from sample_streams.onvif.habits import read_habits
from sample_streams.onvif.ptz_spaces import Habit, SpaceKind
from sample_streams.onvif.recording import EdgeMode
from sample_streams.plan import plan_document
from sample_streams.roster import CameraKind, roster, with_habits
from sample_streams.scene.light import TimeOfDay
from sample_streams.unknown import UnknownOptics, with_unknown_optics
from sample_streams.wire.auth import AuthMode
from sample_streams.wire.http import HttpServer


async def run(order: dict[str, Any]) -> None:
    """Run one camera until told to stop."""
    spec = roster()[order["camera"]]
    if order.get("unknown") is not None and spec.kind is CameraKind.PTZ:
        spec = with_unknown_optics(spec, UnknownOptics(**order["unknown"]))
    habits = frozenset(Habit(one) for one in order["habits"])
    spec = with_habits(spec, habits)
    options = CameraOptions(
        host=order["host"],
        seed=order["seed"],
        content_seed=order["content_seed"],
        truth_dir=Path(order["truth_dir"]),
        password=order["password"],
        rtsp_port=order["ports"][0],
        onvif_port=order["ports"][1],
        time_of_day=TimeOfDay(order["time_of_day"]),
        space=SpaceKind(order["space"]),
        habits=habits,
        qp=order["qp"],
        edge=EdgeMode(order["edge"]),
        onvif_habits=read_habits(order["onvif_habits"]),
    )
    camera = Camera(spec, options)
    control = HttpServer(Control(camera).handle, "127.0.0.1", order["ports"][2])
    await camera.start()
    await control.start()
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    loop.add_reader(sys.stdin.fileno(), stopped.set)
    sys.stdout.write(json.dumps(entry(camera, control.port)) + "\n")
    sys.stdout.flush()
    await stopped.wait()
    loop.remove_reader(sys.stdin.fileno())
    await control.stop()
    await camera.stop()


def entry(camera: Camera, control_port: int) -> dict[str, Any]:
    """Return what city.json says about a camera."""
    spec = camera.spec
    has_plan: dict[str, Any] = (
        {"plan": plan_document(spec, camera.place)} if spec.has_plan else {"no_dwelling_in_sight": True}
    )
    if spec.kind is CameraKind.PTZ and not spec.has_plan:
        has_plan = {"to_be_calibrated": True}
    return {
        "id": spec.camera_id,
        "name": spec.name,
        "area": spec.area,
        # A register file says all of the mayor's decision; the city's cameras stand under an invented one.
        "designation": "DEMO-2026-1",
        "legal_basis": "Gemeentewet art. 151c",
        "valid_from": "2026-01-01T00:00:00Z",
        "valid_until": "2030-01-01T00:00:00Z",
        "kind": spec.kind.value,
        "rtsp_url": camera.rtsp_url,
        "onvif_url": camera.onvif_url,
        "username": "operator",
        "password": camera.options.password,
        "allows_basic": spec.auth is AuthMode.BASIC,
        "codec": spec.codec.value,
        "width": spec.optics.width_px,
        "height": spec.optics.height_px,
        "fps": spec.fps,
        "clock_offset_s": spec.clock_offset_s,
        "control_url": f"http://127.0.0.1:{control_port}/",
        **has_plan,
    }


def main() -> None:
    """Read the order from the command line and run."""
    cv2.setNumThreads(1)
    asyncio.run(run(json.loads(sys.argv[1])))


if __name__ == "__main__":
    main()
