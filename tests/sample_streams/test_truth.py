"""The truth agrees with the picture, and runs that differ inside dwellings differ nowhere else."""

import json
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from sample_streams.clip import ClipSettings, write_clip
from sample_streams.device.autopilot import Pattern
from sample_streams.device.encoder import Picture, plane_view
from sample_streams.device.mechanics import Pose
from sample_streams.roster import roster
from sample_streams.scene.light import TimeOfDay
from sample_streams.scene.renderer import Exposure, Renderer
from sample_streams.scene.shelf import painted_place
from sample_streams.scene.stage import DWELLING_V_ABOVE
from sample_streams.timecode import read_code
from sample_streams.truth import FrameRecord, camera_truth, dwelling_mask, load_records, load_truth

SEED = 1


def _record(pose: Pose, width: int, height: int) -> FrameRecord:
    return FrameRecord(
        0, 0, 0, 0.0, 0.0, pose, pose, pose, width, height, is_keyframe=True, sent_packets=1, total_packets=1
    )


def _drawn(renderer: Renderer, pose: Pose, number: int, size: tuple[int, int]) -> Picture:
    width, height = size
    half = (height // 2, width // 2)
    picture = Picture(np.zeros((height, width), np.uint8), np.zeros(half, np.uint8), np.zeros(half, np.uint8))
    renderer.draw(number, Exposure(pose, pose, pose), picture)
    return picture


@pytest.mark.parametrize("camera_id", ["vredenmarkt", "wevergracht", "lindestraat", "havensteeg"])
def test_the_mask_of_truth_is_where_the_renderer_paints_dwellings(camera_id: str) -> None:
    """Two programs, one drawing forwards and one testing each pixel backwards, must see the same town."""
    spec = roster()[camera_id]
    place = painted_place(spec.place, SEED, TimeOfDay.DUSK, camera_id)
    truth = camera_truth(camera_id, spec.optics, place, spec.exposure_s)
    renderer = Renderer(place, spec.optics, (), SEED, spec.fps)
    renderer.show_truth(on=True)
    size = (spec.optics.width_px, spec.optics.height_px)
    poses = (
        [Pose(20, -4, 0.1), Pose(-130, 3, 0.35), Pose(95, -25, 0.0), Pose(-40, 6, 0.8)]
        if camera_id == "vredenmarkt"
        else [spec.start]
    )
    ring = np.ones((9, 9), np.uint8)
    for pose in poses:
        picture = _drawn(renderer, pose, 1, size)
        painted = cv2.resize(picture.v, size, interpolation=cv2.INTER_NEAREST) > DWELLING_V_ABOVE
        mask = dwelling_mask(truth, _record(pose, *size)).astype(np.uint8)
        assert mask.mean() > 0.02
        # Chroma has half the resolution: four pixels around every edge are left out. What hides a dwelling (a nearer
        # wall of a shop) is drawn but is truth all the same, so paint may miss some of the mask, never the reverse.
        assert not np.any(painted & (cv2.dilate(mask, ring) == 0))
        missed = (cv2.erode(mask, ring) > 0) & ~painted
        assert missed.mean() < 0.02


def _clip(out: Path, camera_id: str, **changes: object) -> list[tuple[NDArray[np.uint8], ...]]:
    settings = ClipSettings(camera_id, 12, out, qp=0, **changes)  # type: ignore[arg-type]  # one dictionary of options
    write_clip(settings)
    with av.open(str(out / "clip.mp4")) as container:
        return [tuple(plane_view(p).copy() for p in frame.planes) for frame in container.decode(video=0)]


def test_two_seeds_of_content_differ_inside_dwellings_only(tmp_path: Path) -> None:
    """Non-interference tests of the product stand on this: any other difference would be blamed on the product."""
    a = _clip(tmp_path / "a", "wevergracht", content_seed=1)
    b = _clip(tmp_path / "b", "wevergracht", content_seed=2)
    truth = load_truth(tmp_path / "a" / "truth", "wevergracht")
    records = load_records(tmp_path / "a" / "truth", "wevergracht")
    differs_inside = False
    for number, (one, other) in enumerate(zip(a, b, strict=True)):
        mask = dwelling_mask(truth, records[number])
        half = (
            cv2.resize(mask.astype(np.uint8), (mask.shape[1] // 2, mask.shape[0] // 2), interpolation=cv2.INTER_AREA)
            > 0
        )
        different = one[0] != other[0]
        assert not np.any(different & ~cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool))
        for plane in (1, 2):
            wide = cv2.dilate(half.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
            assert not np.any((one[plane] != other[plane]) & ~wide)
        differs_inside |= bool(np.any(different & mask))
    assert differs_inside


def test_the_same_arguments_give_the_same_clip(tmp_path: Path) -> None:
    """What cannot be repeated cannot be compared."""
    a = _clip(tmp_path / "a", "vredenmarkt", pattern=Pattern.SWEEP)
    b = _clip(tmp_path / "b", "vredenmarkt", pattern=Pattern.SWEEP)
    assert all(np.array_equal(p, q) for one, other in zip(a, b, strict=True) for p, q in zip(one, other, strict=True))
    assert (tmp_path / "a" / "TELEMETRY.jsonl").read_bytes() == (tmp_path / "b" / "TELEMETRY.jsonl").read_bytes()
    assert [read_code(planes[0]) for planes in a] == list(range(12))


def test_a_clip_of_a_moving_camera_has_honest_telemetry(tmp_path: Path) -> None:
    """Every sample lies within the plan's bounds of the true pose at the time that it states."""
    write_clip(ClipSettings("vredenmarkt", 40, tmp_path, pattern=Pattern.SWEEP, qp=30))
    records = load_records(tmp_path / "truth", "vredenmarkt")
    plan = json.loads((tmp_path / "PLAN.json").read_text())
    times = np.array([record.true_utc_s for record in records.values()])
    pans = np.unwrap(np.radians([record.middle.pan_deg for record in records.values()]))
    speed = plan["accuracy"]["max_speed_deg_s"] * plan["accuracy"]["time_s"]
    checked = 0
    for line in (tmp_path / "TELEMETRY.jsonl").read_text().splitlines():
        sample = json.loads(line)
        if times[0] <= sample["at_s"] <= times[-1]:
            true = float(np.degrees(np.interp(sample["at_s"], times, pans)))
            error = abs((sample["pan_deg"] - true + 180) % 360 - 180)
            assert error < plan["accuracy"]["pan_tilt_deg"] + speed
            assert sample["arrived_s"] >= sample["at_s"] - plan["accuracy"]["time_s"]
            checked += 1
    assert checked > 10
