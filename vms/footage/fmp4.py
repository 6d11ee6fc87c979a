"""Fragmented MP4 with one video track, as small as file and live view allow.

Parameter sets stand in the stream (`avc3`, `hev1`), so that a changed resolution or encoder needs no new file. No `mehd`, duration 0:
browsers then treat it as live and show frames at once. `moof` is the base of its offsets: a fragment plays wherever it is put.

Source: ISO/IEC 14496-12 clauses 8.8 and 8.16.5, 14496-15; measured in facts/media.md section 5.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from vms.errors import InvalidInput
from vms.footage.nal import ParameterSets, annex_b_to_length_prefixed, codec_string, h264_format, h265_format

__all__ = [
    "TIMESCALE",
    "FragmentPlace",
    "ParameterSets",
    "Sample",
    "annex_b_to_length_prefixed",
    "codec_string",
    "complete_boxes",
    "fragment",
    "fragments_of",
    "free_box",
    "init_segment",
]

TIMESCALE = 90_000
"""Ticks a second, as in RTP."""

FREE_BOX_LEAST_BYTES = 8
_TRACK = 1
_SYNC_SAMPLE = 0x02000000  # depends on no other
_OTHER_SAMPLE = 0x01010000  # depends on others, is no sync sample
_NTP_EPOCH = datetime(1900, 1, 1, tzinfo=UTC)
_IDENTITY = struct.pack(">9i", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)


@dataclass(frozen=True, slots=True)
class Sample:
    """One picture as it stands in the file.

    Args:
        data: NAL units, each behind its length in four bytes.
        dts: decode time in ticks, counted from the `base_time` given to `fragment`.
        duration: ticks until the next picture.
        is_keyframe: whether decoding can begin here.
        composition_offset: ticks from decoding to showing; 0 without B-frames.
    """

    data: bytes
    dts: int
    duration: int
    is_keyframe: bool
    composition_offset: int = 0


def _box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def _full_box(kind: bytes, version: int, flags: int, *parts: bytes) -> bytes:
    return _box(kind, struct.pack(">I", version << 24 | flags), *parts)


def init_segment(width: int, height: int, sets: ParameterSets, timescale: int = TIMESCALE) -> bytes:
    """Return `ftyp` and `moov`.

    Args:
        width: picture width in pixels when the file begins.
        height: picture height in pixels when the file begins.
        sets: parameter sets of the first keyframe; later ones stand in the stream.
        timescale: ticks a second.
    """
    mvhd = _full_box(
        b"mvhd", 0, 0, struct.pack(">4I", 0, 0, timescale, 0), struct.pack(">IHH8x", 0x10000, 0x100, 0),
        _IDENTITY, bytes(24), struct.pack(">I", _TRACK + 1),
    )  # fmt: skip
    tkhd = _full_box(
        b"tkhd", 0, 3, struct.pack(">5I8x", 0, 0, _TRACK, 0, 0), struct.pack(">4H", 0, 0, 0, 0),
        _IDENTITY, struct.pack(">2I", width << 16, height << 16),
    )  # fmt: skip
    mdhd = _full_box(b"mdhd", 0, 0, struct.pack(">4IHH", 0, 0, timescale, 0, 0x55C4, 0))
    hdlr = _full_box(b"hdlr", 0, 0, struct.pack(">I4s12x", 0, b"vide"), b"video\x00")
    dinf = _box(b"dinf", _full_box(b"dref", 0, 0, struct.pack(">I", 1), _full_box(b"url ", 0, 1)))
    nothing = struct.pack(">I", 0)
    stbl = _box(
        b"stbl",
        _full_box(b"stsd", 0, 0, struct.pack(">I", 1), _sample_entry(width, height, sets)),
        _full_box(b"stts", 0, 0, nothing),
        _full_box(b"stsc", 0, 0, nothing),
        _full_box(b"stsz", 0, 0, nothing, nothing),
        _full_box(b"stco", 0, 0, nothing),
    )
    minf = _box(b"minf", _full_box(b"vmhd", 0, 1, bytes(8)), dinf, stbl)
    trak = _box(b"trak", tkhd, _box(b"mdia", mdhd, hdlr, minf))
    mvex = _box(b"mvex", _full_box(b"trex", 0, 0, struct.pack(">5I", _TRACK, 1, 0, 0, 0)))
    ftyp = _box(b"ftyp", b"iso6", struct.pack(">I", 0), b"iso6", b"mp41")
    return ftyp + _box(b"moov", mvhd, trak, mvex)


def _sample_entry(width: int, height: int, sets: ParameterSets) -> bytes:
    configuration = _avc_configuration(sets) if sets.codec == "h264" else _hevc_configuration(sets)
    return _box(
        b"avc3" if sets.codec == "h264" else b"hev1",
        struct.pack(">6xH16x2H2I4xH32xHh", 1, width, height, 0x480000, 0x480000, 1, 24, -1),
        configuration,
    )


def _avc_configuration(sets: ParameterSets) -> bytes:
    form = h264_format(sets.sps)
    record = bytes([1, form.profile, form.constraints, form.level, 0xFF, 0xE1])
    record += struct.pack(">H", len(sets.sps)) + sets.sps
    record += b"\x01" + struct.pack(">H", len(sets.pps)) + sets.pps
    if form.high is not None:
        chroma, luma_depth, chroma_depth = form.high
        record += bytes([0xFC | chroma, 0xF8 | luma_depth, 0xF8 | chroma_depth, 0])
    return _box(b"avcC", record)


def _hevc_configuration(sets: ParameterSets) -> bytes:
    form = h265_format(sets.sps)
    layers = form.sub_layers << 3 | form.is_temporal_nested << 2 | 3
    record = b"\x01" + form.profile_tier_level + struct.pack(">HB", 0xF000, 0xFC)
    record += bytes([0xFC | form.chroma, 0xF8 | form.luma_depth - 8, 0xF8 | form.chroma_depth - 8])
    record += struct.pack(">HBB", 0, layers, len(sets.units))
    for unit in sets.units:
        record += struct.pack(">BHH", unit[0] >> 1 & 0x3F, 1, len(unit)) + unit
    return _box(b"hvcC", record)


def fragment(
    sequence: int, samples: Sequence[Sample], base_time: int = 0, captured_at: datetime | None = None
) -> bytes:
    """Return one `moof` and its `mdat`.

    Args:
        sequence: number of the fragment, rising within a file or stream.
        samples: at least one, in decode order.
        base_time: ticks added to the first sample's `dts`.
        captured_at: when the first picture was taken; puts a `prft` box in front (clause 8.16.5).
    """
    flags, row_format = 0x000701, ">3I"
    rows: list[tuple[int, ...]] = [
        (item.duration, len(item.data), _SYNC_SAMPLE if item.is_keyframe else _OTHER_SAMPLE) for item in samples
    ]
    if any(item.composition_offset for item in samples):
        flags, row_format = flags | 0x800, ">3Ii"
        rows = [(*row, item.composition_offset) for row, item in zip(rows, samples, strict=True)]
    table = b"".join(struct.pack(row_format, *row) for row in rows)
    start = base_time + samples[0].dts
    # moof 8 + mfhd 16 + traf 8 + tfhd 16 + tfdt 20 + trun 20 and its rows; then the header of mdat.
    data_offset = 88 + len(table) + 8
    traf = _box(
        b"traf",
        _full_box(b"tfhd", 0, 0x020000, struct.pack(">I", _TRACK)),
        _full_box(b"tfdt", 1, 0, struct.pack(">Q", start)),
        _full_box(b"trun", 1, flags, struct.pack(">Ii", len(samples), data_offset), table),
    )
    moof = _box(b"moof", _full_box(b"mfhd", 0, 0, struct.pack(">I", sequence)), traf)
    parts = [moof, _box(b"mdat", *(item.data for item in samples))]
    if captured_at is not None:
        parts.insert(0, _wall_clock(captured_at, start))
    return b"".join(parts)


def _wall_clock(captured_at: datetime, media_time: int) -> bytes:
    since = captured_at - _NTP_EPOCH
    seconds = since.days * 86_400 + since.seconds
    ntp = seconds << 32 | (since.microseconds << 32) // 1_000_000
    return _full_box(b"prft", 1, 24, struct.pack(">IQQ", _TRACK, ntp & (1 << 64) - 1, media_time))


def free_box(size_bytes: int) -> bytes:
    """Return a box of exactly this size that players skip.

    Raises:
        ValueError: fewer than 8 bytes hold no box.
    """
    if size_bytes < FREE_BOX_LEAST_BYTES:
        raise ValueError(f"no box has only {size_bytes} bytes")
    return _box(b"free", bytes(size_bytes - 8))


@dataclass(frozen=True, slots=True)
class FragmentPlace:
    """Where a fragment stands in a file, and when it plays.

    Args:
        offset_bytes: of its first box.
        length_bytes: up to the end of its `mdat`.
        start: decode time of its first sample, in ticks.
        duration: ticks.
        is_keyframe: whether it begins with a keyframe.
    """

    offset_bytes: int
    length_bytes: int
    start: int
    duration: int
    is_keyframe: bool


def fragments_of(data: bytes) -> Iterator[FragmentPlace]:
    """Yield the complete fragments of a file that may be cut anywhere.

    Raises:
        InvalidInput: the file does not begin with a complete `ftyp` and `moov`.
    """
    boxes = _top_level(data)
    if [kind for kind, _, _ in boxes[:2]] != [b"ftyp", b"moov"]:
        raise InvalidInput("the file has no complete head", code="footage.no-head")
    begin: int | None = None
    moof = b""
    for kind, offset, end in boxes[2:]:
        if kind in {b"prft", b"moof"} and begin is None:
            begin = offset
        if kind == b"moof":
            moof = data[offset:end]
        if kind == b"mdat" and begin is not None and moof:
            start, duration, is_keyframe = _timing(moof)
            yield FragmentPlace(begin, end - begin, start, duration, is_keyframe)
            begin, moof = None, b""


def init_bytes_of(data: bytes) -> int:
    """Return the length of `ftyp` and `moov`; 0 when they are not complete."""
    boxes = _top_level(data)
    return boxes[1][2] if [kind for kind, _, _ in boxes[:2]] == [b"ftyp", b"moov"] else 0


def complete_boxes(data: bytes) -> int:
    """Return where the last complete fragment ends: what follows is to be cut off."""
    end = init_bytes_of(data)
    if end:
        for place in fragments_of(data):
            end = place.offset_bytes + place.length_bytes
    return end


def _top_level(data: bytes) -> list[tuple[bytes, int, int]]:
    boxes = []
    offset = 0
    while offset + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, offset)
        if size < 8 or offset + size > len(data):
            break
        boxes.append((kind, offset, offset + size))
        offset += size
    return boxes


def _timing(moof: bytes) -> tuple[int, int, bool]:
    """Return start, duration and key flag of a fragment that `fragment` made: its boxes have fixed places."""
    (start,) = struct.unpack_from(">Q", moof, 60)
    (flags,) = struct.unpack_from(">I", moof, 76)
    (count,) = struct.unpack_from(">I", moof, 80)
    width = 16 if flags & 0x800 else 12
    duration = sum(struct.unpack_from(">I", moof, 88 + row * width)[0] for row in range(count))
    (first_flags,) = struct.unpack_from(">I", moof, 96)
    return start, duration, first_flags == _SYNC_SAMPLE
