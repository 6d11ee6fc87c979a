"""Notice lost H.265 pictures: each picture lists the pictures that it may predict from (ITU-T H.265 clause 8.3.2)."""

from contextlib import suppress
from dataclasses import dataclass, field

from ingest.bitstream import Bits, read_fps, skip_picture_usability
from ingest.loss import Finding, KnownSets

_SPS, _PPS = 33, 34
_RASL = {8, 9}
_LEADING_OR_SKIPPED = {0, 2, 4, 6, 7, 8, 9, 10, 12, 14}
"""Pictures that do not count as the previous one of temporal layer 0 (clause 8.3.1)."""


@dataclass(frozen=True, slots=True)
class _Reference:
    """A picture that may be predicted from, by its distance in picture order count."""

    delta: int
    is_used: bool


@dataclass(frozen=True, slots=True)
class _Sps:
    order_bits: int
    separate_planes: bool
    size_px: tuple[int, int]
    blocks: int
    sets: tuple[tuple[_Reference, ...], ...]
    fps: float | None = field(compare=False)


@dataclass(frozen=True, slots=True)
class _Pps:
    sps: int
    has_dependent_slices: bool
    has_output_flag: bool
    extra_bits: int


class H265LossDetector:
    """Check that every picture that the current one may use was seen since the last random access point."""

    interlaced = False

    def __init__(self) -> None:
        self._sps: dict[int, _Sps] = {}
        self._pps: dict[int, _Pps] = {}
        self._active: _Sps | None = None
        self._order_base = 0
        self.stated_fps: float | None = None
        self._held: set[int] | None = None
        self._sets = KnownSets()
        self._layouts: dict[bool, tuple[int, ...]] = {}

    @property
    def counts_to(self) -> int:
        """MaxPicOrderCntLsb; before the first picture the least there is."""
        return 1 << (self._active.order_bits if self._active else 4)

    def learn(self, nal: bytes) -> None:
        """Take a sequence or picture parameter set."""
        kind = (nal[0] >> 1) & 0x3F
        if kind == _SPS:
            number, sps = _read_sps(nal)
            self._sets.take(kind, number, nal)
            self._sps[number] = sps
            self.stated_fps = sps.fps
        elif kind == _PPS:
            bits = Bits(nal, 2)
            number, sps_number = bits.ue(), bits.ue()
            self._sets.take(kind, number, nal)
            has_dependent_slices = bits.flag()
            self._pps[number] = _Pps(sps_number, has_dependent_slices, bits.flag(), bits.u(3))

    def see(self, nals: list[bytes]) -> Finding:
        """Judge the next access unit."""
        try:
            for nal in nals:
                if len(nal) > 2:
                    self.learn(nal)
            changed = self._sets.changed()
            slices = [nal for nal in nals if len(nal) > 2 and (nal[0] >> 1) & 0x3F <= 21]
            if not slices:
                return Finding.LOST if changed else Finding.CONTINUES
            found = self._judge(slices[0])
            whole = self._has_all_slices(slices)
        except (EOFError, KeyError, IndexError):
            self._held = None
            return Finding.LOST
        return found if whole and (not changed or found is Finding.CLEAN_START) else Finding.LOST

    def parameter_sets(self) -> list[bytes]:
        """Return the newest parameter sets."""
        return self._sets.units()

    def _judge(self, nal: bytes) -> Finding:
        kind, layer = (nal[0] >> 1) & 0x3F, (nal[1] & 7) - 1
        bits = Bits(nal, 2)
        if not bits.flag():
            self._held = None
            return Finding.LOST  # the picture's first slice is missing
        is_random_access = 16 <= kind <= 23
        if is_random_access:
            bits.flag()
        pps = self._pps[bits.ue()]
        sps = self._sps[pps.sps]
        bits.u(pps.extra_bits)
        bits.ue()
        if pps.has_output_flag:
            bits.flag()
        if sps.separate_planes:
            bits.u(2)
        if kind in {19, 20}:
            self._active, self._order_base, self._held = sps, 0, {0}
            return Finding.CLEAN_START
        order = self._order(
            bits.u(sps.order_bits), sps, is_fresh=is_random_access and (kind <= 18 or self._held is None)
        )
        references = self._references(bits, sps)
        changed = self._active is not None and sps != self._active
        held, self._active = self._held, sps
        if layer <= 0 and kind not in _LEADING_OR_SKIPPED:
            self._order_base = order
        kept = {order + reference.delta for reference in references}
        self._held = ((held or set()) & kept) | {order}
        if is_random_access:
            return Finding.CLEAN_START
        if held is None or changed:
            self._held = None if held is None else self._held
            return Finding.LOST
        needed = {order + reference.delta for reference in references if reference.is_used}
        if kind in _RASL:
            return Finding.LEADING
        return Finding.CONTINUES if needed <= held else Finding.LOST

    def _has_all_slices(self, slices: list[bytes]) -> bool:
        """Return whether the picture is cut into slices as the one before it of its kind was.

        Where a slice ends can't be read without decoding it, and a decoder says nothing when the next one is missing. So the cut is
        compared: a camera cuts by place. One that cuts by size stays grey, and has to be set otherwise.
        """
        cut = tuple(self._address(nal) for nal in slices)
        is_random_access = 16 <= (slices[0][0] >> 1) & 0x3F <= 23
        before = self._layouts.get(is_random_access, self._layouts.get(not is_random_access, cut))
        self._layouts[is_random_access] = cut
        return cut == before

    def _address(self, nal: bytes) -> int:
        """Return where in the picture a slice begins, in coding blocks."""
        bits = Bits(nal, 2)
        if bits.flag():
            return 0
        if 16 <= (nal[0] >> 1) & 0x3F <= 23:
            bits.flag()
        pps = self._pps[bits.ue()]
        if pps.has_dependent_slices:
            bits.flag()
        return bits.u((self._sps[pps.sps].blocks - 1).bit_length())

    def _order(self, low: int, sps: _Sps, *, is_fresh: bool) -> int:
        """Return the picture order count (clause 8.3.1)."""
        if is_fresh:
            return low
        span = 1 << sps.order_bits
        high = self._order_base - self._order_base % span
        previous_low = self._order_base % span
        if low < previous_low and previous_low - low >= span // 2:
            high += span
        elif low > previous_low and low - previous_low > span // 2:
            high -= span
        return high + low

    @staticmethod
    def _references(bits: Bits, sps: _Sps) -> tuple[_Reference, ...]:
        if not bits.flag():
            return _read_set(bits, list(sps.sets), in_slice=True)
        if len(sps.sets) > 1:
            return sps.sets[bits.u((len(sps.sets) - 1).bit_length())]
        return sps.sets[0]


