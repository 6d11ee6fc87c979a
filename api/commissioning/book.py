"""Leave and looks in database and ledger: each change is one transaction with its entry; no entry, no picture."""

import secrets
from datetime import datetime, timedelta
from typing import Final

import structlog

from api.access import Asker, Context, Subject, authorize
from api.acting import SERVICE, Who, person, record
from api.doorman import Doorman
from api.parts import ApiParts
from config.policy import Action
from vms.db import commissioning, placements, plans, users
from vms.db.commissioning import REQUEST_LAPSES_AFTER, Commissioning, CommissioningView
from vms.errors import Conflict, Denied, InvalidInput, NotFound
from vms.ledger.acts import Act
from vms.ledger.entries import Private, Purpose, Result, Value
from vms.model import CommissioningId, CommissioningState, PlacementId, Role

LEAST_REASON: Final = 10
SEEN_EVERY_S: Final = 10.0
"""The ledger gets an entry for each stretch of this length."""
UNWRITTEN_AT_MOST_S: Final = 15.0
"""No picture is passed on when the ledger lags behind further than this."""
PURPOSE_CODE: Final = "blanking"

log = structlog.get_logger(__name__)


class CommissioningBook:
    """Asks, decides, opens and closes."""

    def __init__(self, parts: ApiParts, doorman: Doorman) -> None:
        self._parts = parts
        self._doorman = doorman

    def ask(self, asker: Asker, placement_id: PlacementId, reason: str, minutes: int) -> Commissioning:
        """Write down that somebody asks.

        Raises:
            InvalidInput: the reason is too short, or the time too long.
            NotFound: there is no such placement now.
            Conflict: its plan says that no dwelling is in sight: everybody who watches sees it unblanked already.
        """
        now = self._parts.clock.now()
        if len(reason.strip()) < LEAST_REASON:
            raise InvalidInput("say why it must be seen unblanked", code="commissioning.reason", least=LEAST_REASON)
        with self._parts.db.write() as conn:
            placement = placements.get(conn, placement_id)
            if placement.until_at is not None and placement.until_at <= now:
                raise NotFound(f"placement {placement_id} has ended", code="placement.unknown")
            plan = plans.current(conn, placement_id)
            if plan is not None and plan.no_dwelling_in_sight:
                raise Conflict(
                    f"no dwelling is in sight of {placement_id}: its live picture shows all",
                    code="commissioning.copied",
                )
            leave = commissioning.request(
                conn,
                CommissioningId(f"c-{secrets.token_hex(8)}"),
                placement_id=placement_id,
                reason=reason.strip(),
                minutes=minutes,
                requested_by=asker.subject.user_id,
                requested_as=_role(asker),
                at=now,
            )
            obj = _object(leave) | {"minutes": minutes, "reason": Private(leave.reason)}
            who = person(asker.subject, asker.decision)
            record(self._parts.ledger, conn, Act.COMMISSIONING_REQUEST, who, obj, purpose=_purpose(leave))
        return leave

    def decide(self, asker: Asker, commissioning_id: CommissioningId, *, approved: bool, reason: str) -> Commissioning:
        """Write down what the second person decides; an approval counts from now on.

        Raises:
            NotFound, InvalidInput, Conflict: see `commissioning.approve`.
        """
        # What is over must not stand in the way of what comes next.
        self.tidy()
        try:
            return self._decide(asker, commissioning_id, approved=approved, reason=reason)
        except InvalidInput as error:
            # The attempt to be one's own second person is an act too.
            act = Act.COMMISSIONING_APPROVE if approved else Act.COMMISSIONING_REFUSE
            self._deny(asker, act, commissioning_id, error.code)
            raise

    def _decide(self, asker: Asker, commissioning_id: CommissioningId, *, approved: bool, reason: str) -> Commissioning:
        now = self._parts.clock.now()
        with self._parts.db.write() as conn:
            move = commissioning.approve if approved else commissioning.refuse
            leave = move(
                conn,
                commissioning_id,
                by=asker.subject.user_id,
                role=_role(asker),
                session_id=asker.subject.session_id,
                at=now,
            )
            obj = _object(leave) | {"requested_by": leave.requested_by}
            obj |= {"from": leave.from_at, "to": leave.until_at} if approved else {"reason": Private(reason)}
            act = Act.COMMISSIONING_APPROVE if approved else Act.COMMISSIONING_REFUSE
            record(self._parts.ledger, conn, act, person(asker.subject, asker.decision), obj, purpose=_purpose(leave))
        return leave

    def end(self, asker: Asker, commissioning_id: CommissioningId) -> Commissioning:
        """End a leave at once: whoever asked for it, and everybody who may approve one.

        Raises:
            NotFound: there is no such leave.
            Denied: it is somebody else's, and the asker may not approve.
            Conflict: it is over.
        """
        with self._parts.db.read() as conn:
            leave = commissioning.get(conn, commissioning_id)
        if asker.action is not Action.COMMISSIONING_APPROVE and leave.requested_by != asker.subject.user_id:
            self._deny(asker, Act.COMMISSIONING_END, commissioning_id, "not-yours")
            raise Denied("only who asked or who may approve ends it", code="commissioning.not-yours")
        if not self._close(leave, "ended", person(asker.subject, asker.decision)):
            raise Conflict(f"commissioning view {commissioning_id} is over", code="commissioning.moved-on")
        with self._parts.db.read() as conn:
            return commissioning.get(conn, commissioning_id)

    def open_view(self, asker: Asker, commissioning_id: CommissioningId) -> tuple[Commissioning, CommissioningView]:
        """Write down that the look begins; afterwards the worker may hand out pictures.

        Raises:
            NotFound: there is no such leave.
            Denied: somebody else asked for it.
            Conflict: it does not count (any more), or a look is open under it.
        """
        subject = asker.subject
        now = self._parts.clock.now()
        with self._parts.db.read() as conn:
            leave = commissioning.get(conn, commissioning_id)
            busy = any(view.commissioning_id == commissioning_id for view in commissioning.open_views(conn))
        if leave.requested_by != subject.user_id:
            self._deny(asker, Act.COMMISSIONING_OPEN, commissioning_id, "not-yours")
            raise Denied("only who asked for the commissioning view sees it", code="commissioning.not-yours")
        if self.why_over(leave, subject.session_id) is not None:
            raise Conflict(
                f"commissioning view {commissioning_id} does not count (any more)", code="commissioning.over"
            )
        if busy:
            raise Conflict(f"commissioning view {commissioning_id} is shown elsewhere", code="commissioning.shown")
        with self._parts.db.write() as conn:
            view = commissioning.open_view(conn, f"v-{secrets.token_hex(16)}", leave.id, subject.session_id, now)
            obj = _object(leave) | {"view": view.id, "approved_by": leave.decided_by}
            record(
                self._parts.ledger,
                conn,
                Act.COMMISSIONING_OPEN,
                person(subject, asker.decision),
                obj,
                purpose=_purpose(leave),
            )
        return leave, view

    def beat(self, leave: Commissioning, view: CommissioningView, since: datetime, pictures: int) -> datetime | None:
        """Write down that the look went on until now; None when it was closed meanwhile.

        Raises:
            VmsError: it could not be written: nothing more may be shown.
        """
        now = self._parts.clock.now()
        with self._parts.db.write() as conn:
            if not commissioning.note_seen(conn, view.id, now):
                return None
            obj = _object(leave) | {"view": view.id, "session": view.session_id, "from": since, "to": now}
            record(self._parts.ledger, conn, Act.COMMISSIONING_SEEN, SERVICE, obj | {"pictures": pictures})
        return now

    def close_view(
        self,
        leave: Commissioning,
        view: CommissioningView,
        why: str,
        *,
        pictures: int | None = None,
        subject: Subject | None = None,
    ) -> None:
        """Write down that the look is over, and the leave if its time is; a second call does nothing."""
        now = self._parts.clock.now()
        with self._parts.db.write() as conn:
            if commissioning.close_view(conn, view.id, now):
                obj: dict[str, Value] = {
                    **_object(leave),
                    "view": view.id,
                    "session": view.session_id,
                    "opened": view.opened_at,
                    "closed": now,
                    "seconds": round((now - view.opened_at).total_seconds()),
                    "pictures": pictures,
                }
                who = person(subject) if subject is not None else SERVICE
                record(self._parts.ledger, conn, Act.COMMISSIONING_CLOSE, who, obj, why=why)
        if why in _ENDS_LEAVE:
            self._close(leave, why, SERVICE)

    def why_over(self, leave: Commissioning, session_id: str) -> str | None:
        """Return why nothing may be shown (any more), or None: the leave, and both persons, are looked up anew."""
        now = self._parts.clock.now()
        with self._parts.db.read() as conn:
            present = commissioning.get(conn, leave.id)
        if present.state is not CommissioningState.APPROVED:
            return present.closed_why or "not-approved"
        if present.until_at is None or present.decided_session is None or now >= present.until_at:
            return "expired"
        looker = self._doorman.still_in(session_id)
        if looker is None:
            return "session-over"
        if looker.user_id != present.requested_by or not self._may(looker, Action.COMMISSIONING_VIEW):
            return "no-longer-allowed"
        second = self._doorman.still_in(present.decided_session)
        if second is None:
            return "second-person-left"
        return None if self._may(second, Action.COMMISSIONING_APPROVE) else "second-person-not-allowed"

    def tidy(self) -> int:
        """End what nobody looks after: leaves past their time or whose second person left, requests that lapsed, dead looks.

        Returns:
            How many.
        """
        now = self._parts.clock.now()
        with self._parts.db.read() as conn:
            lasting = [one for one in commissioning.list_since(conn, now) if one.state in _LASTING]
            looks = commissioning.open_views(conn)
            leaves = {view.commissioning_id: commissioning.get(conn, view.commissioning_id) for view in looks}
        ended = 0
        for leave in lasting:
            why = self._why_tidied(leave, now)
            ended += why is not None and self._close(leave, why, SERVICE)
        for view in looks:
            if now - view.seen_at >= timedelta(seconds=2 * UNWRITTEN_AT_MOST_S):
                self.close_view(leaves[view.commissioning_id], view, "server-died")
                ended += 1
        if ended:
            log.info("ended commissioning views that nobody looked after", count=ended)
        return ended

    def _why_tidied(self, leave: Commissioning, now: datetime) -> str | None:
        if leave.state is CommissioningState.REQUESTED:
            return "lapsed" if now - leave.requested_at >= REQUEST_LAPSES_AFTER else None
        if leave.until_at is None or now >= leave.until_at:
            return "expired"
        second = None if leave.decided_session is None else self._doorman.still_in(leave.decided_session)
        return "second-person-left" if second is None else None

    def _deny(self, asker: Asker, act: Act, commissioning_id: CommissioningId, why: str) -> None:
        with self._parts.db.write() as conn:
            leave = commissioning.get(conn, commissioning_id)
            who = person(asker.subject, asker.decision)
            record(self._parts.ledger, conn, act, who, _object(leave), result=Result.DENIED, why=why)

    def _may(self, subject: Subject, action: Action) -> bool:
        return authorize(self._parts.policy, subject, action, Context(at=self._parts.clock.now())).allow

    def _close(self, leave: Commissioning, why: str, who: Who) -> bool:
        with self._parts.db.write() as conn:
            if not commissioning.close(conn, leave.id, why, self._parts.clock.now()):
                return False
            obj = _object(leave) | {"requested_by": leave.requested_by, "approved_by": leave.decided_by}
            record(self._parts.ledger, conn, Act.COMMISSIONING_END, who, obj, why=why)
        return True


