"""What was recorded, without a picture: coverage, gaps, grey spans, holds; and how a segment was blanked."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Final

import structlog
from fastapi import APIRouter, Depends, Query, Request
from sqlalchemy import Connection

from api.access import Asker, Context, authorize
from api.gate import Allow, writes
from api.routers.shapes import Identifier, Moment, instant, span_of
from api.running import running_of
from config.policy import Action
from vms.db import holds, placements, segments
from vms.db.segments import Coverage, GreySpan, Segment
from vms.errors import IntegrityLost
from vms.ledger.segments import prove, record_sha256
from vms.model import PlacementId

_log = structlog.get_logger(__name__)
router = APIRouter(prefix="/api/placements", tags=["timeline"])

MERGE_FROM: Final = timedelta(hours=6)
"""Longer timelines get stretches instead of single segments: 28 days are 40,000 segments, and no screen shows them."""
SEAM: Final = timedelta(seconds=2)
_ENDED: Final = frozenset({"destroyed", "lost"})


@router.get("/{placement_id}/timeline", openapi_extra=writes())
def timeline(
    placement_id: Identifier,
    asker: Annotated[Asker, Depends(Allow(Action.TIMELINE_VIEW))],
    request: Request,
    from_at: Annotated[Moment, Query(alias="from")],
    to_at: Annotated[Moment, Query(alias="to")],
) -> dict[str, Any]:
    """Return what there is of a placement in a span of at most 32 days."""
    parts = running_of(request).parts
    span = span_of(from_at, to_at)
    chosen = PlacementId(placement_id)
    with parts.db.read() as conn:
        placements.get(conn, chosen)
        covered = [item for item in segments.coverage(conn, chosen, span) if item.state not in _ENDED]
        gaps = segments.list_gaps(conn, chosen, span)
        grey = segments.list_grey_spans(conn, chosen, span)
        held = holds.overlapping(conn, chosen, span)
    now = parts.clock.now()
    long = span.end_at - span.start_at >= MERGE_FROM
    # Case numbers are for those who may see holds; the others see only that something is kept.
    may_see_holds = authorize(parts.policy, asker.subject, Action.HOLD_LIST, Context(at=now)).allow
    oldest_at = min((item.start_at for item in covered), default=None)
    return {
        "segments": [_stretch(run) for run in _runs(covered, merge=long)],
        "gaps": [
            {"start_at": instant(gap.start_at), "end_at": instant(gap.end_at), "cause": gap.cause} for gap in gaps
        ],
        "grey": [
            {"start_at": instant(item.start_at), "end_at": instant(item.end_at), "reason": item.reason}
            for item in (_merged(grey) if long else grey)
        ],
        "holds": [
            {
                "id": hold.id if may_see_holds else None,
                "start_at": instant(hold.span.start_at),
                "end_at": instant(hold.span.end_at),
                "case_number": hold.case_number if may_see_holds else None,
            }
            for hold in held
        ],
        "oldest_at": instant(oldest_at),
        "due_at": instant(_due(oldest_at, parts.settings.keep_for)),
        "span": {"start_at": instant(span.start_at), "end_at": instant(span.end_at)},
        "merged": long,
        "now": instant(now),
    }


@router.get("/{placement_id}/blanking", openapi_extra=writes())
def blanking(
    placement_id: Identifier,
    asker: Annotated[Asker, Depends(Allow(Action.TIMELINE_VIEW))],
    request: Request,
    at: Annotated[Moment, Query()],
) -> dict[str, Any]:
    """Return how the segment at an instant was blanked, and whether the ledger has it so; `segment` is null when there is none."""
    del asker
    parts = running_of(request).parts
    chosen = PlacementId(placement_id)
    moment = span_of(at, at + timedelta(milliseconds=1))
    with parts.db.read() as conn:
        placements.get(conn, chosen)
        found = segments.covering(conn, chosen, moment)
        if not found:
            return {"segment": None}
        return {"segment": _blanked(conn, found[0])}


def _blanked(conn: Connection, row: Segment) -> dict[str, Any]:
    record = row.blanking or {}
    try:
        proof = prove(conn, row)
        state = {"state": "pending", "entry": None} if proof is None else {"state": "proven", "entry": proof.entry.seq}
    except IntegrityLost:
        _log.exception("a segment is not what the ledger has", placement_id=row.placement_id, number=row.number)
        state = {"state": "changed", "entry": None}
    margin_millipx = record.get("largest_margin_millipx")
    return {
        "number": row.number,
        "start_at": instant(row.start_at),
        "end_at": instant(row.end_at),
        "mode": row.mode,
        "plan_version": row.plan_version,
        "plan_sha256": record.get("plan_sha256"),
        "model": record.get("model"),
        "frames": record.get("frames"),
        "grey_frames": record.get("grey_frames"),
        "pose_sources": record.get("pose_sources") or [],
        "telemetry": record.get("telemetry") or [],
        "largest_margin_px": None if margin_millipx is None else margin_millipx / 1000,
        "grey": [
            {"start_at": start_at, "end_at": end_at, "reason": reason}
            for start_at, end_at, reason in record.get("grey") or []
        ],
        "record_sha256": record_sha256(record) or None,
        "proof": state,
    }


def _due(oldest_at: datetime | None, keep_for: timedelta) -> datetime | None:
    return None if oldest_at is None else oldest_at + keep_for


def _runs(covered: list[Coverage], *, merge: bool) -> list[list[Coverage]]:
    """Return segments in runs that look the same on the timeline."""
    runs: list[list[Coverage]] = []
    for item in covered:
        last = runs[-1][-1] if runs else None
        if (
            merge
            and last is not None
            and last.end_at is not None
            and item.start_at - last.end_at <= SEAM
            and (item.state, item.mode, item.held) == (last.state, last.mode, last.held)
        ):
            runs[-1].append(item)
        else:
            runs.append([item])
    return runs


def _stretch(run: list[Coverage]) -> dict[str, Any]:
    first, last = run[0], run[-1]
    return {
        "number": first.number,
        "last_number": last.number,
        "start_at": instant(first.start_at),
        "end_at": instant(last.end_at),
        "state": first.state,
        "mode": first.mode,
        "held": first.held,
    }


def _merged(grey: list[GreySpan]) -> list[GreySpan]:
    """Return grey spans with those of one reason joined that nearly touch."""
    joined: list[GreySpan] = []
    for item in grey:
        last = joined[-1] if joined else None
        if last is not None and last.reason == item.reason and item.start_at - last.end_at <= SEAM:
            joined[-1] = GreySpan(last.start_at, max(last.end_at, item.end_at), item.reason)
        else:
            joined.append(item)
    return joined
