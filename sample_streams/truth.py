"""The truth about every frame: which pixels show a dwelling. An own per-pixel inverse test, independent of any plan.

Usage::

    python -m sample_streams.truth DIR CAMERA FRAME --out mask.png
"""

import argparse
import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from sample_streams.device.mechanics import Pose
from sample_streams.optics import Optics
from sample_streams.plan import clip_before_camera, clip_to_box
from sample_streams.scene.place import Place

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
BOUNDS_MARGIN_PX = 3


@dataclass(frozen=True, slots=True, eq=False)
class CameraTruth:
    """The true optics of a camera and the convex pieces (directions, n x 3) of the dwellings around it."""

    camera_id: str
    optics: Optics
    pieces: tuple[tuple[str, Floats], ...]
    exposure_s: float

    def to_json(self) -> dict[str, Any]:
        """Return the truth as plain values."""
        return {
            "camera_id": self.camera_id,
            "optics": self.optics.to_json(),
            "exposure_s": self.exposure_s,
            "pieces": [{"dwelling": name, "directions": piece.tolist()} for name, piece in self.pieces],
        }


@dataclass(frozen=True, slots=True)
class FrameRecord:
    """One frame as it truly was; a line of the truth log."""

    frame: int
    boot: int
    rtp_timestamp: int
    camera_utc_s: float
    true_utc_s: float
    start: Pose
    middle: Pose
    end: Pose
    width_px: int
    height_px: int
    is_keyframe: bool
    sent_packets: int
    total_packets: int
    sent_utc_s: float | None = None
    """When its packets were handed to the network; None in a clip, which is not sent."""

    def to_json(self) -> dict[str, Any]:
        """Return the record as plain values."""
        return {
            "frame": self.frame,
            "boot": self.boot,
            "rtp_timestamp": self.rtp_timestamp,
            "camera_utc_s": round(self.camera_utc_s, 6),
            "true_utc_s": round(self.true_utc_s, 6),
            "pose": {
                name: [pose.pan_deg, pose.tilt_deg, pose.zoom]
                for name, pose in (("start", self.start), ("middle", self.middle), ("end", self.end))
            },
            "size": [self.width_px, self.height_px],
            "keyframe": self.is_keyframe,
            "packets": [self.sent_packets, self.total_packets],
            "sent_utc_s": None if self.sent_utc_s is None else round(self.sent_utc_s, 6),
        }


def record_from_json(data: dict[str, Any]) -> FrameRecord:
    """Read a line of the truth log."""
    pose = data["pose"]
    return FrameRecord(
        data["frame"],
        data["boot"],
        data["rtp_timestamp"],
        data["camera_utc_s"],
        data["true_utc_s"],
        Pose(*pose["start"]),
        Pose(*pose["middle"]),
        Pose(*pose["end"]),
        data["size"][0],
        data["size"][1],
        data["keyframe"],
        data["packets"][0],
        data["packets"][1],
        data.get("sent_utc_s"),
    )


def camera_truth(camera_id: str, optics: Optics, place: Place, exposure_s: float) -> CameraTruth:
    """Collect the truth about a camera from the place around it."""
    pieces = tuple(
        (dwelling.dwelling_id, np.array([panel.point(*point) for point in piece]))
        for panel in place.panels_with_dwellings()
        for dwelling in panel.dwellings
        for piece in dwelling.pieces_m
    )
    return CameraTruth(camera_id, optics, pieces, exposure_s)


def load_truth(truth_dir: Path, camera_id: str) -> CameraTruth:
    """Read what a running city wrote about a camera."""
    data = json.loads((truth_dir / f"{camera_id}.camera.json").read_text())
    pieces = tuple((one["dwelling"], np.array(one["directions"])) for one in data["pieces"])
    return CameraTruth(data["camera_id"], Optics.from_json(data["optics"]), pieces, data["exposure_s"])


def load_records(truth_dir: Path, camera_id: str) -> dict[int, FrameRecord]:
    """Read the truth log of a camera, by frame number; a line that is still being written is left out."""
    records = {}
    for line in (truth_dir / f"{camera_id}.jsonl").read_text().splitlines(keepends=True):
        if line.endswith("\n"):
            record = record_from_json(json.loads(line))
            records[record.frame] = record
    return records