def listed(parts: ApiParts, since: datetime) -> list[tuple[Commissioning, str, dict[str, str], bool]]:
    """Return recent leaves with the placement's name, people's names by id, and whether a look is open; newest first."""
    with parts.db.read() as conn:
        leaves = commissioning.list_since(conn, since)
        shown = {view.commissioning_id for view in commissioning.open_views(conn)}
        names = {str(account.id): account.display_name for account in users.list_all(conn)}
        places = {item.id: item.name for item in placements.list_all(conn)}
    return [(one, places.get(one.placement_id, one.placement_id), names, one.id in shown) for one in leaves]


_LASTING: Final = frozenset({CommissioningState.REQUESTED, CommissioningState.APPROVED})
_ENDS_LEAVE: Final = frozenset(
    {
        "expired",
        "session-over",
        "second-person-left",
        "second-person-not-allowed",
        "no-longer-allowed",
        "unwritten",
        "server-died",
    }
)


def _role(asker: Asker) -> Role:
    assert asker.decision.role is not None
    return asker.decision.role


def _object(leave: Commissioning) -> dict[str, Value]:
    return {"placement_id": leave.placement_id, "commissioning": leave.id}


def _purpose(leave: Commissioning) -> Purpose:
    return Purpose(PURPOSE_CODE, text=leave.reason)
