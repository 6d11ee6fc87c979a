"""The one exception to "only blanked pictures leave": made in one place, by permit, without detail, and taken by nothing else."""

import ast
import copy
import pickle
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from blanking.burn import BufferPool, burn
from blanking.commissioning import CommissioningFrame, ViewPermit, commissioning_frame
from blanking.decision import Blank
from blanking.frames import RawFrame
from ingest.encoder import PictureEncoder
from tests.blanking.conftest import raw_frame
from vms.model import PlacementId

ROOT = Path(__file__).parents[2]
PRODUCT = ("vms", "ingest", "blanking", "retention", "api", "config")
HERE = PlacementId("neude")
NOON = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)


def permit(minutes: float = 30.0, *, until_s: float = 5000.0, fresh_until_s: float = 5000.0) -> ViewPermit:
    """A permit from noon on; the monotonic clock stands at 1000 then."""
    return ViewPermit(HERE, NOON, NOON + timedelta(minutes=minutes), until_s, fresh_until_s)


def picture(luma: NDArray[np.uint8]) -> RawFrame:
    """A raw frame with this brightness."""
    frame = raw_frame(width=luma.shape[1], height=luma.shape[0])
    frame.planes = (luma, *frame.planes[1:])
    return frame


def look(raw: RawFrame) -> CommissioningFrame:
    """Reduce under a permit that counts."""
    frame = commissioning_frame(raw, permit(), HERE, NOON, 1000.0)
    assert frame is not None
    return frame


