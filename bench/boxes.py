"""What the peer is told to grey: boxes that FFmpeg's drawbox can draw, taken from what we greyed."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from blanking.blocks import BLOCK_PX
from blanking.decision import BlockRectangle

MOST_BOXES = 8
"""Each drawbox is a filter of its own; the peer is not made to carry a chain of fifty of them."""

Boxes = tuple[BlockRectangle, ...]


def merged(rectangles: Sequence[BlockRectangle], most: int = MOST_BOXES) -> Boxes:
    """Return at most so many boxes that cover the rectangles, joining first what adds the least area."""
    edges = np.array([(box.left, box.top, box.right, box.bottom) for box in rectangles], dtype=np.int64).reshape(-1, 4)
    while len(edges) > most:
        low, high = (
            np.minimum(edges[:, None, :2], edges[None, :, :2]),
            np.maximum(edges[:, None, 2:], edges[None, :, 2:]),
        )
        area = _area(edges)
        added = (high - low).prod(axis=2) - area[:, None] - area[None, :]
        np.fill_diagonal(added, np.iinfo(np.int64).max)
        i, j = np.unravel_index(np.argmin(added), added.shape)
        joined = np.concatenate((low[i, j], high[i, j]))
        inside = (edges[:, :2] >= joined[:2]).all(axis=1) & (edges[:, 2:] <= joined[2:]).all(axis=1)
        edges = np.vstack((edges[~inside], joined))
    return tuple(BlockRectangle(*(int(value) for value in edge)) for edge in edges)


def _area(edges: NDArray[np.int64]) -> NDArray[np.int64]:
    area: NDArray[np.int64] = (edges[:, 2:] - edges[:, :2]).prod(axis=1)
    return area


def share_of(boxes: Sequence[BlockRectangle], width_px: int, height_px: int) -> float:
    """Return the share of the picture that the boxes cover."""
    mask = np.zeros((-(-height_px // BLOCK_PX), -(-width_px // BLOCK_PX)), np.bool_)
    for box in boxes:
        mask[box.top : box.bottom, box.left : box.right] = True
    return float(mask.repeat(BLOCK_PX, 0)[:height_px].repeat(BLOCK_PX, 1)[:, :width_px].mean())


def standing(boxes: Boxes) -> str:
    """Return the filters that draw boxes which never move."""
    return ",".join(
        f"drawbox=x={box.left * BLOCK_PX}:y={box.top * BLOCK_PX}:w={(box.right - box.left) * BLOCK_PX}"
        f":h={(box.bottom - box.top) * BLOCK_PX}:color=gray:t=fill"
        for box in boxes
    )


def overlaid(boxes: Boxes, fps: float) -> tuple[str, ...]:
    """Return the arguments that lay a grey picture on each box: FFmpeg's cheaper way for boxes that never move."""
    inputs: list[str] = []
    chain, last = [], "0:v"
    for number, box in enumerate(boxes, 1):
        size = f"{(box.right - box.left) * BLOCK_PX}x{(box.bottom - box.top) * BLOCK_PX}"
        inputs += ["-f", "lavfi", "-i", f"color=c=gray:s={size}:r={fps:g}"]
        place = f"x={box.left * BLOCK_PX}:y={box.top * BLOCK_PX}"
        chain.append(f"[{last}][{number}:v]overlay={place}:shortest=1:format=yuv420[o{number}]")
        last = f"o{number}"
    return (*inputs, "-filter_complex", ";".join(chain), "-map", f"[{last}]")


def moving(per_frame: Sequence[Boxes], fps: float, commands: Path) -> str:
    """Write the commands that move the boxes from frame to frame; return the filters.

    The peer is thus handed for nothing what costs us telemetry, geometry and a decision for every frame.
    """
    names = [f"drawbox@b{i}" for i in range(max(len(boxes) for boxes in per_frame))]
    lines = []
    for number, boxes in enumerate(per_frame):
        words = []
        for i, name in enumerate(names):
            # A box that is not needed waits outside the picture: a width of 0 would mean the whole picture's.
            box = boxes[i] if i < len(boxes) else BlockRectangle(-2, -2, -1, -1)
            values = {
                "x": box.left * BLOCK_PX,
                "y": box.top * BLOCK_PX,
                "w": (box.right - box.left) * BLOCK_PX,
                "h": (box.bottom - box.top) * BLOCK_PX,
            }
            words += [f"{name} {key} {value}" for key, value in values.items()]
        lines.append(f"{(number - 0.5) / fps:.4f} {', '.join(words)};" if number else f"0.0 {', '.join(words)};")
    commands.write_text("\n".join(lines) + "\n", encoding="ascii")
    drawers = ",".join(f"{name}=x=-32:y=-32:w=16:h=16:color=gray:t=fill" for name in names)
    return f"sendcmd=f={commands},{drawers}"
