"""Notice lost pictures from the bit stream: H.264 by frame_num, H.265 by each picture's own list of references.

A decoder does not tell: it predicts from whatever it has, and a dwelling's ghost stays outside its mask until the next IDR.
"""

from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Protocol

from ingest.bitstream import (
    NAL_IDR,
    NAL_PPS,
    NAL_SLICE,
    NAL_SPS,
    Bits,
    read_fps,
    skip_picture_usability,
    skip_scaling_lists,
)


class Finding(Enum):
    """What an access unit says about the pictures before it."""

    CLEAN_START = auto()
    """An IDR (H.265: any random access point): what follows it needs nothing from before it."""
    LEADING = auto()
    """An H.265 picture shown before the random access point that it follows: it predicts from before that point too."""
    CONTINUES = auto()
    """All that it predicts from is there."""
    LOST = auto()
    """Something that it may predict from is missing, or it cannot be read."""


class LossDetector(Protocol):
    """Watch access units in decoding order."""

    interlaced: bool

    @property
    def counts_to(self) -> int:
        """After how many pictures its counter begins again: a burst of so many leaves no gap."""

    @property
    def stated_fps(self) -> float | None:
        """The rate that the newest parameter set states; None if none does."""

    def learn(self, nal: bytes) -> None:
        """Take a parameter set from outside the stream."""

    def see(self, nals: list[bytes]) -> Finding:
        """Judge the next access unit."""

    def parameter_sets(self) -> list[bytes]:
        """Return the newest parameter sets, for a decoder that begins at the next clean start."""


class KnownSets:
    """Notice that a parameter set says something else than the one of the same kind and number before it."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], bytes] = {}
        self._changed = False

    def take(self, kind: int, number: int, nal: bytes) -> None:
        """Take a parameter set."""
        before = self._known.get((kind, number))
        self._known[kind, number] = nal
        self._changed = self._changed or (before is not None and before != nal)

    def units(self) -> list[bytes]:
        """Return the newest of each, sequence parameter sets first."""
        return [nal for _, nal in sorted(self._known.items())]

    def changed(self) -> bool:
        """Return whether one has changed since this was last asked."""
        changed, self._changed = self._changed, False
        return changed


@dataclass(frozen=True, slots=True)
class _H264Sps:
    frame_num_bits: int
    separate_planes: bool
    frame_only: bool
    gaps_allowed: bool
    size_mbs: tuple[int, int]
    fps: float | None = field(compare=False)


class H264LossDetector:
    """Check that frame_num goes on from the last reference picture's (H.264 clause 7.4.3)."""

    def __init__(self) -> None:
        self.interlaced = False
        self._sps: dict[int, _H264Sps] = {}
        self._sps_of_pps: dict[int, int] = {}
        self._active: _H264Sps | None = None
        self._last_reference: int | None = None
        self._last_field: tuple[int, bool] | None = None
        self.stated_fps: float | None = None
        self._sets = KnownSets()

    @property
    def counts_to(self) -> int:
        """MaxFrameNum; before the first picture the least there is."""
        return 1 << (self._active.frame_num_bits if self._active else 4)

    def learn(self, nal: bytes) -> None:
        """Take a sequence or picture parameter set."""
        kind = nal[0] & 0x1F
        if kind == NAL_SPS:
            number, sps = _h264_sps(nal)
            self._sets.take(kind, number, nal)
            self._sps[number] = sps
            self.stated_fps = sps.fps
            self.interlaced = self.interlaced or not sps.frame_only
        elif kind == NAL_PPS:
            bits = Bits(nal, 1)
            number = bits.ue()
            self._sets.take(kind, number, nal)
            self._sps_of_pps[number] = bits.ue()

    def see(self, nals: list[bytes]) -> Finding:
        """Judge the next access unit."""
        try:
            for nal in nals:
                self.learn(nal)
            changed = self._sets.changed()
            slices = [nal for nal in nals if nal[0] & 0x1F in {NAL_SLICE, NAL_IDR}]
            if not slices:
                # Data partitioning (types 2 to 4) is not followed: what is not understood counts as lost.
                return Finding.LOST if changed or any(2 <= nal[0] & 0x1F <= 4 for nal in nals) else Finding.CONTINUES
            found = self._judge(slices)
        except (EOFError, KeyError, IndexError):
            self._last_reference = None
            return Finding.LOST
        return Finding.LOST if changed and found is not Finding.CLEAN_START else found

    def parameter_sets(self) -> list[bytes]:
        """Return the newest parameter sets."""
        return self._sets.units()

    def _judge(self, slices: list[bytes]) -> Finding:
        findings: list[Finding] = []
        fields: set[bool] = set()
        for nal in slices:
            bits = Bits(nal, 1, 64)
            first_mb = bits.ue()
            bits.ue()
            sps = self._sps[self._sps_of_pps[bits.ue()]]
            if sps.separate_planes:
                bits.u(2)
            frame_num = bits.u(sps.frame_num_bits)
            bottom = not sps.frame_only and bits.flag() and bits.flag()
            if not findings or bottom not in fields:
                findings.append(self._judge_picture(nal, sps, frame_num, first_mb, bottom=bottom))
                fields.add(bottom)
        if Finding.LOST in findings:
            return Finding.LOST
        return findings[0]

    def _judge_picture(self, nal: bytes, sps: _H264Sps, frame_num: int, first_mb: int, *, bottom: bool) -> Finding:
        is_reference, is_idr = nal[0] & 0x60 != 0, nal[0] & 0x1F == NAL_IDR
        previous = self._last_reference
        # A changed size or field layout without an IDR cannot be predicted from what was there.
        changed = self._active is not None and sps != self._active
        if is_idr:
            self._active, self._last_reference, self._last_field = sps, frame_num, (frame_num, bottom)
            return Finding.LOST if first_mb else Finding.CLEAN_START
        second_field = (
            self._last_field is not None and self._last_field == (frame_num, not bottom) and not sps.frame_only
        )
        expected = None if previous is None else (previous + 1) % (1 << sps.frame_num_bits)
        if is_reference:
            self._last_reference = frame_num
        self._last_field = (frame_num, bottom)
        if changed or first_mb or expected is None:
            return Finding.LOST
        return Finding.CONTINUES if frame_num == expected or second_field else Finding.LOST


