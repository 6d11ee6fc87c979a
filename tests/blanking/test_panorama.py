"""The panorama: of blanked pictures only, in the right directions, and greyed by the plan that counts."""

import dataclasses

import numpy as np
import pytest
from numpy.typing import NDArray

from blanking.blocks import BLOCK_PX
from blanking.burn import BufferPool, burn, grey_frame
from blanking.decision import Blank, BlockRectangle, GreyReason, PoseSource
from blanking.frames import BlankedFrame
from blanking.panorama import COLUMNS, LEFT_DEG, ROWS, STEP_DEG, TOP_DEG, Panorama, masked_cells
from blanking.plan_values import Accuracy, CameraModel, DirectionMask, DirectionPlan
from blanking.sphere import SphericalPolygon, directions
from tests.blanking.conftest import raw_frame

WIDTH, HEIGHT = 640, 368
MODEL = CameraModel(zoom_hfov_deg=((0.0, 60.0), (1.0, 6.0)))
ACCURACY = Accuracy(pan_tilt_deg=0.1, zoom_rel=0.01, time_s=0.01, exposure_s=0.01)


def plan(*masks: tuple[tuple[float, float], ...], model: CameraModel = MODEL) -> DirectionPlan:
    """A plan with these masks."""
    return DirectionPlan(
        WIDTH, HEIGHT, model, ACCURACY, tuple(DirectionMask(f"m{index}", ring) for index, ring in enumerate(masks))
    )


