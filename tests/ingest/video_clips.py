"""Small clips made on the spot, and what comes back out of a file."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray


def scene(number: int, width: int, height: int) -> NDArray[np.uint8]:
    """Return a moving textured picture (rgb)."""
    rng = np.random.default_rng(7)
    tiles = rng.integers(30, 220, (height // 8 + 30, width // 8 + 30, 3), dtype=np.uint8).repeat(8, 0).repeat(8, 1)
    return np.ascontiguousarray(tiles[number % 40 : number % 40 + height, 2 * number % 160 : 2 * number % 160 + width])


def write_clip(
    path: Path, *, count: int = 30, size: tuple[int, int] = (160, 96), codec: str = "libx264", pixel_format: str = "yuv420p",
    options: dict[str, str] | None = None, pts: list[int] | None = None, rate: int = 25, pictures: Any = scene,
) -> Path:  # fmt: skip
    """Write a clip."""
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=rate)
        stream.width, stream.height, stream.pix_fmt = size[0], size[1], pixel_format
        stream.options = options if options is not None else {"qp": "4", "bf": "0", "g": "10"}
        stream.codec_context.thread_count = 1
        for number in range(count):
            frame = av.VideoFrame.from_ndarray(pictures(number, *size), "rgb24")
            frame.pts, frame.time_base = pts[number] if pts else number, Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def read_clip(path: Path) -> list[tuple[float, NDArray[np.uint8]]]:
    """Return (seconds, rgb picture) of each frame."""
    with av.open(str(path)) as container:
        return [(float(f.time or 0.0), f.to_ndarray(format="rgb24")) for f in container.decode(video=0)]
