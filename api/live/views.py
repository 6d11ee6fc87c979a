"""Views in database and ledger: opened before the first byte, closed by the server, whatever the browser does."""

import secrets
from datetime import timedelta

import structlog

from api.access import Decision, Subject
from api.acting import SERVICE, person, record
from api.parts import ApiParts
from vms.db import placements, sessions, views
from vms.db.views import View
from vms.errors import NotFound, Unavailable
from vms.law.permit import permit
from vms.ledger.acts import Act
from vms.ledger.entries import Purpose, Value
from vms.model import PlacementId, Span

LIVE_PURPOSE = Purpose("public-order")
"""What live watching is for; playback asks each time (facts/policy.md: the primary goal)."""

_CLOSES = {"live": Act.LIVE_CLOSE, "playback": Act.PLAYBACK_CLOSE}

log = structlog.get_logger(__name__)


class ViewBook:
    """Opens and closes views; each opening and closing is one transaction with its ledger entry."""

    def __init__(self, parts: ApiParts) -> None:
        self._parts = parts

    def open_live(self, subject: Subject, decision: Decision, placement_id: PlacementId) -> View:
        """Write down that somebody begins to watch; afterwards the first byte may be sent.

        Raises:
            NotFound: there is no such placement now.
            Unavailable: `law.outside`: no decision of the mayor allows pictures there now; one may come.
        """
        now = self._parts.clock.now()
        with self._parts.db.write() as conn:
            placement = placements.get(conn, placement_id)
            if placement.until_at is not None and placement.until_at <= now:
                raise NotFound(f"placement {placement_id} has ended", code="placement.unknown")
            refusal = permit(placement.law, now).refusal
            if refusal is not None:
                raise Unavailable(f"nothing may be shown of {placement_id} now: {refusal}", code="law.outside")
            view = views.open_view(
                conn, _new_id(), session_id=subject.session_id, placement_id=placement_id, kind="live", at=now
            )
            record(
                self._parts.ledger,
                conn,
                Act.LIVE_OPEN,
                person(subject, decision),
                {"placement_id": placement_id, "view": view.id},
                purpose=LIVE_PURPOSE,
            )
        return view

    def may_go_on(self, view: View) -> bool:
        """Return whether the law allows pictures of the view's placement now: the end of a decision ends what is open.

        Raises:
            NotFound: there is no such placement.
        """
        with self._parts.db.read() as conn:
            return permit(placements.law(conn, view.placement_id), self._parts.clock.now()).may_record

    def open_playback(
        self, subject: Subject, decision: Decision, placement_id: PlacementId, span: Span, purpose: Purpose
    ) -> View:
        """Write down that somebody begins to look back, and for what.

        Raises:
            NotFound: there is no such placement.
        """
        now = self._parts.clock.now()
        with self._parts.db.write() as conn:
            placements.get(conn, placement_id)
            view = views.open_view(
                conn,
                _new_id(),
                session_id=subject.session_id,
                placement_id=placement_id,
                kind="playback",
                at=now,
                span=span,
            )
            record(
                self._parts.ledger,
                conn,
                Act.PLAYBACK_OPEN,
                person(subject, decision),
                {"placement_id": placement_id, "view": view.id, "from": span.start_at, "to": span.end_at},
                purpose=purpose,
            )
        return view

    def beat(self, view_id: str) -> bool:
        """Store that a view is still going on; False when it was closed meanwhile: then nothing more may be shown under it."""
        with self._parts.db.write() as conn:
            views.note_seen(conn, view_id, self._parts.clock.now())
            return views.get(conn, view_id).closed_at is None

    def close(self, view: View, why: str, subject: Subject | None = None) -> None:
        """Write down that a view is over; a second call does nothing.

        Args:
            view: what was opened.
            why: `left`, `session-over`, `no-longer-allowed`, `permit-over`, `idle`, `server-stopped` or `server-died`.
            subject: who closes it; None: the server.
        """
        now = self._parts.clock.now()
        with self._parts.db.write() as conn:
            if views.close_view(conn, view.id, now):
                who = person(subject) if subject is not None else SERVICE
                obj: dict[str, Value] = {
                    "placement_id": view.placement_id,
                    "view": view.id,
                    "session": view.session_id,
                    "opened": view.opened_at,
                    "closed": now,
                }
                record(self._parts.ledger, conn, _CLOSES[view.kind], who, obj, why=why)

    def close_stale(self) -> int:
        """Close the views that nobody looks after: of processes that died, of playbacks left alone or whose session has ended.

        Returns:
            How many.
        """
        now = self._parts.clock.now()
        with self._parts.db.read() as conn:
            lasting = views.list_open(conn)
            signed_in = {session.id for session in sessions.list_lasting(conn)}
        closed = 0
        for view in lasting:
            if view.kind == "playback" and view.session_id not in signed_in:
                self.close(view, "session-over")
                closed += 1
                continue
            allowed_s = self._parts.pace.stale_view_s if view.kind == "live" else self._parts.pace.playback_idle_s
            if now - view.seen_at >= timedelta(seconds=allowed_s):
                self.close(view, "server-died" if view.kind == "live" else "idle")
                closed += 1
        if closed:
            log.info("closed stale views", count=closed)
        return closed


def _new_id() -> str:
    return f"v-{secrets.token_hex(8)}"
