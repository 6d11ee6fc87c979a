"""Say in an H.264 stream how its pictures are shown, by SEI messages: "display orientation" (annex D.1.27), "picture timing" (D.1.3)."""

import math
from collections.abc import Sequence

from blanking.frames import Fields

_SEI_HEADER = bytes([0x06])
_PICTURE_TIMING = 1
_DISPLAY_ORIENTATION = 47
_TURN = 1 << 16


def orientation_sei(matrix: Sequence[int]) -> bytes:
    """Return the NAL unit for a display matrix as it stands in an MP4 track header.

    Args:
        matrix: nine numbers, of which the first, second, fourth and fifth turn and mirror.
    """
    mirrored = matrix[0] * matrix[4] - matrix[1] * matrix[3] < 0
    cosine, sine = (-matrix[0], -matrix[3]) if mirrored else (matrix[0], matrix[3])
    turn = math.atan2(sine, cosine) * (-1 if mirrored else 1)
    anticlockwise = round(turn / math.tau * _TURN) % _TURN
    # Not cancelled, mirrored left to right, not top to bottom; it holds until the next one; no extension; a stop bit and stuffing.
    bits = f"0{int(mirrored)}0{anticlockwise:016b}" + "010" + "0" + "1"
    payload = int(bits.ljust(24, "0"), 2).to_bytes(3, "big")
    return _SEI_HEADER + bytes([_DISPLAY_ORIENTATION, len(payload)]) + _escaped(payload) + b"\x80"


def fields_sei(fields: Fields | None) -> bytes:
    """Return the NAL unit that says of one picture of which fields it is, for a sequence that only states `pic_struct`."""
    # The structure, then for each field a flag whether a clock time follows. One does: it alone can say "interlaced" of a picture
    # coded whole (ct_type 1); it tells no time (count 0 of none, no seconds, an offset of 24 zeros as without HRD parameters).
    clock = "1" + "01" + "0" * 6 + "000" + "0" * 8 + "0" + "0" * 24
    bits = {None: "0000" + "0", Fields.TOP_FIRST: "0011" + clock + "0", Fields.BOTTOM_FIRST: "0100" + clock + "0"}[
        fields
    ] + "1"
    payload = int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8), "big")
    return _SEI_HEADER + bytes([_PICTURE_TIMING, len(payload)]) + _escaped(payload) + b"\x80"


def _escaped(payload: bytes) -> bytes:
    """Keep start codes out (clause 7.4.1)."""
    out = bytearray()
    zeros = 0
    for byte in payload:
        if zeros >= 2 and byte <= 3:
            out.append(3)
            zeros = 0
        out.append(byte)
        zeros = zeros + 1 if byte == 0 else 0
    return bytes(out)
