"""What the payload formats of H.264 and H.265 have in common: fragments to be joined, aggregates to be taken apart."""

from dataclasses import dataclass

from ingest.bitstream import split_nals

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


def unpack_aggregate(data: bytes, *, damaged: bool) -> Unpacked:
    """Return the units of an aggregate, without its header.

    Args:
        damaged: a part of another unit was missing before it.
    """
    units, position = [], 0
    while position + 2 <= len(data):
        size = int.from_bytes(data[position : position + 2], "big")
        unit = data[position + 2 : position + 2 + size]
        if len(unit) < size:
            break
        if unit:
            units.append(unit)
        position += 2 + size
    return Unpacked(tuple(units), damaged or not units or position != len(data))


def has_start_codes(payload: bytes) -> bool:
    """Whether a payload is of a camera that leaves its encoder's start codes in."""
    return payload.startswith((b"\x00\x00\x01", b"\x00\x00\x00\x01"))


def unpack_start_codes(payload: bytes, *, damaged: bool) -> Unpacked:
    """Return the units between the start codes of a payload.

    Args:
        damaged: a part of another unit was missing before it.
    """
    units = tuple(split_nals(payload))
    return Unpacked(units, damaged or not units)
