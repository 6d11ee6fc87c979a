"""Find dwelling pixels in finished pictures, by the simulator's truth and nothing of ours.

A pixel that truly shows a dwelling must be grey after decoding: |Y - 128| <= 20 and |U - 128|, |V - 128| <= 12. Burned pixels are exactly
128 before encoding; the encoder's ripple from a bright neighbour reaches 20 levels of luma at quantiser 24 within the first pixels of
a mask (facts/media.md section 3) and dies out after 16. There is no exception at edges: masks cover whole 16 x 16 blocks around
a dwelling. Real content differs from grey by far more than the ripple somewhere in any dwelling; a leak of 1 pixel counts.
"""

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sample_streams.timecode import read_code
from sample_streams.truth import FrameRecord, dwelling_mask, load_records, load_truth
from tests.ingest.watching import Planes

LUMA_RIPPLE = 20
CHROMA_RIPPLE = 12
MOST_CANDIDATES = 80


@dataclass(frozen=True)
class Picture:
    """A finished picture and when it says it was taken, seconds since 1970."""

    captured_s: float
    planes: Planes

    @property
    def all_grey(self) -> bool:
        """Whether nothing but grey is in it."""
        y, u, v = self.planes
        return bool(grey(y, LUMA_RIPPLE).all() and grey(u, CHROMA_RIPPLE).all() and grey(v, CHROMA_RIPPLE).all())


def grey(plane: NDArray[np.uint8], ripple: int) -> NDArray[np.bool_]:
    """Which samples are neutral grey, up to the codec's ripple."""
    return np.asarray(np.abs(plane.astype(np.int16) - 128) <= ripple)


@dataclass
class Findings:
    """What was found in many pictures."""

    checked: int = 0
    all_grey: int = 0
    unmatched: int = 0
    dwelling_pixels: int = 0
    leaks: list[tuple[int, int]] = field(default_factory=list)
    """Frame number and how many of its dwelling pixels show."""


class Inspector:
    """Match pictures to the truth and look at their dwelling pixels.

    Args:
        pictures: all that there are: those whose number can be read tell which frames the others, in between, may be.
    """

    def __init__(self, truth_dir: Path, camera: str, pictures: Iterable[Picture]) -> None:
        self._truth = load_truth(truth_dir, camera)
        self._records = load_records(truth_dir, camera)
        numbered = ((one.captured_s, record) for one in pictures if (record := self.record_of_code(one)) is not None)
        self._known = sorted((captured_s, record.frame) for captured_s, record in numbered)

    def inspect(self, pictures: Iterable[Picture]) -> Findings:
        """Look at every picture."""
        found = Findings()
        for picture in pictures:
            if picture.all_grey:
                found.all_grey += 1
                continue
            records = self._records_of(picture)
            if not records:
                found.unmatched += 1
                continue
            found.checked += 1
            leaks = []
            for record in records:
                mask = dwelling_mask(self._truth, record)
                leaks.append((record.frame, self.shown(picture.planes, mask)))
                if leaks[-1][1] == 0:
                    found.dwelling_pixels += int(mask.sum())
                    break
            else:
                found.leaks.append(min(leaks, key=lambda leak: leak[1]))
        return found

    @staticmethod
    def shown(planes: Planes, mask: NDArray[np.bool_]) -> int:
        """How many dwelling pixels are not grey."""
        y, u, v = planes
        if y.shape != mask.shape:
            return int(mask.sum())
        colours = grey(u, CHROMA_RIPPLE) & grey(v, CHROMA_RIPPLE)
        colours = np.repeat(np.repeat(colours, 2, axis=0), 2, axis=1)[: mask.shape[0], : mask.shape[1]]
        return int((mask & ~(grey(y, LUMA_RIPPLE) & colours)).sum())

    def record_of_code(self, picture: Picture) -> FrameRecord | None:
        """The truth of a picture by the number burned into it."""
        number = read_code(picture.planes[0])
        return None if number is None else self._records.get(number)

    def _records_of(self, picture: Picture) -> list[FrameRecord]:
        """The truth of a picture; several, the likeliest first, when its number is under a mask: it must be explained by one of them.

        Those between the numbers read before and after it: instants drift while a camera's clock is being learned, the order doesn't.
        """
        record = self.record_of_code(picture)
        if record is not None:
            return [record]
        if not self._known:
            return []
        after = bisect_left(self._known, (picture.captured_s, 0))
        first_s, first = self._known[max(0, after - 1)]
        last_s, last = self._known[min(after, len(self._known) - 1)]
        reach = MOST_CANDIDATES // 2 if after in {0, len(self._known)} else 0  # none read before it, or none after
        share = (picture.captured_s - first_s) / (last_s - first_s) if last_s > first_s else 0.0
        likeliest = first + share * (last - first)
        between = [number for number in range(first - reach, last + reach + 1) if number in self._records]
        between.sort(key=lambda number: abs(number - likeliest))
        return [self._records[number] for number in between[:MOST_CANDIDATES]]