def _h264_sps(nal: bytes) -> tuple[int, _H264Sps]:
    bits = Bits(nal, 1)
    profile = bits.u(8)
    bits.u(16)
    number = bits.ue()
    separate_planes = False
    if profile in {100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135}:
        chroma_format = bits.ue()
        if chroma_format == 3:
            separate_planes = bits.flag()
        bits.ue()
        bits.ue()
        bits.flag()
        if bits.flag():
            skip_scaling_lists(bits, chroma_format)
    frame_num_bits = bits.ue() + 4
    order_type = bits.ue()
    if order_type == 0:
        bits.ue()
    elif order_type == 1:
        bits.flag()
        bits.se()
        bits.se()
        for _ in range(bits.ue()):
            bits.se()
    bits.ue()
    gaps_allowed = bits.flag()
    size_mbs = (bits.ue() + 1, bits.ue() + 1)
    frame_only = bits.flag()
    fps = None
    with suppress(EOFError):  # what a camera cuts off here says nothing of its pictures
        fps = _h264_fps(bits, frame_only=frame_only)
    return number, _H264Sps(frame_num_bits, separate_planes, frame_only, gaps_allowed, size_mbs, fps)


def _h264_fps(bits: Bits, *, frame_only: bool) -> float | None:
    """Read on to the timing of the usability information (annex E.1.1)."""
    if not frame_only:
        bits.flag()
    bits.flag()
    if bits.flag():
        for _ in range(4):
            bits.ue()
    if not bits.flag():
        return None
    skip_picture_usability(bits)
    # Two ticks are a frame, also of a stream without fields.
    return read_fps(bits, ticks_a_frame=2)