def dwelling_mask(truth: CameraTruth, record: FrameRecord) -> Mask:
    """Return which pixels of a frame truly show a dwelling at some moment of its exposure.

    Returns:
        height x width at the size that the frame had. A dwelling counts even where a tree or a passer-by hides it.
    """
    poses = [record.start, record.middle, record.end] if record.start != record.end else [record.middle]
    full = np.zeros((truth.optics.height_px, truth.optics.width_px), np.bool_)
    for pose in poses:
        full |= _mask_at(truth, pose)
    if (record.width_px, record.height_px) == (truth.optics.width_px, truth.optics.height_px):
        return full
    scaled = cv2.resize(full.astype(np.uint8) * 255, (record.width_px, record.height_px), interpolation=cv2.INTER_AREA)
    return np.asarray(scaled > 0)


@lru_cache(maxsize=16)
def _mask_at(truth: CameraTruth, pose: Pose) -> Mask:
    """Test every pixel's line of sight at one pose; a camera that stands still is tested once."""
    optics = truth.optics
    mask = np.zeros((optics.height_px, optics.width_px), np.bool_)
    u, v = np.meshgrid(np.arange(optics.width_px) + 0.5, np.arange(optics.height_px) + 0.5)
    sight = optics.sight(pose, u, v).astype(np.float64)
    reach = _reach(optics, pose.zoom)
    for _, piece in truth.pieces:
        bounds = _bounds(optics, pose, piece, reach)
        if bounds is not None:
            left, top, right, bottom = bounds
            mask[top:bottom, left:right] |= _passes_through(sight[top:bottom, left:right], piece)
    return mask


def _passes_through(sight: Floats, piece: Floats) -> Mask:
    """Return which lines of sight pass through a convex piece, by a test of each line against each edge."""
    middle = piece.mean(axis=0)
    inside = np.asarray(sight @ middle > 0)
    for a, b in zip(piece, np.roll(piece, -1, axis=0), strict=True):
        normal = np.cross(a, b)
        if np.linalg.norm(normal) > 1e-12:
            inside &= sight @ (normal if normal @ middle > 0 else -normal) >= 0
    return inside


def _reach(optics: Optics, zoom: float) -> tuple[float, float]:
    """Return how far to the side and up the picture sees on the plane at distance one, with some room."""
    edge_u = np.array([0.0, 0.0, 0.0, optics.width_px / 2, optics.width_px, optics.width_px])
    edge_v = np.array([0.0, optics.height_px / 2, optics.height_px, 0.0, 0.0, optics.height_px])
    x, y = optics.undistorted(zoom, edge_u, edge_v)
    return 1.1 * float(np.abs(x).max()), 1.1 * float(np.abs(y).max())


def _bounds(optics: Optics, pose: Pose, piece: Floats, reach: tuple[float, float]) -> tuple[int, int, int, int] | None:
    """Return the rectangle outside which no pixel can see a piece; None when none can."""
    clipped = clip_before_camera(piece @ optics.rotation(pose).T)
    if len(clipped) < 3:
        return None
    flat = clip_to_box(clipped[:, :2] / clipped[:, 2:], (-reach[0], -reach[1]), reach)
    if len(flat) < 3:
        return None
    ends = np.roll(flat, -1, axis=0)
    dense = np.concatenate([flat + share * (ends - flat) for share in np.linspace(0, 1, 9)[:-1]])
    focal, k1 = optics.focal_px(pose.zoom), optics.k1_at(pose.zoom)
    stretch = 1 + k1 * np.sum(dense * dense, axis=1, keepdims=True)
    points = focal * dense * stretch + np.array(optics.centre_px)
    margin = BOUNDS_MARGIN_PX + 0.01 * float(np.ptp(points, axis=0).max())
    left, top = np.floor(points.min(axis=0) - margin)
    right, bottom = np.ceil(points.max(axis=0) + margin)
    left, top = max(int(left), 0), max(int(top), 0)
    right, bottom = min(int(right), optics.width_px), min(int(bottom), optics.height_px)
    return (left, top, right, bottom) if left < right and top < bottom else None


def main() -> None:
    """Write the dwelling mask of one recorded frame as a picture."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("truth_dir", type=Path)
    parser.add_argument("camera")
    parser.add_argument("frame", type=int)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    record = load_records(arguments.truth_dir, arguments.camera)[arguments.frame]
    mask = dwelling_mask(load_truth(arguments.truth_dir, arguments.camera), record)
    cv2.imwrite(str(arguments.out), mask.astype(np.uint8) * 255)


if __name__ == "__main__":
    main()
