"""Which cameras there are and how they are, without a picture."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request

from api.access import Asker
from api.gate import Allow, writes
from api.routers.shapes import instant
from api.running import running_of
from config.policy import Action
from vms.db import commissioning, edge, placements, plans
from vms.db.commissioning import Commissioning
from vms.db.designations import DESIGNATION_ENDED
from vms.db.edge import EdgeCheck
from vms.db.placements import Placement
from vms.db.plans import PlanHead
from vms.law.permit import Reason, permit
from vms.model import CameraKind, PlacementId

router = APIRouter(prefix="/api", tags=["placements"])

STATUS_STALE: Final = timedelta(seconds=15)
"""A worker that has said nothing for so long is taken to be away."""

_SHOWN: Final = ("reason", "recording", "fps", "usual_fps", "slow_since_at", "viewers", "bitrate_bps", "since_at")
_TELEMETRY: Final = (
    "telemetry_hz", "telemetry_source", "telemetry_stream", "telemetry_poll_hz", "telemetry_poll_ms", "telemetry_garbled",
    "telemetry_zone_s", "telemetry_problem", "telemetry_problem_said",
)  # fmt: skip
SLOW_TOLD_AFTER: Final = timedelta(seconds=10)
_NOTHING: Final[Mapping[str, None]] = {"recording": None, "fps": None, "bitrate_bps": None}
_REFUSED: Final[Mapping[Reason, str]] = {
    Reason.NO_DECISION: "no-decision",
    Reason.DECISION_NOT_BEGUN: "designation-not-begun",
    Reason.DECISION_ENDED: DESIGNATION_ENDED,
    Reason.DECISION_WITHDRAWN: "designation-withdrawn",
    Reason.PLACEMENT_NOT_BEGUN: "placement-not-begun",
    Reason.PLACEMENT_ENDED: "placement-ended",
}
"""Why nothing may be recorded, in the words that the pages know."""

HEALTH: Final = (
    *_SHOWN, *_TELEMETRY, "codec", "reconnects", "delay_ms", "dropped_packets", "fit", "error", "wall_clock_off_s",
    "rtp_missed", "rtp_duplicates", "rtp_contradicting",
)  # fmt: skip
"""What a worker says of itself that the technician may know."""


@router.get("/placements", openapi_extra=writes())
def list_placements(
    asker: Annotated[Asker, Depends(Allow(Action.PLACEMENT_LIST))],
    request: Request,
    *,
    ended: Annotated[bool, Query()] = False,
) -> list[dict[str, Any]]:
    """List the placements that last or are to come, for the wall; with `ended` also those that are over, as their footage may last."""
    del asker
    running = running_of(request)
    now = running.parts.clock.now()
    with running.parts.db.read() as conn:
        found = [one for one in placements.list_all(conn) if ended or one.until_at is None or one.until_at > now]
        approved = plans.current_heads(conn)
        unblanked = commissioning.approved(conn)
    return [
        {
            **_head(item),
            "commissioning": _commissioning(unblanked, item.id),
            "state": {**state_of(item, now), "viewers": running.hub.viewers(item.id)},
            "plan": _plan(approved.get(item.id)),
            "ptz": item.camera.kind is CameraKind.PTZ,
            "from_at": instant(item.from_at),
            "until_at": instant(item.until_at),
        }
        for item in found
    ]


@router.get("/cameras", openapi_extra=writes())
def camera_health(
    asker: Annotated[Asker, Depends(Allow(Action.CAMERA_HEALTH))], request: Request
) -> list[dict[str, Any]]:
    """Say how the cameras are, in figures only: no picture, no address with credentials."""
    del asker
    parts = running_of(request).parts
    now = parts.clock.now()
    with parts.db.read() as conn:
        found = placements.list_all(conn)
        approved = plans.current_heads(conn)
        unblanked = commissioning.approved(conn)
        asked = edge.of_all(conn)
    return [
        {
            **_head(item),
            "commissioning": _commissioning(unblanked, item.id),
            "edge": _edge(asked.get(item.id)),
            "state": state_of(item, now),
            "health": {name: (item.status or {}).get(name) for name in HEALTH if name in (item.status or {})},
            "status_at": instant(item.status_at),
            "plan": _plan(approved.get(item.id)),
            "designation": {
                "number": item.designation.number,
                "valid_until_at": instant(item.designation.ends_at),
                "ending": item.designation.ending_at(now) if item.until_at is None else None,
            },
            "last_segment": item.last_number,
        }
        for item in found
    ]


def state_of(item: Placement, now: datetime) -> dict[str, Any]:
    """Return what the pages show of a camera's state: what its worker last said, unless that is too long ago."""
    said: Mapping[str, Any] = item.status or {}
    shown = {name: said.get(name) for name in _SHOWN}
    refusal = permit(item.law, now).refusal
    if refusal is not None:
        return {**shown, **_NOTHING, "live": "offline", "reason": _REFUSED[refusal]}
    if item.status_at is None or now - item.status_at > STATUS_STALE:
        return {
            **shown,
            "live": "offline",
            "reason": "worker-away",
            **_NOTHING,
        }
    if not _lasts(said.get("slow_since_at"), now):
        shown["slow_since_at"] = None
    return {**shown, "live": said.get("state", said.get("live", "starting"))}


def _lasts(since: str | None, now: datetime) -> bool:
    """Tell whether a slowness is more than that of a session that has just begun."""
    return since is not None and now - datetime.fromisoformat(since) >= SLOW_TOLD_AFTER


def _head(item: Placement) -> dict[str, Any]:
    return {
        "id": item.id,
        "name": item.name,
        "area": {"id": item.area.id, "name": item.area.name},
        "camera": {"id": item.camera.id, "kind": item.camera.kind, "name": item.camera.name},
    }


def _commissioning(unblanked: Mapping[PlacementId, Commissioning], placement_id: PlacementId) -> dict[str, Any] | None:
    """Return until when somebody may see the camera unblanked, for all to know."""
    leave = unblanked.get(placement_id)
    return None if leave is None else {"until_at": instant(leave.until_at)}


def _edge(check: EdgeCheck | None) -> dict[str, Any] | None:
    """Return what the camera keeps by itself; None: it was never asked."""
    if check is None:
        return None
    answer = check.answer
    told = (
        None
        if answer is None
        else {**answer.document(), "oldest_at": instant(answer.oldest_at), "newest_at": instant(answer.newest_at)}
    )
    return {
        "asked_at": instant(check.asked_at),
        "reason": check.reason,
        "answered_at": instant(check.answered_at),
        "answer": told,
    }


def _plan(plan: PlanHead | None) -> dict[str, Any] | None:
    return None if plan is None else {"version": plan.version, "no_dwelling_in_sight": plan.no_dwelling_in_sight}
