"""Everything an export needs from the database, read in one snapshot."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from vms.db import exports, holds, placements, segments, users
from vms.db.engine import Database
from vms.db.exports import Export
from vms.db.holds import Hold, HoldSegment
from vms.db.placements import Placement
from vms.db.segments import Gap, GreySpan, Segment
from vms.errors import Conflict
from vms.ledger import search
from vms.ledger.acts import Act
from vms.ledger.search import Filter
from vms.model import ExportId, HoldState, SegmentState, UserId

_TRAIL = (Act.HOLD_PLACE, Act.HOLD_LATE, Act.EXPORT_REQUEST, Act.EXPORT_APPROVE, Act.EXPORT_BUILD)
_PAGE = 500


@dataclass(frozen=True, slots=True)
class Held:
    """One placement's part of a hold.

    Args:
        segments: what the hold keeps and what can be read, oldest first.
        missing: numbers that the hold came too late for, or that are damaged or lost.
    """

    placement: Placement
    segments: tuple[Segment, ...]
    missing: tuple[HoldSegment, ...]
    gaps: tuple[Gap, ...]
    grey: tuple[GreySpan, ...]


@dataclass(frozen=True, slots=True)
class LedgerTrace:
    """An entry of the ledger that belongs to the export's history."""

    seq: int
    act: str
    at: str


@dataclass(frozen=True, slots=True)
class Dossier:
    """What goes into a package besides the pictures.

    Args:
        names: account id -> display name.
        trace: entries of the ledger about the hold and the export, oldest first.
    """

    export: Export
    hold: Hold
    parts: tuple[Held, ...]
    names: Mapping[UserId, str]
    trace: tuple[LedgerTrace, ...]

    @property
    def segment_count(self) -> int:
        """How many segments go in."""
        return sum(len(part.segments) for part in self.parts)


def open_dossier(db: Database, export_id: ExportId) -> Dossier:
    """Read what an export needs.

    Raises:
        NotFound: there is no such export.
        Conflict: its hold is not active any more.
    """
    with db.read() as conn:
        export = exports.get(conn, export_id)
        hold = holds.get(conn, export.hold_id)
        if hold.state is not HoldState.ACTIVE:
            raise Conflict(f"hold {hold.id} is {hold.state}: there is nothing to export", code="export.hold-not-active")
        return Dossier(
            export=export,
            hold=hold,
            parts=_parts(conn, hold),
            names={account.id: account.display_name for account in users.list_all(conn)},
            trace=_trace(conn, hold, export),
        )


def _parts(conn: Connection, hold: Hold) -> tuple[Held, ...]:
    outcomes = holds.list_segments(conn, hold.id)
    parts = []
    for placement_id in hold.placement_ids:
        own = [outcome for outcome in outcomes if outcome.placement_id == placement_id]
        kept = {
            outcome.number
            for outcome in own
            if outcome.wrapped_key is not None and outcome.segment_state is SegmentState.SEALED
        }
        covering = segments.covering(conn, placement_id, hold.span)
        parts.append(
            Held(
                placement=placements.get(conn, placement_id),
                segments=tuple(segment for segment in covering if segment.number in kept),
                missing=tuple(outcome for outcome in own if outcome.number not in kept),
                gaps=tuple(segments.list_gaps(conn, placement_id, hold.span)),
                grey=tuple(segments.list_grey_spans(conn, placement_id, hold.span)),
            )
        )
    return tuple(parts)


def _trace(conn: Connection, hold: Hold, export: Export) -> tuple[LedgerTrace, ...]:
    """Return the entries that name the hold or the export."""
    found: list[LedgerTrace] = []
    before_seq: int | None = None
    while True:
        wanted = Filter(from_at=hold.requested_at, acts=_TRAIL, before_seq=before_seq)
        page = search.search(conn, wanted, limit=_PAGE)
        for entry in page:
            names = {str(entry.document["obj"].get(key)) for key in ("hold", "hold_id", "export", "export_id")}
            if names & {hold.id, export.id}:
                found.append(LedgerTrace(entry.seq, entry.act.value, str(entry.document["ts"])))
        if len(page) < _PAGE:
            return tuple(reversed(found))
        before_seq = page[-1].seq
