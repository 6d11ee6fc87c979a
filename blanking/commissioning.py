"""The one exception to "only blanked pictures leave": pictures for drawing masks, reduced beyond recognition of detail, by permit.

Nothing else makes or takes them. `commissioning_frame` is the only maker: it asks the permit first, and what it gives holds at most
240 x 240 samples, each the mean of the pixels that it stands for, so that no finer detail can be recovered from a picture
(docs/decisions/0110-commissioning-view.md).
"""

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NoReturn, Self

import numpy as np
from numpy.typing import NDArray

from blanking.frames import Plane, RawFrame
from vms.model import COMMISSIONING_CEILING, COMMISSIONING_MOST_PX, PlacementId

LEAST_CELL_PX: Final = 4
"""Each sample is the mean of at least 4 x 4 pixels: a camera of low resolution is reduced as well."""

_STEP_OF: Final = {"yuv420p": 2, "yuvj420p": 2, "yuv444p": 1, "yuvj444p": 1}


class _Seal:
    """The right to make commissioning frames; one instance, used in this module alone."""


_SEAL_OF_COMMISSIONING = _Seal()


@dataclass(frozen=True, slots=True)
class ViewPermit:
    """Leave to reduce the pictures of one placement, for a short while. It says nothing by itself: `commissioning_frame` asks it each time.

    Args:
        from_at, until_at: when it counts, by the wall clock; at most 30 minutes.
        until_s: the same end by the monotonic clock, so that a clock that is set back lengthens nothing.
        fresh_until_s: by then it must have been read anew from the database, or it counts no more.
    """

    placement_id: PlacementId
    from_at: datetime
    until_at: datetime
    until_s: float
    fresh_until_s: float

    def __post_init__(self) -> None:
        if not self.from_at < self.until_at <= self.from_at + COMMISSIONING_CEILING:
            raise ValueError(f"a permit of {self.until_at - self.from_at} is no permit")
        if not (math.isfinite(self.until_s) and math.isfinite(self.fresh_until_s)):
            raise ValueError("a permit needs an end on the monotonic clock")

    def counts(self, placement_id: PlacementId, now_at: datetime, now_s: float) -> bool:
        """Return whether it counts for a placement at an instant of both clocks."""
        return (
            placement_id == self.placement_id
            and self.from_at <= now_at < self.until_at
            and now_s < min(self.until_s, self.fresh_until_s)
        )


class CommissioningFrame:
    """A picture for drawing masks, at most 240 x 240 samples.

    Only `commissioning_frame` makes it; no encoder, recorder or live feed takes it.

    Attributes:
        rgb: (rows, columns, 3) uint8 samples, read-only.
        width_px, height_px: of the picture that it was made of.
        captured_s: instant on the video's clock, seconds.
    """

    __slots__ = ("captured_s", "height_px", "rgb", "width_px")

    def __new__(cls, seal: object, **_fields: object) -> Self:
        """Refuse every maker but `commissioning_frame`."""
        if seal is not _SEAL_OF_COMMISSIONING:
            raise TypeError("only blanking.commissioning.commissioning_frame makes commissioning frames")
        return super().__new__(cls)

    def __init__(
        self, _seal: object, *, rgb: NDArray[np.uint8], width_px: int, height_px: int, captured_s: float
    ) -> None:
        if rgb.ndim != 3 or rgb.shape[2] != 3 or max(rgb.shape[:2]) > COMMISSIONING_MOST_PX:
            raise ValueError(f"a commissioning frame has at most {COMMISSIONING_MOST_PX} samples a side: {rgb.shape}")
        self.rgb = rgb
        self.width_px = width_px
        self.height_px = height_px
        self.captured_s = captured_s

    def __repr__(self) -> str:
        return f"<CommissioningFrame {self.rgb.shape[1]}x{self.rgb.shape[0]} at {self.captured_s:.3f} s>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a commissioning frame may not be pickled")

    def __reduce_ex__(self, _protocol: object) -> NoReturn:
        raise TypeError("a commissioning frame may not be pickled")

    def __copy__(self) -> NoReturn:
        raise TypeError("a commissioning frame may not be copied")

    def __deepcopy__(self, _memo: object) -> NoReturn:
        raise TypeError("a commissioning frame may not be copied")


def commissioning_frame(
    raw: RawFrame, permit: ViewPermit | None, placement_id: PlacementId, now_at: datetime, now_s: float
) -> CommissioningFrame | None:
    """Return the picture reduced to at most 240 samples a side; None without a permit that counts now. The planes are only read.

    Args:
        permit: as it was last read.
        placement_id: whose picture it is.
        now_at, now_s: the wall clock and the monotonic clock.
    """
    if permit is None or not permit.counts(placement_id, now_at, now_s):
        return None
    step = _STEP_OF.get(raw.pixel_format)
    if step is None:
        return None
    columns, rows = _grid(raw.width_px, raw.height_px)
    luma = _means(raw.planes[0], rows, columns)
    blue, red = (_means(plane, rows, columns) for plane in raw.planes[1:])
    rgb = _rgb(luma, blue, red, full_range=raw.full_range)
    rgb.flags.writeable = False
    return CommissioningFrame(
        _SEAL_OF_COMMISSIONING,
        rgb=rgb,
        width_px=raw.width_px,
        height_px=raw.height_px,
        captured_s=raw.captured_s,
    )


def _grid(width_px: int, height_px: int) -> tuple[int, int]:
    """Return how many columns and rows of samples a picture is reduced to."""
    cell_px = max(width_px / COMMISSIONING_MOST_PX, height_px / COMMISSIONING_MOST_PX, float(LEAST_CELL_PX))
    return max(1, int(width_px / cell_px)), max(1, int(height_px / cell_px))


def _means(plane: Plane, rows: int, columns: int) -> NDArray[np.float32]:
    """Return the mean over each cell of a plane: every sample of it counts in one cell, whole."""
    height, width = plane.shape
    tops = np.arange(rows) * height // rows
    lefts = np.arange(columns) * width // columns
    sums = np.add.reduceat(np.add.reduceat(plane, tops, axis=0, dtype=np.uint32), lefts, axis=1)
    counts = np.outer(np.diff(np.append(tops, height)), np.diff(np.append(lefts, width)))
    means: NDArray[np.float32] = (sums / counts).astype(np.float32)
    return means


def _rgb(
    luma: NDArray[np.float32], blue: NDArray[np.float32], red: NDArray[np.float32], *, full_range: bool
) -> NDArray[np.uint8]:
    """Return R, G and B (BT.709; the difference to other matrices does not matter for drawing)."""
    y = luma if full_range else (luma - 16.0) * (255.0 / 219.0)
    scale = 1.0 if full_range else 255.0 / 224.0
    u, v = (blue - 128.0) * scale, (red - 128.0) * scale
    channels = np.stack([y + 1.5748 * v, y - 0.1873 * u - 0.4681 * v, y + 1.8556 * u], axis=2)
    rgb: NDArray[np.uint8] = np.clip(np.rint(channels), 0, 255).astype(np.uint8)
    return rgb