def _read_set(bits: Bits, earlier: list[tuple[_Reference, ...]], *, in_slice: bool) -> tuple[_Reference, ...]:
    """Read one short-term reference picture set (clause 7.3.7, 7.4.8): negative distances first, nearest first."""
    if earlier and bits.flag():
        back = bits.ue() + 1 if in_slice else 1
        negative = bits.flag()
        shift = (bits.ue() + 1) * (-1 if negative else 1)
        base = earlier[len(earlier) - back]
        flags = []
        for _ in range(len(base) + 1):
            used = bits.flag()
            flags.append((used, used or bits.flag()))
        deltas = [reference.delta + shift for reference in base] + [shift]
        found = [_Reference(d, used) for d, (used, kept) in zip(deltas, flags, strict=True) if kept and d]
        return tuple(
            sorted((r for r in found if r.delta < 0), key=lambda r: -r.delta)
            + sorted((r for r in found if r.delta > 0), key=lambda r: r.delta)
        )
    counts = bits.ue(), bits.ue()
    if max(counts) > 16:
        raise EOFError
    out = []
    for count, sign in zip(counts, (-1, 1), strict=True):
        delta = 0
        for _ in range(count):
            delta += sign * (bits.ue() + 1)
            out.append(_Reference(delta, bits.flag()))
    return tuple(out)


def _read_sps(nal: bytes) -> tuple[int, _Sps]:
    bits = Bits(nal, 2, 4000)
    bits.u(4)
    layers = bits.u(3)
    bits.flag()
    _skip_profile(bits, layers)
    number = bits.ue()
    chroma_format = bits.ue()
    separate_planes = chroma_format == 3 and bits.flag()
    size_px = (bits.ue(), bits.ue())
    if bits.flag():
        for _ in range(4):
            bits.ue()
    bits.ue()
    bits.ue()
    order_bits = bits.ue() + 4
    for _ in range(layers + 1 if bits.flag() else 1):
        for _ in range(3):
            bits.ue()
    block_bits = 3 + bits.ue() + bits.ue()
    for _ in range(4):
        bits.ue()
    if bits.flag() and bits.flag():
        _skip_scaling(bits)
    bits.u(2)
    if bits.flag():
        bits.u(8)
        bits.ue()
        bits.ue()
        bits.flag()
    count = bits.ue()
    if count > 64:
        raise EOFError
    sets: list[tuple[_Reference, ...]] = []
    for _ in range(count):
        sets.append(_read_set(bits, sets, in_slice=False))
    # A block size that no profile has comes from a broken set.
    if block_bits > 6:
        raise EOFError
    blocks = (-(-size_px[0] >> block_bits)) * (-(-size_px[1] >> block_bits))
    fps = None
    with suppress(EOFError):  # what a camera cuts off here says nothing of its pictures
        fps = _read_fps(bits, order_bits)
    return number, _Sps(order_bits, separate_planes, size_px, blocks, tuple(sets), fps)


def _read_fps(bits: Bits, order_bits: int) -> float | None:
    """Read on to the timing of the usability information (annex E.2.1)."""
    if bits.flag():
        for _ in range(bits.ue()):
            bits.u(order_bits + 1)
    bits.u(2)
    if not bits.flag():
        return None
    skip_picture_usability(bits)
    bits.u(3)
    if bits.flag():
        for _ in range(4):
            bits.ue()
    return read_fps(bits, ticks_a_frame=1)


def _skip_profile(bits: Bits, layers: int) -> None:
    bits.u(96)
    present = [(bits.flag(), bits.flag()) for _ in range(layers)]
    if layers:
        bits.u(2 * (8 - layers))
    for has_profile, has_level in present:
        bits.u(88 * has_profile + 8 * has_level)


def _skip_scaling(bits: Bits) -> None:
    for size in range(4):
        for _ in range(2 if size == 3 else 6):
            if not bits.flag():
                bits.ue()
                continue
            if size > 1:
                bits.se()
            for _ in range(min(64, 1 << (4 + 2 * size))):
                bits.se()
