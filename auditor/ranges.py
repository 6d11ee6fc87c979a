"""Sets of whole numbers as closed ranges: segment numbers, and microseconds of footage."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator


class Ranges:
    """A set of whole numbers that lie together mostly.

    Args:
        pairs: closed ranges, in any order; they may overlap.
    """

    def __init__(self, pairs: Iterable[tuple[int, int]] = ()) -> None:
        self._first: list[int] = []
        self._last: list[int] = []
        for first, last in pairs:
            self.add(first, last)

    def __bool__(self) -> bool:
        return bool(self._first)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return iter(list(zip(self._first, self._last, strict=True)))

    def __contains__(self, number: int) -> bool:
        place = bisect_right(self._first, number) - 1
        return place >= 0 and number <= self._last[place]

    def __str__(self) -> str:
        shown = [f"{first}" if first == last else f"{first}-{last}" for first, last in self]
        return ", ".join(shown[:8]) + (", ..." if len(shown) > 8 else "")

    def add(self, first: int, last: int) -> None:
        """Add a closed range."""
        if last < first:
            return
        # Ranges that touch become one, so that most sets stay a few pairs.
        begin, end = bisect_left(self._last, first - 1), bisect_right(self._first, last + 1)
        if begin < end:
            first, last = min(first, self._first[begin]), max(last, self._last[end - 1])
        self._first[begin:end] = [first]
        self._last[begin:end] = [last]

    def remove(self, first: int, last: int) -> None:
        """Take a closed range away, as far as it is there."""
        begin, end = bisect_left(self._last, first), bisect_right(self._first, last)
        if last < first or begin >= end:
            return
        left, right = self._first[begin], self._last[end - 1]
        kept = [pair for pair in ((left, first - 1), (last + 1, right)) if pair[0] <= pair[1]]
        self._first[begin:end] = [pair[0] for pair in kept]
        self._last[begin:end] = [pair[1] for pair in kept]

    def count(self) -> int:
        """Return how many numbers there are."""
        return sum(last - first + 1 for first, last in self)

    def within(self, first: int, last: int) -> "Ranges":
        """Return what lies within a closed range."""
        begin, end = bisect_left(self._last, first), bisect_right(self._first, last)
        found = Ranges()
        for low, high in zip(self._first[begin:end], self._last[begin:end], strict=True):
            found.add(max(low, first), min(high, last))
        return found

    def shared(self, other: "Ranges") -> "Ranges":
        """Return the numbers that are in both."""
        found = Ranges()
        for first, last in other:
            for low, high in self.within(first, last):
                found.add(low, high)
        return found

    def without(self, other: "Ranges") -> "Ranges":
        """Return the numbers that are not in the other."""
        found = Ranges(self)
        for first, last in other:
            found.remove(first, last)
        return found


def ranges_in(value: object) -> Ranges:
    """Return the closed ranges of an entry: `[[1, 3], [7, 7]]`; whatever is none of that is left out."""
    found = Ranges()
    for pair in value if isinstance(value, list) else []:
        if isinstance(pair, list) and len(pair) == 2 and all(type(one) is int and 0 <= one < 1 << 53 for one in pair):
            found.add(pair[0], pair[1])
    return found
