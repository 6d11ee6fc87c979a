"""Pictures, plans and telemetry from the demo city's own renderer, at any size and without its servers."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sample_streams.device.autopilot import Pattern, autopilot
from sample_streams.device.encoder import Picture
from sample_streams.device.mechanics import Limits, Mechanics, Pose
from sample_streams.plan import plan_document
from sample_streams.roster import CameraSpec, roster
from sample_streams.scene.light import TimeOfDay
from sample_streams.scene.place import Place
from sample_streams.scene.renderer import Exposure, Renderer
from sample_streams.scene.shelf import painted_place

TELEMETRY_HZ = 10.0
WARM_UP_S = 3.0
"""The camera has been moving for so long when the clip begins."""


@dataclass(frozen=True, slots=True)
class Shot:
    """A scene that can be drawn.

    Args:
        width_px, height_px: of its pictures.
        pictures: draws them one after the other, each (height * 3 / 2, width) as I420; the buffer is reused.
        plan: PLAN.json.
        telemetry: lines of TELEMETRY.jsonl; the clip's first frame is at 0 s.
    """

    width_px: int
    height_px: int
    pictures: Callable[[], Iterator[NDArray[np.uint8]]]
    plan: dict[str, Any]
    telemetry: tuple[dict[str, Any], ...]


def sized(camera_id: str, width_px: int, height_px: int, fps: float) -> CameraSpec:
    """Return a camera of the city with another sensor."""
    spec = roster()[camera_id]
    return replace(
        spec,
        optics=replace(spec.optics, width_px=width_px, height_px=height_px),
        planned_optics=replace(spec.planned_optics, width_px=width_px, height_px=height_px),
        fps=fps,
    )


def place_of(spec: CameraSpec, seed: int) -> Place:
    """Build what the camera sees."""
    return painted_place(spec.place, seed, TimeOfDay.DAY, spec.camera_id)


def fixed(width_px: int, height_px: int, frames: int, fps: float, seed: int) -> Shot:
    """Return a quay with people, cyclists and cars, dwellings on both sides."""
    spec = sized("wevergracht", width_px, height_px, fps)
    place = place_of(spec, seed)
    return Shot(
        width_px,
        height_px,
        lambda: _drawn(spec, place, frames, seed, lambda _at_s: spec.start),
        plan_document(spec, place),
        (),
    )


def moving(width_px: int, height_px: int, frames: int, fps: float, seed: int) -> Shot:
    """Return a market square seen by a PTZ camera that swings to and fro at up to 30 degrees a second."""
    spec = sized("vredenmarkt", width_px, height_px, fps)
    place = place_of(spec, seed)
    pose_at = sweep(spec.start, frames / fps, 30.0, seed)
    return Shot(
        width_px,
        height_px,
        lambda: _drawn(spec, place, frames, seed, pose_at),
        plan_document(spec, place),
        tuple(_telemetry(spec, pose_at, frames / fps, seed)),
    )


def sweep(start: Pose, seconds: float, speed_deg_s: float, seed: int) -> Callable[[float], Pose]:
    """Return the pose over time of a camera that swings, with the city's motors; 0 s is after the warm-up."""
    step_s = 0.004
    mechanics = Mechanics(Limits(), start, 0.0)
    mechanics.follow(0.0, autopilot(Pattern.SWEEP, 0.0, speed_deg_s, seed))
    poses = [mechanics.pose_at(i * step_s) for i in range(int((seconds + 2 * WARM_UP_S) / step_s))]

    def pose_at(at_s: float) -> Pose:
        i = (at_s + WARM_UP_S) / step_s
        a, b, share = poses[int(i)], poses[int(i) + 1], i - int(i)
        turn_deg = (b.pan_deg - a.pan_deg + 180.0) % 360.0 - 180.0
        return Pose(
            (a.pan_deg + share * turn_deg + 180.0) % 360.0 - 180.0,
            a.tilt_deg + share * (b.tilt_deg - a.tilt_deg),
            a.zoom + share * (b.zoom - a.zoom),
        )

    return pose_at


def _drawn(
    spec: CameraSpec, place: Place, frames: int, seed: int, pose_at: Callable[[float], Pose]
) -> Iterator[NDArray[np.uint8]]:
    width_px, height_px = spec.optics.width_px, spec.optics.height_px
    renderer = Renderer(place, spec.optics, spec.corners, seed, spec.fps)
    half_s = spec.exposure_s / 2
    buffer = np.empty((height_px * 3 // 2, width_px), np.uint8)
    samples, luma, chroma = buffer.reshape(-1), width_px * height_px, width_px * height_px // 4
    half = (height_px // 2, width_px // 2)
    picture = Picture(
        buffer[:height_px],
        samples[luma : luma + chroma].reshape(half),
        samples[luma + chroma :].reshape(half),
    )
    for number in range(frames):
        at_s = number / spec.fps
        renderer.draw(number, Exposure(pose_at(at_s - half_s), pose_at(at_s), pose_at(at_s + half_s)), picture)
        yield buffer


def _telemetry(
    spec: CameraSpec, pose_at: Callable[[float], Pose], seconds: float, seed: int
) -> Iterator[dict[str, Any]]:
    """Yield answers ten times a second, quantised, jittered and late as the city's telemetry is."""
    rng, traits = random.Random(seed), spec.telemetry  # noqa: S311 - simulated jitter is no secret
    for i in range(-10, int((seconds + 1.0) * TELEMETRY_HZ)):
        at_s = i / TELEMETRY_HZ
        pose = pose_at(at_s)
        yield {
            "at_s": at_s + rng.uniform(-traits.time_jitter_s, traits.time_jitter_s),
            "arrived_s": at_s + rng.uniform(traits.latency_low_s, traits.latency_high_s),
            "pan_deg": round(pose.pan_deg / traits.quantum_deg) * traits.quantum_deg,
            "tilt_deg": round(pose.tilt_deg / traits.quantum_deg) * traits.quantum_deg,
            "zoom": round(pose.zoom / traits.quantum_zoom) * traits.quantum_zoom,
            "moving": True,
        }
