"""Whether the clock may be trusted with erasing. Pure: readings in, verdict out.

A wrong clock must never erase. Compared are the wall clock, the clock since boot (which no time server moves), the database's clock, the
witness' clock, the newest footage, and the highest wall clock ever trusted. In doubt nothing is claimed; a person looks, puts the clock
right, or confirms it.

The trusted time is carried from sample to sample along the boot clock and follows the wall clock only slowly, so that many small
steps, each within tolerance, don't add up unseen.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from vms.clock import LONGEST_ABSENCE

_RECENT = timedelta(days=1)

_SLEW = 0.001
"""Seconds per second by which trusted time follows the wall clock: ten times what a poor crystal drifts."""


class Doubt(StrEnum):
    """Why the clock is not trusted."""

    STEPPED = "clock-stepped"
    BACKWARDS = "clock-backwards"
    LONG_ABSENCE = "long-absence"
    DATABASE_DISAGREES = "database-clock"
    WITNESS_DISAGREES = "witness-clock"
    LEDGER_CONTRADICTED = "ledger-contradicted"
    FOOTAGE_FROM_FUTURE = "footage-from-the-future"
    BRAKE = "brake"


@dataclass(frozen=True, slots=True)
class Readings:
    """All clocks, read together.

    Args:
        wall_at: this machine's wall clock.
        boottime_s: seconds since boot.
        boot_id: which boot.
        database_at: the database's clock; None: not compared (a simulated time).
        footage_ends_at: where what was recorded last of each placement ends.
        witness_ahead: how far the witness' clock was ahead of the wall clock when it last signed; None: no witness, or it has not signed.
    """

    wall_at: datetime
    boottime_s: float
    boot_id: str
    database_at: datetime | None
    footage_ends_at: tuple[datetime, ...]
    witness_ahead: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """Trusted time and the boot clock at one moment, kept over restarts."""

    trusted_at: datetime
    boottime_s: float
    boot_id: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the guard thinks.

    Args:
        doubts: why not; empty: trusted.
        at: the wall clock that was judged. Whoever erases goes by it and never reads the clock again: a step in between would be believed.
        elapsed: trusted time since the sample.
        next_sample: what to keep when trusted.
    """

    doubts: tuple[Doubt, ...]
    at: datetime
    elapsed: timedelta
    next_sample: Sample

    @property
    def is_trusted(self) -> bool:
        """Whether anything may be claimed."""
        return not self.doubts


def judge(readings: Readings, sample: Sample | None, tolerance: timedelta) -> Verdict:
    """Compare the clocks.

    Args:
        readings: now.
        sample: the last trusted moment; None: the first start ever.
        tolerance: how far clocks may differ.
    """
    doubts: list[Doubt] = []
    wall_at = readings.wall_at
    elapsed, trusted_at = timedelta(0), wall_at
    if sample is None:
        newest_at = max(readings.footage_ends_at, default=wall_at)
        if wall_at - newest_at > LONGEST_ABSENCE:
            doubts.append(Doubt.LONG_ABSENCE)
    elif sample.boot_id == readings.boot_id:
        elapsed = timedelta(seconds=max(0.0, readings.boottime_s - sample.boottime_s))
        expected_at = sample.trusted_at + elapsed
        off = wall_at - expected_at
        if abs(off) > tolerance:
            doubts.append(Doubt.STEPPED if off > timedelta(0) else Doubt.BACKWARDS)
        most = elapsed * _SLEW
        trusted_at = expected_at + max(-most, min(most, off))
    else:
        elapsed = max(timedelta(0), wall_at - sample.trusted_at)
        if sample.trusted_at - wall_at > tolerance:
            doubts.append(Doubt.BACKWARDS)
        if elapsed > LONGEST_ABSENCE:
            doubts.append(Doubt.LONG_ABSENCE)
    if readings.database_at is not None and abs(readings.database_at - wall_at) > tolerance:
        doubts.append(Doubt.DATABASE_DISAGREES)
    if readings.witness_ahead is not None and abs(readings.witness_ahead) > tolerance:
        doubts.append(Doubt.WITNESS_DISAGREES)
    if _mostly_from_future(readings, tolerance):
        doubts.append(Doubt.FOOTAGE_FROM_FUTURE)
    return Verdict(tuple(doubts), wall_at, elapsed, Sample(trusted_at, readings.boottime_s, readings.boot_id))


def _mostly_from_future(readings: Readings, tolerance: timedelta) -> bool:
    """Return whether most placements that record of late have footage ahead of the wall clock.

    One is a camera whose clock is wrong, and must not stop all erasing; most are a wall clock that went back.
    """
    recent = [end_at for end_at in readings.footage_ends_at if end_at > readings.wall_at - _RECENT]
    ahead = [end_at for end_at in recent if end_at - readings.wall_at > tolerance]
    return 2 * len(ahead) > len(recent)