def picture(luma: NDArray[np.uint8] | int = 200, *blocks: BlockRectangle) -> BlankedFrame:
    """A blanked picture of this brightness, without colour."""
    raw = raw_frame(width=WIDTH, height=HEIGHT)
    grey = np.full((HEIGHT // 2, WIDTH // 2), 128, np.uint8)
    raw.planes = (np.full((HEIGHT, WIDTH), luma, np.uint8) if isinstance(luma, int) else luma, grey, grey)
    return burn(raw, Blank(blocks, 0.0, PoseSource.INTERPOLATED), BufferPool())


def cell(azimuth_deg: float, elevation_deg: float) -> tuple[int, int]:
    """The cell of a direction."""
    return int((TOP_DEG - elevation_deg) / STEP_DEG), int((azimuth_deg - LEFT_DEG) / STEP_DEG) % COLUMNS


def test_only_blanked_frames_go_into_it() -> None:
    """A raw frame is refused, and a wholly grey one teaches nothing."""
    whole = Panorama()
    with pytest.raises(TypeError, match="blanked"):
        whole.add(raw_frame(width=WIDTH, height=HEIGHT), plan(), (0.0, 0.0, 0.0))  # type: ignore[arg-type]  # that is the point
    raw = raw_frame(width=WIDTH, height=HEIGHT)
    assert whole.add(grey_frame(raw, WIDTH, HEIGHT, GreyReason.POSE_LATE), plan(), (0.0, 0.0, 0.0)) == 0
    assert (whole.rgb == 128).all()
    assert not whole.seen.any()


@pytest.mark.parametrize(
    ("pose", "model", "middle"),
    [
        ((30.0, -10.0, 0.0), MODEL, (30.0, -10.0)),
        ((179.0, -10.0, 0.0), MODEL, (179.0, -10.0)),
        ((30.0, -10.0, 0.0), dataclasses.replace(MODEL, mount_pan_deg=20.0), (50.0, -10.0)),
        ((30.0, -10.0, 0.0), dataclasses.replace(MODEL, pan_scale=-1.0), (-30.0, -10.0)),
        ((30.0, -10.0, 0.0), dataclasses.replace(MODEL, tilt_scale=-1.0, tilt_offset_deg=-25.0), (30.0, -15.0)),
        ((0.0, -80.0, 0.5), MODEL, (0.0, -80.0)),
    ],
)
def test_what_is_seen_lies_where_the_camera_looked(
    pose: tuple[float, float, float], model: CameraModel, middle: tuple[float, float]
) -> None:
    """The four quarters of the picture, around the direction of its middle; nothing on the other side of the world."""
    luma = np.full((HEIGHT, WIDTH), 60, np.uint8)
    luma[: HEIGHT // 2, : WIDTH // 2] = 90
    luma[: HEIGHT // 2, WIDTH // 2 :] = 160
    luma[HEIGHT // 2 :, WIDTH // 2 :] = 220
    whole = Panorama()
    assert whole.add(picture(luma), plan(model=model), pose) > 100
    azimuth, elevation = middle
    aside = 3.0 / np.cos(np.radians(elevation))
    shown = [
        int(whole.rgb[cell(azimuth + dx * aside, elevation + dy * 3.0)][1])
        for dx, dy in ((-1, 1), (1, 1), (-1, -1), (1, -1))
    ]
    expected = [round((value - 16) * 255 / 219) for value in (90, 160, 60, 220)]
    assert np.abs(np.array(shown) - expected).max() <= 12
    assert not whole.seen[cell(azimuth + 180.0, min(elevation + 60, 20))]


def test_what_is_masked_in_the_picture_stays_grey_with_its_surroundings() -> None:
    """A cell beside a mask may hold a mean over its edge."""
    block = BlockRectangle(16, 10, 24, 14)
    whole = Panorama()
    whole.add(picture(200), plan(), (0.0, 0.0, 0.0))
    before = whole.seen.sum()
    whole.add(picture(200, block), plan(), (0.0, 0.0, 0.0))
    assert whole.seen.sum() < before
    lit = (whole.rgb[..., 0] != 128) & whole.seen
    assert (lit == whole.seen).all()
    focal_px = WIDTH / 2 / np.tan(np.radians(30.0))
    for row, column in zip(*np.nonzero(whole.seen), strict=True):
        azimuth = np.radians(LEFT_DEG + (column + 0.5) * STEP_DEG)
        elevation = np.radians(TOP_DEG - (row + 0.5) * STEP_DEG)
        x = WIDTH / 2 + focal_px * np.tan(azimuth)
        y = HEIGHT / 2 - focal_px * np.tan(elevation) / np.cos(azimuth)
        inside = (
            block.left * BLOCK_PX <= x < block.right * BLOCK_PX and block.top * BLOCK_PX <= y < block.bottom * BLOCK_PX
        )
        assert not inside


@pytest.mark.parametrize(
    "ring",
    [
        ((10.0, -3.0), (14.0, -3.0), (14.0, 2.0), (10.0, 2.0)),
        ((178.0, -3.0), (-178.0, -3.0), (-178.0, 2.0), (178.0, 2.0)),
        ((20.05, -5.05), (20.15, -5.05), (20.15, -4.95), (20.05, -4.95)),
        ((0.0, -86.0), (90.0, -86.0), (180.0, -86.0), (-90.0, -86.0)),
        ((-30.0, -70.0), (-20.0, -70.0), (-20.0, -60.0), (-30.0, -60.0)),
    ],
    ids=["plain", "across 180 degrees", "smaller than a cell", "around the nadir", "steep"],
)
def test_every_mask_is_grey_with_an_ample_margin(ring: tuple[tuple[float, float], ...]) -> None:
    """Measured against all directions within a degree of any point of the mask, by arithmetic of the test's own."""
    whole = Panorama(np.full((ROWS, COLUMNS, 3), 200, np.uint8), np.ones((ROWS, COLUMNS), bool))
    masked = plan(ring)
    whole.grey(masked)
    assert (whole.rgb == 128).any()
    assert (whole.rgb == 200).any()
    corners = np.array([(np.cos(e) * np.sin(a), -np.sin(e), np.cos(e) * np.cos(a)) for a, e in np.radians(ring)])
    rng = np.random.default_rng(1)
    for _ in range(400):
        point = rng.dirichlet(np.ones(len(corners))) @ corners
        point += rng.normal(size=3) * 0.004
        point /= np.linalg.norm(point)
        azimuth, elevation = np.degrees([np.arctan2(point[0], point[2]), np.arcsin(-point[1])])
        assert (whole.rgb[cell(azimuth, max(elevation, -89.9))] == 128).all(), (azimuth, elevation)
    assert masked_cells(masked).mean() < 0.2


@pytest.mark.parametrize("term", ["drawing_deg", "parallax_deg"])
def test_an_outline_that_may_be_off_hides_more(term: str) -> None:
    """Two degrees of it are four cells at each side."""
    exact = plan(((-5.0, -5.0), (5.0, -5.0), (5.0, 5.0), (-5.0, 5.0)))
    vague = dataclasses.replace(exact, accuracy=dataclasses.replace(ACCURACY, **{term: 2.0}))
    _, right = cell(5.0, 0.0)
    row = cell(0.0, 0.0)[0]
    ends = [int(np.nonzero(masked_cells(one)[row])[0].max()) - right for one in (exact, vague)]
    assert ends[1] - ends[0] == 4


def test_a_mask_that_is_taken_away_shows_nothing_until_it_is_seen_again() -> None:
    """What was greyed is gone, not hidden: a looser plan can't bring it back."""
    ring = ((-5.0, -5.0), (5.0, -5.0), (5.0, 5.0), (-5.0, 5.0))
    whole = Panorama()
    whole.add(picture(200), plan(), (0.0, 0.0, 0.0))
    assert whole.seen[cell(0.0, 0.0)]
    whole.grey(plan(ring))
    whole.grey(plan())
    assert not whole.seen[cell(0.0, 0.0)]
    assert (whole.rgb[cell(0.0, 0.0)] == 128).all()
    whole.add(picture(200), plan(), (0.0, 0.0, 0.0))
    assert whole.seen[cell(0.0, 0.0)]


def test_masks_are_worked_out_once_a_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each picture is greyed again; working the cells of sixty masks out again each time took a whole core from the pictures."""
    ring = ((-5.0, -5.0), (5.0, -5.0), (5.0, 5.0), (-5.0, 5.0))
    asked: list[DirectionPlan] = []

    def counted(one: DirectionPlan) -> NDArray[np.bool_]:
        asked.append(one)
        return masked_cells(one)

    monkeypatch.setattr("blanking.panorama.masked_cells", counted)
    whole, first = Panorama(), plan(ring)
    for azimuth_deg in (0.0, 20.0, 40.0):
        whole.add(picture(200), first, (azimuth_deg, 0.0, 0.0))
        whole.grey(first)
        assert not whole.seen[cell(0.0, 0.0)]
    assert asked == [first]
    wider = dataclasses.replace(first, accuracy=dataclasses.replace(ACCURACY, drawing_deg=2.0))
    whole.grey(wider)
    assert asked == [first, wider], "of the same version, made wider by a re-check"


def test_only_the_cells_around_a_mask_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small mask must not cost a look at the whole sphere: a city has hundreds."""
    looked: list[int] = []
    contains = SphericalPolygon.contains

    def counted(self: SphericalPolygon, points: NDArray[np.float64]) -> NDArray[np.bool_]:
        looked.append(len(points))
        return contains(self, points)

    monkeypatch.setattr(SphericalPolygon, "contains", counted)
    masked_cells(plan(((10.0, -3.0), (14.0, -3.0), (14.0, 2.0), (10.0, 2.0))))
    assert sum(looked) < ROWS * COLUMNS / 100


@pytest.mark.parametrize(
    "ring",
    [
        ((-170.0, -80.0), (-80.0, 5.0), (0.0, 20.0), (80.0, 5.0), (170.0, -80.0)),
        ((0.0, -5.0), (100.0, -5.0), (100.0, 20.0), (50.0, -40.0)),
        ((178.0, -3.0), (-178.0, -3.0), (-178.0, 2.0), (178.0, 2.0)),
    ],
    ids=["nearly half a sphere", "wide and hollow", "across 180 degrees"],
)
def test_no_cell_inside_a_mask_is_left_out(ring: tuple[tuple[float, float], ...]) -> None:
    """Whatever is spared, what is inside by the polygon itself is hidden."""
    azimuths_deg = LEFT_DEG + (np.arange(COLUMNS) + 0.5) * STEP_DEG
    elevations_deg = TOP_DEG - (np.arange(ROWS) + 0.5) * STEP_DEG
    middles = directions([(azimuth, elevation) for elevation in elevations_deg for azimuth in azimuths_deg])
    inside = SphericalPolygon(directions(ring)).contains(middles).reshape(ROWS, COLUMNS)
    assert inside.any()
    assert masked_cells(plan(ring))[inside].all()
