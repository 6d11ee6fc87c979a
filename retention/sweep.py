"""One round of erasing: finish what was begun, look at the clocks, claim what is due, let keys die.

What was claimed before is always finished: it was claimed when the clock was trusted. In doubt nothing new is claimed.

A segment that is due and still OPEN was left by a recorder that never came back (its camera is gone, its placement over). Nobody can
watch it, but it is footage: it becomes DAMAGED, with an entry, and is erased like any other, or kept by a hold.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from retention import acts, clockguard, erase, holds, terms
from retention.clockguard import Doubt, Readings, Sample, Verdict
from retention.due import HOUR, Brake, choose, length_of
from retention.erase import Tally
from retention.parts import RetentionParts
from vms.clock import LONGEST_ABSENCE, reckoning_at
from vms.db import erasing, inventory, sweeps
from vms.db.holds import list_in
from vms.db.sweeps import ClockSample, SweepOutcome
from vms.errors import VmsError
from vms.model import HoldState, PlacementId

_MICROSECONDS = 1_000_000
_CANDIDATES = 50_000


@dataclass(frozen=True, slots=True)
class SweepLimits:
    """What a sweep goes by.

    Args:
        keep_for: retention less its margin.
        margin: how long before the end of the retention footage becomes due.
        clock_tolerance: how far clocks may differ.
        release_grace: how long after an agreed release a hold still keeps its footage.
        compares_database_clock: False only where time is simulated.
    """

    keep_for: timedelta
    margin: timedelta
    clock_tolerance: timedelta
    release_grace: timedelta = timedelta(hours=72)
    compares_database_clock: bool = True


@dataclass(frozen=True, slots=True)
class SweepReport:
    """What a sweep did.

    Args:
        finished: segments that an earlier sweep had claimed.
        claimed: segments claimed and erased in this one.
        ended_keys: hour keys destroyed.
        caught: segments that holds have caught.
        doubts: why not everything due was claimed; empty: everything was.
        at: the instant by which it was judged what is due.
    """

    finished: int
    claimed: int
    ended_keys: int
    caught: int
    doubts: tuple[Doubt, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class Witnessed:
    """What the witness had to say before a sweep.

    Args:
        ahead: how far its clock was ahead of ours when it last signed; None: there is none, or it has not signed yet.
        contradicts: it has signed another history than the database has.
    """

    ahead: timedelta | None = None
    contradicts: bool = False


UNWITNESSED = Witnessed()


def run_sweep(parts: RetentionParts, limits: SweepLimits, witnessed: Witnessed = UNWITNESSED) -> SweepReport:
    """Do one round.

    Raises:
        VmsError: something could not be erased, or the database is away; the sweep counts as stopped and the next one goes on.
    """
    with parts.db.write() as conn:
        previous = next(iter(sweeps.list_newest(conn, 1)), None)
        sweep_id = sweeps.begin(conn, parts.clock.now())
    tally = Tally()
    try:
        ended_keys, caught = _finish_begun(parts, tally)
        verdict = _judge(parts, limits, witnessed)
        braked: list[PlacementId] = []
        if verdict.is_trusted:
            _put_terms_right(parts, limits, verdict)
            caught += _give_up_open(parts, verdict.at)
            braked = _claim(parts, limits, verdict, tally)
            ended_keys += erase.end_hour_keys(parts, verdict.at - HOUR - limits.keep_for)
        if tally.claimed or ended_keys:
            holds.attend(parts)  # a released hold's key may have waited for what is erased now
        tally.raise_first()
    except VmsError as error:
        _stop(parts, sweep_id, tally, error, previous)
        raise
    doubts = (*verdict.doubts, *([Doubt.BRAKE] if braked else []))
    with parts.db.write() as conn:
        sweeps.finish(
            conn,
            sweep_id,
            finished_at=parts.clock.now(),
            outcome=SweepOutcome.STOPPED if doubts else SweepOutcome.GOOD,
            claimed=tally.claimed,
            destroyed=tally.claimed + tally.finished,
            doubts=doubts,
        )
        if verdict.is_trusted:
            sample = verdict.next_sample
            stored = ClockSample(sample.trusted_at, round(sample.boottime_s * _MICROSECONDS), sample.boot_id)
            sweeps.set_clock_sample(conn, stored)
        if doubts and (previous is None or tuple(previous.doubts) != tuple(map(str, doubts))):
            parts.ledger.append(conn, acts.sweep_stopped([doubt.value for doubt in doubts], braked))
            if verdict.doubts:
                parts.ledger.append(conn, acts.clock_doubted([doubt.value for doubt in verdict.doubts]))
    return SweepReport(tally.finished, tally.claimed, ended_keys, caught, doubts, verdict.at)


def _finish_begun(parts: RetentionParts, tally: Tally) -> tuple[int, int]:
    erase.finish_expiring(parts, tally)
    return erase.finish_dying_hours(parts), holds.attend(parts)


def _give_up_open(parts: RetentionParts, now: datetime) -> int:
    """See to what is due and was never sealed; return how many segments holds have caught thereby."""
    with parts.db.write() as conn:
        # No segment lasts for an hour (the database refuses it): what began before that is not being written any more.
        given_up = erasing.give_up_open(conn, now, now - HOUR)
        for placement_id, number in given_up:
            parts.ledger.append(conn, acts.damaged(placement_id, number, "never-sealed"))
    return holds.attend(parts) if given_up else 0


def _put_terms_right(parts: RetentionParts, limits: SweepLimits, verdict: Verdict) -> None:
    sample = verdict.next_sample
    trusted = reckoning_at(verdict.at, sample.boottime_s, sample.boot_id)
    terms.put_right(parts, terms.Trust(trusted, limits.clock_tolerance))


def _judge(parts: RetentionParts, limits: SweepLimits, witnessed: Witnessed) -> Verdict:
    clock = parts.clock
    with parts.db.read() as conn:
        stored = sweeps.get_clock_sample(conn)
        ends_at = tuple(inventory.last_ends(conn).values())
        wall_at, boottime_s = clock.now(), clock.boottime_s()
        database_at = parts.db.now(conn) if limits.compares_database_clock else None
    readings = Readings(wall_at, boottime_s, clock.boot_id(), database_at, ends_at, witnessed.ahead)
    sample = None if stored is None else Sample(stored.wall_at, stored.boottime_us / _MICROSECONDS, stored.boot_id)
    verdict = clockguard.judge(readings, sample, limits.clock_tolerance)
    # A database that was changed or set back may have forgotten holds: nothing is erased by its word.
    return replace(verdict, doubts=(*verdict.doubts, Doubt.LEDGER_CONTRADICTED)) if witnessed.contradicts else verdict


def _claim(parts: RetentionParts, limits: SweepLimits, verdict: Verdict, tally: Tally) -> list[PlacementId]:
    """Claim and erase until nothing ripe is left; return where the brake held back."""
    while True:
        brake = _brake(parts, verdict)
        with parts.db.read() as conn:
            candidates = erasing.list_due(conn, verdict.at, _CANDIDATES)
        choice = choose(candidates, verdict.at, limits.margin, brake)
        taken = erase.claim_and_erase(parts, choice.claimed, verdict.at, tally)
        if not taken or len(candidates) < _CANDIDATES:
            return choice.braked


def _brake(parts: RetentionParts, verdict: Verdict) -> Brake:
    with parts.db.read() as conn:
        last_good = sweeps.last_good(conn)
        last_good_at = last_good.finished_at if last_good else None
        if last_good_at is None:
            return Brake(None, LONGEST_ABSENCE, {})
        taken: dict[PlacementId, timedelta] = {}
        for row in erasing.claimed_between(conn, last_good_at, verdict.at):
            taken[row.placement_id] = taken.get(row.placement_id, timedelta(0)) + length_of(row)
    elapsed = max(timedelta(0), verdict.next_sample.trusted_at - last_good_at)
    return Brake(last_good_at, elapsed, taken)


def _stop(parts: RetentionParts, sweep_id: int, tally: Tally, error: VmsError, previous: sweeps.Sweep | None) -> None:
    """Record that the sweep ended badly; if even that fails, the row stays RUNNING, which counts as no good sweep.

    The ledger gets one entry when a reason begins, not one with every sweep. It names the holds whose placing has not ended:
    nothing is claimed before they know what they keep, so a hold that can't be finished holds up all erasing.
    """
    doubts = (f"error {error.code}",)
    with parts.db.write() as conn:
        sweeps.finish(
            conn,
            sweep_id,
            finished_at=parts.clock.now(),
            outcome=SweepOutcome.STOPPED,
            claimed=tally.claimed,
            destroyed=0,
            doubts=doubts,
        )
        if previous is None or tuple(previous.doubts) != doubts:
            pending = [hold.id for hold in list_in(conn, {HoldState.PENDING})]
            parts.ledger.append(conn, acts.sweep_failed(doubts[0], pending))
