"""H.264 and H.265 bitstreams as network abstraction layer (NAL) units: splitting, framing, parameter sets.

Source: ITU-T H.264 (08/2021) clauses 7.3.2.1, Annex B; ITU-T H.265 (09/2023) clauses 7.3.1.2, 7.3.2.2, 7.3.3; ISO/IEC 14496-15.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from vms.errors import InvalidInput

Codec = Literal["h264", "h265"]

_START_CODE = re.compile(rb"\x00\x00\x01")
_H264_SPS, _H264_PPS, _H264_DELIMITER, _H264_END_SEQUENCE, _H264_FILLER = 7, 8, 9, 10, 12
_H265_VPS, _H265_SPS, _H265_PPS, _H265_DELIMITER, _H265_FILLER = 32, 33, 34, 35, 38
# Profiles whose parameter set carries the chroma format (H.264 clause 7.3.2.1.1).
_H264_HIGH_PROFILES = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})


def split_annex_b(data: bytes) -> list[bytes]:
    """Return the NAL units of a stream with start codes, without those and without trailing zeros."""
    marks = [match.span() for match in _START_CODE.finditer(data)]
    ends = [start for start, _ in marks[1:]] + [len(data)]
    units = (data[begin:end].rstrip(b"\x00") for (_, begin), end in zip(marks, ends, strict=True))
    return [unit for unit in units if unit]


def length_prefixed(units: Iterable[bytes]) -> bytes:
    """Return the units as an MP4 sample: each behind its length in four bytes, big-endian."""
    return b"".join(len(unit).to_bytes(4) + unit for unit in units)


def annex_b_to_length_prefixed(data: bytes) -> bytes:
    """Return one access unit with start codes as an MP4 sample."""
    return length_prefixed(split_annex_b(data))


def unit_type(unit: bytes, codec: Codec) -> int:
    """Return the type of a NAL unit."""
    return unit[0] & 0x1F if codec == "h264" else (unit[0] >> 1) & 0x3F


def drop_delimiters(units: Iterable[bytes], codec: Codec) -> list[bytes]:
    """Return the units without access unit delimiters, end marks and filler: MP4 has no use for them."""
    useless = (
        {_H264_DELIMITER, _H264_END_SEQUENCE, _H264_FILLER} if codec == "h264" else {_H265_DELIMITER, _H265_FILLER}
    )
    return [unit for unit in units if unit_type(unit, codec) not in useless]


@dataclass(frozen=True, slots=True)
class ParameterSets:
    """The sets that a decoder needs before a keyframe.

    Args:
        codec: `h264` or `h265`.
        sps: sequence parameter set, a whole NAL unit.
        pps: picture parameter set.
        vps: video parameter set; H.265 only, else empty.
    """

    codec: Codec
    sps: bytes
    pps: bytes
    vps: bytes = b""

    @property
    def units(self) -> list[bytes]:
        """The sets in the order in which they stand in a stream."""
        return [unit for unit in (self.vps, self.sps, self.pps) if unit]

    @property
    def codec_string(self) -> str:
        """The name that browsers want, for sets that stand in the stream: `avc3.64001f`, `hev1.1.6.L93.B0`."""
        return codec_string(self.sps) if self.codec == "h264" else hevc_codec_string(self.sps)


def find_parameter_sets(units: Iterable[bytes], codec: Codec) -> ParameterSets | None:
    """Return the sets among the units; None when one is missing."""
    types = (_H264_SPS, _H264_PPS) if codec == "h264" else (_H265_SPS, _H265_PPS, _H265_VPS)
    found = {unit_type(unit, codec): unit for unit in units}
    if not all(wanted in found for wanted in types):
        return None
    return ParameterSets(codec, found[types[0]], found[types[1]], found[_H265_VPS] if codec == "h265" else b"")


def codec_string(sps: bytes) -> str:
    """Return `avc3.` and profile, constraints and level of an H.264 sequence parameter set, in hexadecimal.

    Raises:
        InvalidInput: it is too short to be one.
    """
    if len(sps) < 4:
        raise InvalidInput("the sequence parameter set is cut", code="video.parameter-set")
    return f"avc3.{sps[1:4].hex()}"


class _Bits:
    """Reads bits and Exp-Golomb numbers of a raw byte sequence payload."""

    def __init__(self, unit: bytes, skip_bytes: int) -> None:
        payload = unit[skip_bytes:].replace(b"\x00\x00\x03", b"\x00\x00")
        self._bits = int.from_bytes(payload)
        self._left = len(payload) * 8

    def take(self, count: int) -> int:
        if count > self._left:
            raise InvalidInput("the parameter set is cut", code="video.parameter-set")
        self._left -= count
        return (self._bits >> self._left) & ((1 << count) - 1)

    def exp_golomb(self) -> int:
        zeros = 0
        while not self.take(1):
            zeros += 1
        return (1 << zeros) - 1 + self.take(zeros)


@dataclass(frozen=True, slots=True)
class H264Format:
    """What an `avcC` box repeats of the sequence parameter set."""

    profile: int
    constraints: int
    level: int
    # None for the profiles that are always 4:2:0 with 8 bits.
    high: tuple[int, int, int] | None


def h264_format(sps: bytes) -> H264Format:
    """Return profile and sample format of an H.264 sequence parameter set.

    Raises:
        InvalidInput: it is cut.
    """
    bits = _Bits(sps, 1)
    profile, constraints, level = bits.take(8), bits.take(8), bits.take(8)
    if profile not in _H264_HIGH_PROFILES:
        return H264Format(profile, constraints, level, None)
    bits.exp_golomb()  # seq_parameter_set_id
    chroma = bits.exp_golomb()
    if chroma == 3:
        bits.take(1)  # separate_colour_plane_flag
    return H264Format(profile, constraints, level, (chroma, bits.exp_golomb(), bits.exp_golomb()))


@dataclass(frozen=True, slots=True)
class H265Format:
    """What an `hvcC` box repeats of the sequence parameter set."""

    profile_tier_level: bytes
    sub_layers: int
    is_temporal_nested: bool
    chroma: int
    luma_depth: int
    chroma_depth: int


def h265_format(sps: bytes) -> H265Format:
    """Return profile, tier, level (12 bytes) and sample format of an H.265 sequence parameter set.

    Raises:
        InvalidInput: it is cut.
    """
    bits = _Bits(sps, 2)
    bits.take(4)  # sps_video_parameter_set_id
    sub_layers_minus_1, nested = bits.take(3), bits.take(1)
    profile_tier_level = bits.take(96).to_bytes(12)
    present = [(bits.take(1), bits.take(1)) for _ in range(sub_layers_minus_1)]
    if sub_layers_minus_1:
        bits.take(2 * (8 - sub_layers_minus_1))
    for has_profile, has_level in present:
        bits.take(88 * has_profile + 8 * has_level)
    bits.exp_golomb()  # sps_seq_parameter_set_id
    chroma = bits.exp_golomb()
    if chroma == 3:
        bits.take(1)
    bits.exp_golomb()  # width
    bits.exp_golomb()  # height
    if bits.take(1):  # conformance_window_flag
        for _ in range(4):
            bits.exp_golomb()
    luma_depth, chroma_depth = 8 + bits.exp_golomb(), 8 + bits.exp_golomb()
    return H265Format(profile_tier_level, sub_layers_minus_1 + 1, bool(nested), chroma, luma_depth, chroma_depth)


def hevc_codec_string(sps: bytes) -> str:
    """Return the `hev1.` name of an H.265 sequence parameter set (ISO/IEC 14496-15 Annex E.3)."""
    ptl = h265_format(sps).profile_tier_level
    space, tier, profile = ptl[0] >> 6, (ptl[0] >> 5) & 1, ptl[0] & 0x1F
    compatibility = int(f"{int.from_bytes(ptl[1:5]):032b}"[::-1], 2)
    constraints = ptl[5:11].rstrip(b"\x00")
    parts = ["hev1", f"{('', 'A', 'B', 'C')[space]}{profile}", f"{compatibility:X}", f"{'LH'[tier]}{ptl[11]}"]
    return ".".join(parts + [f"{byte:X}" for byte in constraints])