def test_a_picture_has_at_most_240_samples_a_side_whatever_its_size_and_format() -> None:
    """Standing cameras, odd sizes and 4:4:4 too."""
    for width, height, pixel_format in [
        (1920, 1080, "yuv420p"),
        (1080, 1920, "yuvj420p"),
        (3840, 2160, "yuv420p"),
        (1281, 721, "yuv420p"),
        (640, 360, "yuv420p"),
        (320, 240, "yuv420p"),
        (2, 2, "yuv420p"),
    ]:
        frame = look(raw_frame(width=width, height=height, pixel_format=pixel_format))
        rows, columns, channels = frame.rgb.shape
        assert max(rows, columns) <= 240
        assert columns <= max(1, width // 4)
        assert channels == 3
        assert (frame.width_px, frame.height_px) == (width, height)


def test_detail_finer_than_a_sample_is_gone_not_hidden() -> None:
    """Two pictures that differ only within the cells give the very same samples: nothing can bring back what told them apart."""
    rng = np.random.default_rng(1)
    cells = rng.integers(40, 200, (135, 240), dtype=np.uint8)
    plain = np.repeat(np.repeat(cells, 8, axis=0), 8, axis=1)
    detail = plain.reshape(135, 8, 240, 8).copy()
    detail[:, ::2, :, ::2] += 30
    detail[:, 1::2, :, 1::2] -= 30
    face = detail.reshape(1080, 1920)
    assert (face != plain).mean() > 0.4
    assert np.array_equal(look(picture(face)).rgb, look(picture(plain)).rgb)


def test_every_pixel_counts_in_exactly_one_sample() -> None:
    """Overlapping cells would let two samples be subtracted to get at what lies between them."""
    base = look(picture(np.full((1080, 1920), 100, np.uint8))).rgb
    for row, column in [(0, 0), (7, 8), (8, 7), (539, 961), (1079, 1919)]:
        luma = np.full((1080, 1920), 100, np.uint8)
        luma[max(0, row - 3) : row + 1, max(0, column - 3) : column + 1] = 255
        changed = (look(picture(luma)).rgb != base).any(axis=2)
        assert 1 <= changed.sum() <= 4
    luma = np.full((1080, 1920), 100, np.uint8)
    luma[8:16, 16:24] = 255
    assert (look(picture(luma)).rgb != base).any(axis=2).sum() == 1


def test_colours_and_brightness_are_those_of_the_scene() -> None:
    """Roof or sky: who draws has to see which."""
    frame = raw_frame(width=640, height=360)
    frame.planes = (
        np.full((360, 640), 63, np.uint8),
        np.full((180, 320), 102, np.uint8),
        np.full((180, 320), 240, np.uint8),
    )
    assert np.abs(look(frame).rgb.reshape(-1, 3).mean(axis=0) - [255, 1, 0]).max() < 8


@pytest.mark.parametrize(
    ("given", "place", "now_at", "now_s"),
    [
        (None, HERE, NOON, 1000.0),
        (permit(), PlacementId("elsewhere"), NOON, 1000.0),
        (permit(), HERE, NOON - timedelta(seconds=1), 1000.0),
        (permit(10), HERE, NOON + timedelta(minutes=10), 1000.0),
        (permit(until_s=1600.0), HERE, NOON, 1600.0),
        (permit(fresh_until_s=1003.0), HERE, NOON, 1003.0),
    ],
    ids=["none", "another placement", "too early", "over", "over by the clock that can't be set", "not read again"],
)
def test_without_a_permit_that_counts_there_is_no_picture(
    given: ViewPermit | None, place: PlacementId, now_at: datetime, now_s: float
) -> None:
    """The one function that makes such pictures asks by itself; nobody can forget to."""
    assert commissioning_frame(raw_frame(), given, place, now_at, now_s) is None


def test_a_clock_that_is_set_back_lengthens_nothing() -> None:
    """Half an hour is half an hour of the clock that nobody can set, too."""
    given = permit(until_s=2800.0)
    assert commissioning_frame(raw_frame(), given, HERE, NOON, 2799.0) is not None
    assert commissioning_frame(raw_frame(), given, HERE, NOON, 2800.0) is None


@pytest.mark.parametrize("minutes", [0.0, -1.0, 30.001, 24 * 60.0])
def test_a_permit_longer_than_half_an_hour_does_not_exist(minutes: float) -> None:
    """Whoever wrote it into the database."""
    with pytest.raises(ValueError, match="no permit"):
        permit(minutes)


def test_an_unknown_pixel_format_gives_no_picture() -> None:
    """In doubt nothing."""
    assert commissioning_frame(raw_frame(pixel_format="nv12"), permit(), HERE, NOON, 1000.0) is None


def test_a_commissioning_frame_cannot_be_made_without_the_seal_nor_travel() -> None:
    """The type is the promise."""
    with pytest.raises(TypeError):
        CommissioningFrame(object(), rgb=np.zeros((1, 1, 3), np.uint8))  # type: ignore[call-arg]  # that is the point
    frame = look(raw_frame())
    for leave in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            leave(frame)
    assert "235" not in repr(frame)
    with pytest.raises(ValueError, match="read-only"):
        frame.rgb[0, 0, 0] = 1


def test_no_encoder_takes_a_commissioning_frame_and_no_burner() -> None:
    """What records and what shows live is made by the encoder alone, of blanked frames alone."""
    frame = look(raw_frame())
    assert not isinstance(frame, RawFrame)
    with pytest.raises(TypeError, match="only blanked frames"):
        PictureEncoder(qp=24, gop_frames=10).encode(frame, 0)  # type: ignore[arg-type]  # that is the point
    with pytest.raises((TypeError, AttributeError)):
        burn(frame, Blank((), 0.0), BufferPool())  # type: ignore[arg-type]  # that is the point


def _named(tree: ast.AST) -> Iterator[str]:
    """Yield every name that a module uses, imports or reaches through an attribute."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.alias):
            yield node.name.rsplit(".", 1)[-1]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_one_module_makes_commissioning_frames_and_one_takes_them() -> None:
    """The syntax tree of the whole product is searched: a second maker, or a second taker, is a second way out."""
    may = {
        "_SEAL_OF_COMMISSIONING": {"blanking/commissioning.py"},
        "CommissioningFrame": {"blanking/commissioning.py", "ingest/commissioning.py"},
        "commissioning_frame": {"blanking/commissioning.py", "ingest/commissioning.py"},
        "ViewPermit": {"blanking/commissioning.py", "ingest/commissioning.py"},
        "CommissioningPicture": {
            "vms/bus/commissioning.py",
            "ingest/commissioning.py",
            "api/commissioning/socket.py",
        },
        "CommissioningTap": {
            "ingest/commissioning.py",
            "ingest/masked.py",
            "ingest/pipeline.py",
            "ingest/worker.py",
        },
    }
    found: dict[str, set[str]] = {name: set() for name in may}
    for room in PRODUCT:
        for path in (ROOT / room).rglob("*.py"):
            for name in set(_named(ast.parse(path.read_text(encoding="utf-8")))) & may.keys():
                found[name].add(path.relative_to(ROOT).as_posix())
    assert found == may


def test_the_taker_gives_pictures_to_the_commissioning_channel_only() -> None:
    """It imports neither encoder, nor recorder, nor live feed, nor anything that writes files."""
    for name in ("ingest/commissioning.py", "vms/bus/commissioning.py", "api/commissioning/socket.py"):
        tree = ast.parse((ROOT / name).read_text(encoding="utf-8"))
        imported = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)} | {
            alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
        }
        assert not {
            module
            for module in imported
            if module.startswith(("vms.footage", "ingest.encoder", "ingest.live", "ingest.output", "vms.bus.messages"))
            or module in {"av", "cv2", "io", "tempfile", "shutil"}
        }, name
        calls = {
            node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        assert "open" not in calls
        assert not {"write_bytes", "write_text", "save", "tofile"} & set(_named(tree))
