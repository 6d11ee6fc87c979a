"""What the payload formats of H.264 and H.265 have in common: fragments to be joined, aggregates to be taken apart."""

from dataclasses import dataclass

MOST_NAL_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Unpacked:
    """The NAL units that a payload completed.

    Args:
        damaged: a part of a unit was missing or could not be read.
    """

    nals: tuple[bytes, ...]
    damaged: bool = False


class FragmentJoiner:
    """Join the fragments of one NAL unit."""

    def __init__(self) -> None:
        self._parts: bytearray | None = None

    def add(self, header: bytes, data: bytes, *, starts: bool, ends: bool) -> Unpacked:
        """Take a fragment; return the unit when it is whole.

        Args:
            header: of the unit, as this fragment has it; the first one's counts.
        """
        damaged = False
        if starts:
            damaged = self.break_off()
            self._parts = bytearray(header)
        if self._parts is None or len(self._parts) + len(data) > MOST_NAL_BYTES:
            self._parts = None
            return Unpacked((), damaged=True)
        self._parts += data
        if not ends:
            return Unpacked((), damaged)
        unit, self._parts = bytes(self._parts), None
        return Unpacked((unit,), damaged)

    def break_off(self) -> bool:
        """Forget an unfinished unit; return whether there was one."""
        unfinished, self._parts = self._parts is not None, None
        return unfinished


def unpack_aggregate(data: bytes) -> tuple[tuple[bytes, ...], bool]:
    """Return the units of an aggregate, and whether their sizes added up."""
    units, position = [], 0
    while position + 2 <= len(data):
        size = int.from_bytes(data[position : position + 2], "big")
        unit = data[position + 2 : position + 2 + size]
        if len(unit) < size:
            break
        if unit:
            units.append(unit)
        position += 2 + size
    return tuple(units), position == len(data)
