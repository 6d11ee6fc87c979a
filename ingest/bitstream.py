"""Read just enough of H.264 and H.265 bit streams to notice that a picture is missing.

Source: ITU-T H.264 clauses 7.3 and 7.4.3 (frame_num), ITU-T H.265 clauses 7.3 and 8.3.2 (reference picture set).
"""

from collections.abc import Iterable

NAL_SLICE = 1
NAL_IDR = 5
NAL_SEI = 6
NAL_SPS = 7
NAL_PPS = 8
_EXTENDED_ASPECT = 255


def split_nals(data: bytes) -> list[bytes]:
    """Return the NAL units of an Annex B byte stream, without start codes."""
    nals = []
    start = data.find(b"\x00\x00\x01")
    while start >= 0:
        following = data.find(b"\x00\x00\x01", start + 3)
        nal = data[start + 3 : following if following >= 0 else len(data)].rstrip(b"\x00")
        if nal:
            nals.append(nal)
        start = following
    return nals


def split_sample(data: bytes, prefix_bytes: int) -> list[bytes] | None:
    """Return the NAL units of a packet, None when it is cut short.

    Args:
        data: one access unit.
        prefix_bytes: length of the size before each unit as the container announced it; 0 for Annex B.
    """
    if not prefix_bytes:
        return split_nals(data)
    nals = []
    position = 0
    while position + prefix_bytes <= len(data):
        length = int.from_bytes(data[position : position + prefix_bytes], "big")
        position += prefix_bytes
        if length and position + length <= len(data):
            nals.append(data[position : position + length])
        position += length
    if position == len(data):
        return nals
    # A size of 1 or of 256..511 looks like a start code, so Annex B is only tried when the sizes do not add up.
    return split_nals(data) if data.startswith((b"\x00\x00\x00\x01", b"\x00\x00\x01")) else None


def join_annexb(nals: Iterable[bytes]) -> bytes:
    """Return NAL units as an Annex B byte stream."""
    return b"".join(b"\x00\x00\x00\x01" + nal for nal in nals)


class Bits:
    """Read bits of a NAL unit's payload, emulation prevention removed.

    Raises:
        EOFError: from any read beyond the end.
    """

    def __init__(self, nal: bytes, skip_bytes: int, limit_bytes: int = 400) -> None:
        payload = nal[skip_bytes : skip_bytes + limit_bytes].replace(b"\x00\x00\x03", b"\x00\x00")
        self._value = int.from_bytes(payload, "big")
        self._left = len(payload) * 8

    def u(self, count: int) -> int:
        """Read an unsigned number of `count` bits."""
        if count > self._left:
            raise EOFError
        self._left -= count
        return (self._value >> self._left) & ((1 << count) - 1)

    def flag(self) -> bool:
        """Read one bit."""
        return self.u(1) == 1

    def ue(self) -> int:
        """Read an unsigned Exp-Golomb number."""
        zeros = 0
        while not self.u(1):
            zeros += 1
            if zeros > 32:
                raise EOFError
        return (1 << zeros) - 1 + (self.u(zeros) if zeros else 0)

    def se(self) -> int:
        """Read a signed Exp-Golomb number."""
        code = self.ue()
        return (code + 1) // 2 if code % 2 else -(code // 2)


def parameter_nals(extradata: bytes | None, *, hevc: bool) -> tuple[list[bytes], int]:
    """Return the parameter sets of a stream's extradata, and the length of the samples' prefixes (0 for Annex B)."""
    if not extradata:
        return [], 0
    if extradata[0] != 1:
        return split_nals(extradata), 0
    nals: list[bytes] = []
    if hevc:
        if len(extradata) < 23:
            return [], 0
        position = 23
        for _ in range(extradata[22]):
            count = int.from_bytes(extradata[position + 1 : position + 3], "big")
            position += 3
            position = _take_sized(extradata, position, count, nals)
        return nals, (extradata[21] & 3) + 1
    position = _take_sized(extradata, 6, extradata[5] & 0x1F, nals)
    if position < len(extradata):
        _take_sized(extradata, position + 1, extradata[position], nals)
    return nals, (extradata[4] & 3) + 1


def _take_sized(data: bytes, position: int, count: int, nals: list[bytes]) -> int:
    for _ in range(count):
        size = int.from_bytes(data[position : position + 2], "big")
        nals.append(data[position + 2 : position + 2 + size])
        position += 2 + size
    return position


def skip_scaling_lists(bits: Bits, chroma_format: int) -> None:
    """Skip the scaling lists of an H.264 sequence parameter set."""
    for index in range(8 if chroma_format != 3 else 12):
        if bits.flag():
            last = following = 8
            for _ in range(16 if index < 6 else 64):
                if following:
                    following = (last + bits.se()) % 256
                last = following or last


def skip_picture_usability(bits: Bits) -> None:
    """Skip what both codecs' usability information begins with: aspect ratio, overscan, colour, place of the chroma samples."""
    if bits.flag() and bits.u(8) == _EXTENDED_ASPECT:
        bits.u(32)
    if bits.flag():
        bits.flag()
    if bits.flag():
        bits.u(4)
        if bits.flag():
            bits.u(24)
    if bits.flag():
        bits.ue()
        bits.ue()


def read_fps(bits: Bits, ticks_a_frame: int) -> float | None:
    """Read a stream's timing; None where it is not told or no rate."""
    if not bits.flag():
        return None
    tick, scale = bits.u(32), bits.u(32)
    return scale / (tick * ticks_a_frame) if tick and scale else None
