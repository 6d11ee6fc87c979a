"""NAL units: cutting an Annex B byte stream apart and naming what is in it.

Source: ITU-T H.264 (08/2021) Annex B and table 7-1; ITU-T H.265 (08/2021) Annex B and table 7-1.
"""

from dataclasses import dataclass
from enum import StrEnum

H264_SLICE_IDR = 5
H264_SEI = 6
H264_SPS = 7
H264_PPS = 8
H265_VPS = 32
H265_SPS = 33
H265_PPS = 34
H265_SEI_PREFIX = 39


class Codec(StrEnum):
    """The two codecs a camera of this city speaks."""

    H264 = "h264"
    H265 = "h265"


@dataclass(frozen=True, slots=True)
class ParameterSets:
    """What a decoder must know before the first picture; ``vps`` is empty for H.264."""

    sps: bytes
    pps: bytes
    vps: bytes = b""


def split_annex_b(data: bytes) -> list[bytes]:
    """Return the NAL units of an Annex B access unit, without start codes."""
    parts = data.replace(b"\x00\x00\x00\x01", b"\x00\x00\x01").split(b"\x00\x00\x01")
    return [part for part in parts if part]


def nal_type(codec: Codec, unit: bytes) -> int:
    """Return the NAL unit type."""
    return unit[0] & 0x1F if codec is Codec.H264 else (unit[0] >> 1) & 0x3F


def is_sei(codec: Codec, unit: bytes) -> bool:
    """Whether this is supplemental information, which our cameras leave out."""
    return nal_type(codec, unit) == (H264_SEI if codec is Codec.H264 else H265_SEI_PREFIX)


def parameter_sets(codec: Codec, units: list[bytes]) -> ParameterSets:
    """Find the parameter sets among the units of a keyframe.

    Raises:
        ValueError: The units lack one of them.
    """
    found = {nal_type(codec, unit): unit for unit in units}
    try:
        if codec is Codec.H264:
            return ParameterSets(sps=found[H264_SPS], pps=found[H264_PPS])
        return ParameterSets(sps=found[H265_SPS], pps=found[H265_PPS], vps=found[H265_VPS])
    except KeyError as error:
        raise ValueError(f"keyframe without parameter set of type {error}") from error
