"""Two persons' word that the clock is right, against what the guard doubts: ends a long absence, a step or a brake, never more.

It is carried out by the daemon, on whose machine the clock is that they mean, and within half an hour, or not at all. What the witness
says against the ledger is no matter of clocks: no word of persons ends it.
"""

from datetime import timedelta
from uuid import uuid4

from retention import acts
from retention.parts import By, RetentionParts, person_of
from vms.db import reports, sweeps
from vms.db.asking import OVERRIDES, Asked
from vms.db.reports import Service
from vms.db.sweeps import ClockSample, SweepOutcome
from vms.model import AskedState, OverrideId

_MICROSECONDS = 1_000_000


def ask(parts: RetentionParts, reason: str, by: By) -> Asked:
    """Say that the clock is right, with a reason; another person has half an hour to say so too.

    Raises:
        InvalidInput: the reason is too short.
    """
    user_id, role = person_of(by)
    with parts.db.write() as conn:
        override_id = OverrideId(f"co-{uuid4().hex}")
        now = parts.clock.now()
        override = OVERRIDES.ask(conn, override_id, reason=reason, by=user_id, role=role, at=now)
        told = [
            one.words.get("doubts", []) for one in reports.conditions(conn, now) if one.service is Service.RETENTION
        ]
        doubts = [str(doubt) for doubts in told for doubt in doubts]
        parts.ledger.append(conn, acts.clock_asked(by, override, doubts))
    return override


def decide(parts: RetentionParts, override_id: OverrideId, by: By, *, refusal: str | None) -> Asked:
    """Say so too, or refuse with a reason.

    Raises:
        VmsError: as `Desk.decide` says.
    """
    user_id, role = person_of(by)
    with parts.db.write() as conn:
        override = OVERRIDES.decide(conn, override_id, refusal=refusal, by=user_id, role=role, at=parts.clock.now())
        parts.ledger.append(conn, acts.clock_decided(by, override, refusal))
    return override


def carry_out(parts: RetentionParts) -> int:
    """Let the clock count again for each word that two persons gave within the last half hour; return for how many."""
    confirmed = 0
    now = parts.clock.now()
    with parts.db.write() as conn:
        for override in OVERRIDES.list_in(conn, AskedState.APPROVED):
            age = now - override.decided_at if override.decided_at is not None else None
            # A clock that has moved on since is not the one that they looked at.
            if age is None or not timedelta(0) <= age < OVERRIDES.lapses_after:
                continue
            if not OVERRIDES.finish(conn, override.id, now):
                continue
            sample = ClockSample(now, round(parts.clock.boottime_s() * _MICROSECONDS), parts.clock.boot_id())
            sweeps.set_clock_sample(conn, sample)
            # Counts as a good sweep: what is due until now is nothing that a clock made due unseen.
            sweeps.finish(
                conn,
                sweeps.begin(conn, now),
                finished_at=now,
                outcome=SweepOutcome.GOOD,
                claimed=0,
                destroyed=0,
                doubts=["confirmed-by-two-persons"],
            )
            parts.ledger.append(conn, acts.clock_confirmed(override, now))
            confirmed += 1
    return confirmed


def expire(parts: RetentionParts) -> int:
    """End the requests that nobody decided, and the approvals that were not carried out, in time; return how many."""
    ended = 0
    now = parts.clock.now()
    with parts.db.write() as conn:
        for state in (AskedState.REQUESTED, AskedState.APPROVED):
            for override in OVERRIDES.list_in(conn, state):
                since_at = override.decided_at or override.requested_at
                is_over = not timedelta(0) <= now - since_at < OVERRIDES.lapses_after
                if is_over and OVERRIDES.expire(conn, override, now):
                    parts.ledger.append(conn, acts.clock_expired(override))
                    ended += 1
    return ended
