"""The two kinds of picture: one that shows dwellings, and one that cannot.

They are different types so that nothing which writes or shows pictures can be handed a raw one (docs/decisions/0010).
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import NoReturn, Self

import numpy as np
from numpy.typing import NDArray

from blanking.decision import Decision

Plane = NDArray[np.uint8]
UNSPECIFIED = 2
"""In ITU-T H.273: not told; whoever shows the picture assumes something."""


class Fields(StrEnum):
    """Which lines of an interlaced picture were taken first."""

    TOP_FIRST = "top-first"
    BOTTOM_FIRST = "bottom-first"


@dataclass(frozen=True, slots=True)
class VideoSignal:
    """What a picture says of how it is to be shown. Its samples are carried through as they are, so this must be too.

    Args:
        matrix, primaries, transfer: numbers of ITU-T H.273.
        aspect: width and height of a sample, None where not told.
        orientation: the display matrix (nine numbers as in an MP4 track header) by which the picture is turned or mirrored.
        fields: of an interlaced picture; None: its lines are all of one instant.
    """

    matrix: int = UNSPECIFIED
    primaries: int = UNSPECIFIED
    transfer: int = UNSPECIFIED
    aspect: tuple[int, int] | None = None
    orientation: tuple[int, ...] | None = None
    fields: Fields | None = None


PLAIN = VideoSignal()
"""A picture that says nothing of itself."""


def is_subsampled(width_px: int, height_px: int) -> bool:
    """Tell whether blanked pictures of this size are 4:2:0; odd sizes are 4:4:4, so that no row or column is lost."""
    return width_px % 2 == 0 and height_px % 2 == 0


def plane_views(buffer: Plane, width_px: int, height_px: int) -> tuple[Plane, Plane, Plane]:
    """Return Y, U and V of a blanked picture's contiguous buffer, as views of their own sizes."""
    step = 2 if is_subsampled(width_px, height_px) else 1
    samples = buffer.reshape(-1)
    luma, chroma = width_px * height_px, (width_px // step) * (height_px // step)
    shape = (height_px // step, width_px // step)
    return (
        samples[:luma].reshape(height_px, width_px),
        samples[luma : luma + chroma].reshape(shape),
        samples[luma + chroma : luma + 2 * chroma].reshape(shape),
    )


class RawFrame:
    """A decoded picture that may show dwellings.

    It keeps views on the decoder's own planes: never write through them, they are references of later pictures. It shows no
    pixels in logs and cannot be pickled, so that it cannot leave the process by accident.

    Args:
        planes: Y, U and V as (rows, columns) uint8 views without the padding of the lines.
        width_px: width of the Y plane.
        height_px: height of the Y plane.
        pixel_format: FFmpeg's name; anything but yuv420p, yuvj420p, yuv444p, yuvj444p becomes a grey frame.
        captured_s: instant of the middle of the exposure on the video's clock, seconds.
        pts: the container's time stamp, carried along unseen.
        owner: what owns the memory of the planes; kept alive as long as this frame.
        full_range: samples use 0..255 although the format's name does not say so.
        signal: how it is to be shown.
    """

    __slots__ = (
        "captured_s",
        "full_range",
        "height_px",
        "owner",
        "pixel_format",
        "planes",
        "pts",
        "signal",
        "width_px",
    )

    def __init__(
        self,
        *,
        planes: tuple[Plane, Plane, Plane],
        width_px: int,
        height_px: int,
        pixel_format: str,
        captured_s: float,
        pts: int | None = None,
        owner: object = None,
        full_range: bool = False,
        signal: VideoSignal = PLAIN,
    ) -> None:
        self.planes = planes
        self.width_px = width_px
        self.height_px = height_px
        self.pixel_format = pixel_format
        self.captured_s = captured_s
        self.pts = pts
        self.owner = owner
        self.full_range = full_range or pixel_format.startswith("yuvj")
        self.signal = signal

    def __repr__(self) -> str:
        return f"<RawFrame {self.width_px}x{self.height_px} {self.pixel_format} at {self.captured_s:.3f} s>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a raw frame may not leave its process")

    def __reduce_ex__(self, _protocol: object) -> NoReturn:
        raise TypeError("a raw frame may not leave its process")

    def __copy__(self) -> NoReturn:
        raise TypeError("a raw frame may not be copied")

    def __deepcopy__(self, _memo: object) -> NoReturn:
        raise TypeError("a raw frame may not be copied")


class _Seal:
    """The right to make blanked frames; one instance, used by `blanking.burn` alone."""


_SEAL = _Seal()


class BlankedFrame:
    """A picture in which every mask of its decision is grey. Only `blanking.burn` makes it.

    Attributes:
        buffer: contiguous uint8 samples: (height * 3 / 2, width) as I420 for even sizes, (height * 3, width) as I444 for odd
            ones. Its rows alone do not tell a library the height of the picture: hand over `planes`. Read-only by contract.
        pixel_format: yuv420p, yuvj420p, yuv444p or yuvj444p.
        captured_s: instant on the video's clock, seconds.
        pts: the raw frame's time stamp.
        decision: what was greyed.
        grey_rel: share of the picture that is grey, 0..1.
        signal: how it is to be shown; a grey picture keeps it too, so that the stream goes on unchanged.
    """

    __slots__ = ("buffer", "captured_s", "decision", "full_range", "grey_rel", "height_px", "pts", "signal", "width_px")

    def __new__(cls, seal: object, **_fields: object) -> Self:
        """Refuse every maker but `blanking.burn`."""
        if seal is not _SEAL:
            raise TypeError("only blanking.burn makes blanked frames")
        return super().__new__(cls)

    def __init__(
        self,
        _seal: object,
        *,
        buffer: Plane,
        width_px: int,
        height_px: int,
        captured_s: float,
        pts: int | None,
        full_range: bool,
        decision: Decision,
        grey_rel: float,
        signal: VideoSignal = PLAIN,
    ) -> None:
        self.buffer = buffer
        self.width_px = width_px
        self.height_px = height_px
        self.captured_s = captured_s
        self.pts = pts
        self.full_range = full_range
        self.decision = decision
        self.grey_rel = grey_rel
        self.signal = signal

    @property
    def pixel_format(self) -> str:
        """Return FFmpeg's name of the buffer's layout."""
        layout = "420p" if is_subsampled(self.width_px, self.height_px) else "444p"
        return ("yuvj" if self.full_range else "yuv") + layout

    @property
    def planes(self) -> tuple[Plane, Plane, Plane]:
        """Return Y, U and V as views on the buffer, each of its own size."""
        return plane_views(self.buffer, self.width_px, self.height_px)

    def __repr__(self) -> str:
        return f"<BlankedFrame {self.width_px}x{self.height_px} at {self.captured_s:.3f} s, {self.grey_rel:.0%} grey>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a frame may not leave its process unencoded")

    def __reduce_ex__(self, _protocol: object) -> NoReturn:
        raise TypeError("a frame may not leave its process unencoded")
