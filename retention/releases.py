"""Releases of holds: asked for by one person and approved by another; of an own hold one is enough. Carried out after a grace.

Until then the hold keeps its footage as before, so that nothing is erased by a release that somebody takes back in time.
"""

from datetime import datetime, timedelta
from uuid import uuid4

from sqlalchemy import Connection, select

from retention import acts
from retention.holds import LEAST_REASON, release_hold
from retention.parts import DAEMON, By, RetentionParts, person_of
from vms.db import holds
from vms.db.asking import HOLD_RELEASES, Asked
from vms.db.tables import hold_release
from vms.errors import Conflict, InvalidInput, NotFound
from vms.model import AskedState, HoldId, HoldState

_OPEN = (AskedState.REQUESTED, AskedState.APPROVED)


def ask(parts: RetentionParts, hold_id: HoldId, reason: str, by: By) -> Asked:
    """Ask for the release of a hold; of an own hold it counts as approved.

    Raises:
        NotFound: there is no such hold.
        InvalidInput: the reason is too short.
        Conflict: it is not active, or its release is asked for already.
    """
    user_id, role = person_of(by)
    with parts.db.write() as conn:
        hold = holds.get(conn, hold_id, lock=True)
        if hold.state is not HoldState.ACTIVE:
            raise Conflict(f"hold {hold_id} is {hold.state}: there is nothing to release", code="hold.not-active")
        if _open_of(conn, hold_id) is not None:
            raise Conflict(f"the release of hold {hold_id} is asked for already", code="release.open")
        if len(reason.strip()) < LEAST_REASON:
            raise InvalidInput(
                f"say in at least {LEAST_REASON} characters why the hold ends", code="hold.reason", least=LEAST_REASON
            )
        is_own = hold.requested_by == user_id
        found = HOLD_RELEASES.ask(
            conn,
            f"hr-{uuid4().hex}",
            reason=reason,
            by=user_id,
            role=role,
            at=parts.clock.now(),
            hold_id=hold_id,
            is_own=is_own,
        )
        if is_own:
            found = HOLD_RELEASES.approve_alone(conn, found.id)
        parts.ledger.append(conn, acts.release_asked(by, hold, found, is_own=is_own))
    return found


def decide(parts: RetentionParts, hold_id: HoldId, by: By, *, refusal: str | None) -> Asked:
    """Approve the release of somebody else's hold as second person, or refuse it with a reason.

    Raises:
        VmsError: as `Desk.decide` says.
    """
    user_id, role = person_of(by)
    with parts.db.write() as conn:
        hold = holds.get(conn, hold_id, lock=True)
        asked = _expected(conn, hold_id)
        now = parts.clock.now()
        found = HOLD_RELEASES.decide(conn, asked.id, refusal=refusal, by=user_id, role=role, at=now)
        parts.ledger.append(conn, acts.release_decided(by, hold, found, refusal))
    return found


def take_back(parts: RetentionParts, hold_id: HoldId, reason: str, by: By) -> Asked:
    """Take back a release that is not carried out yet: keeping is the safe side, so one person is enough.

    Raises:
        NotFound: no release of this hold waits.
        InvalidInput: the reason is too short.
        Conflict: it was carried out in this moment.
    """
    person_of(by)
    if len(reason.strip()) < LEAST_REASON:
        raise InvalidInput(
            f"say in at least {LEAST_REASON} characters why it is kept", code="hold.reason", least=LEAST_REASON
        )
    with parts.db.write() as conn:
        hold = holds.get(conn, hold_id, lock=True)
        asked = _expected(conn, hold_id)
        if hold.state is not HoldState.ACTIVE or not HOLD_RELEASES.withdraw(conn, asked, parts.clock.now()):
            raise Conflict(f"hold {hold_id} is released already", code="release.done")
        parts.ledger.append(conn, acts.release_taken_back(by, hold, asked, reason))
        return HOLD_RELEASES.get(conn, asked.id)


def carry_out(parts: RetentionParts, grace: timedelta, at: datetime) -> int:
    """Release the holds whose time of grace is over; return how many.

    Args:
        at: the trusted instant: a clock that is ahead must not shorten the grace.
    """
    with parts.db.read() as conn:
        waiting = [
            (one, _hold_of(conn, one))
            for one in HOLD_RELEASES.list_in(conn, AskedState.APPROVED)
            if at - _agreed_at(one) >= grace
        ]
    for asked, hold_id in waiting:
        release_hold(parts, hold_id, asked.reason, DAEMON, asked.requested_by, release=asked)
    return len(waiting)


def expire(parts: RetentionParts) -> int:
    """End the requests that nobody decided in time; return how many."""
    with parts.db.write() as conn:
        ended = HOLD_RELEASES.expire_undecided(conn, parts.clock.now())
        for asked in ended:
            parts.ledger.append(conn, acts.release_expired(holds.get(conn, _hold_of(conn, asked)), asked))
    return len(ended)


def open_releases(conn: Connection) -> dict[HoldId, Asked]:
    """Return the releases that wait for a decision or for the end of their grace, by their hold."""
    return {_hold_of(conn, one): one for state in _OPEN for one in HOLD_RELEASES.list_in(conn, state)}


def released_from(asked: Asked, grace: timedelta) -> datetime | None:
    """Return from when on the hold lets go, None while nobody has decided."""
    return _agreed_at(asked) + grace if asked.state is AskedState.APPROVED else None


def _agreed_at(asked: Asked) -> datetime:
    return asked.decided_at or asked.requested_at


def _open_of(conn: Connection, hold_id: HoldId) -> Asked | None:
    return open_releases(conn).get(hold_id)


def _expected(conn: Connection, hold_id: HoldId) -> Asked:
    found = _open_of(conn, hold_id)
    if found is None:
        raise NotFound(f"no release of hold {hold_id} waits", code="release.unknown")
    return found


def _hold_of(conn: Connection, asked: Asked) -> HoldId:
    return HoldId(conn.execute(select(hold_release.c.hold_id).where(hold_release.c.id == asked.id)).scalar_one())
