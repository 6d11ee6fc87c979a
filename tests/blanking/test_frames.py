"""The two kinds of frame."""

import ast
import copy
import pickle
from pathlib import Path

import numpy as np
import pytest

from blanking.blocks import empty_mask
from blanking.burn import BufferPool, UnburnableFrameError, burn, grey_frame
from blanking.decision import Blank, BlankAll, BlockRectangle, GreyReason, PoseSource
from blanking.frames import BlankedFrame
from tests.blanking.conftest import raw_frame

ROOT = Path(__file__).parents[2]
PRODUCT = ("vms", "ingest", "blanking", "retention", "api", "config")


def test_only_one_module_makes_blanked_frames() -> None:
    """Whoever else could make one could let a dwelling out; the syntax tree of the whole product is searched."""
    offenders = []
    for room in PRODUCT:
        for path in (ROOT / room).rglob("*.py"):
            name = path.relative_to(ROOT).as_posix()
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                called = getattr(getattr(node, "func", None), "id", None) or getattr(
                    getattr(node, "func", None), "attr", None
                )
                makes = called == "BlankedFrame" and name != "blanking/burn.py"
                sealed = "_SEAL" in {getattr(node, "id", None), getattr(node, "attr", None)} | {
                    alias.name for alias in getattr(node, "names", []) if isinstance(alias, ast.alias)
                }
                if makes or (sealed and name not in {"blanking/burn.py", "blanking/frames.py"}):
                    offenders.append(name)
    assert offenders == []


def test_a_blanked_frame_cannot_be_made_without_the_seal() -> None:
    """The type is the promise."""
    with pytest.raises(TypeError):
        BlankedFrame(object(), buffer=np.zeros((6, 4), np.uint8))  # type: ignore[arg-type,call-arg]  # that is the point


def test_a_raw_frame_shows_no_pixels_and_does_not_travel() -> None:
    """Logs, crash reports and queues between processes must not carry dwellings."""
    frame = raw_frame()
    assert "235" not in repr(frame)
    for leave in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            leave(frame)


def test_burning_greys_all_three_planes_and_leaves_the_rest() -> None:
    """A mask in the brightness plane only leaves faces readable in colour."""
    raw = raw_frame(width=70, height=50)
    frame = burn(raw, Blank((BlockRectangle(1, 1, 3, 2),), 5.0, PoseSource.FIXED), BufferPool())
    flat = frame.buffer.reshape(-1)
    luma, u, v = flat[:3500].reshape(50, 70), flat[3500:4375].reshape(25, 35), flat[4375:].reshape(25, 35)
    grey = np.zeros((50, 70), dtype=bool)
    grey[16:32, 16:48] = True
    assert (luma == np.where(grey, 128, 235)).all()
    assert (u == np.where(grey[::2, ::2], 128, 90)).all()
    assert (v == np.where(grey[::2, ::2], 128, 200)).all()
    assert frame.grey_rel == pytest.approx(512 / 3500)
    assert (raw.planes[0] == 235).all()


@pytest.mark.parametrize("size", [(71, 50), (70, 51), (71, 51)])
def test_odd_sizes_have_no_unmasked_strip(size: tuple[int, int]) -> None:
    """4:2:0 cannot hold odd sizes: a whole-frame mask must reach the last row and column in every plane."""
    width, height = size
    mask = empty_mask(width, height)
    frame = burn(
        raw_frame(width=width, height=height),
        Blank((BlockRectangle(0, 0, mask.shape[1], mask.shape[0]),), 0.0, PoseSource.FIXED),
        BufferPool(),
    )
    assert frame.pixel_format == "yuv444p"
    assert frame.buffer.shape == (height * 3, width)
    assert (frame.buffer == 128).all()


def test_planes_of_other_shapes_are_refused() -> None:
    """A plane smaller than promised would leave stale samples of an older frame behind."""
    raw = raw_frame()
    raw.planes = (raw.planes[0][:-1], raw.planes[1], raw.planes[2])
    with pytest.raises(UnburnableFrameError):
        burn(raw, Blank((), 0.0, PoseSource.FIXED), BufferPool())


def test_a_buffer_in_use_is_never_reused() -> None:
    """A frame that waits for its encoder must not change under it."""
    pool = BufferPool()
    first = burn(raw_frame(), Blank((), 0.0, PoseSource.FIXED), pool)
    held = first.buffer[:10]
    second = burn(raw_frame(), Blank((), 0.0, PoseSource.FIXED), pool)
    assert not np.shares_memory(first.buffer, second.buffer)
    del first
    third = burn(raw_frame(), Blank((), 0.0, PoseSource.FIXED), pool)
    assert not np.shares_memory(held, third.buffer)


def test_a_buffer_that_nobody_holds_is_reused() -> None:
    """A fresh buffer for each 1080p frame costs more than deciding what to grey."""
    pool = BufferPool()
    first = burn(raw_frame(), Blank((), 0.0, PoseSource.FIXED), pool)
    address = first.buffer.ctypes.data
    second = burn(raw_frame(), Blank((), 0.0, PoseSource.FIXED), pool)
    del first
    third = burn(raw_frame(), Blank((), 0.0, PoseSource.FIXED), pool)
    assert third.buffer.ctypes.data == address
    assert second.buffer.ctypes.data != address


def test_a_grey_frame_has_the_plan_s_size_and_reads_no_pixel() -> None:
    """A camera that changes its profile must not change what leaves."""
    frame = grey_frame(raw_frame(3.5, width=32, height=32), 64, 48, GreyReason.SIZE_MISMATCH)
    assert frame.buffer.shape == (72, 64)
    assert (frame.buffer == 128).all()
    assert frame.captured_s == 3.5
    assert frame.decision == BlankAll(GreyReason.SIZE_MISMATCH)
