"""Calibrations of moving cameras: start, watch, cancel, and what was measured. Figures only, no picture."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.concurrency import run_in_threadpool

from api.access import Asker
from api.acting import person, record
from api.gate import Allow, writes
from api.routers import shapes
from api.routers.shapes import Identifier, instant
from api.running import Running, running_of
from config.policy import Action
from vms.bus.commands import CalibrationCancel, CalibrationCheck, CalibrationStart, CalibrationStatus
from vms.db import calibrations, placements, plans, rechecks, sessions, users, views
from vms.db.calibrations import Calibration
from vms.errors import NotFound, Unavailable
from vms.ledger.acts import Act
from vms.ledger.entries import Value
from vms.model import CameraKind, PlacementId

router = APIRouter(prefix="/api/placements", tags=["calibrations"])

Measurer = Annotated[Asker, Depends(Allow(Action.CALIBRATION_RUN))]


class Wanted(shapes.Body):
    """How carefully to measure."""

    thorough: bool = True


@router.get("/{placement_id}/calibrations", openapi_extra=writes())
async def list_calibrations(placement_id: Identifier, asker: Measurer, request: Request) -> dict[str, Any]:
    """List a placement's calibrations and re-checks, and how a running one stands."""
    del asker
    running = running_of(request)
    found = await run_in_threadpool(_stored, running, PlacementId(placement_id))
    try:
        progress = await running.parts.bus.request(PlacementId(placement_id), CalibrationStatus())
    except Unavailable:
        progress = {"state": "away"}
    watchers = await run_in_threadpool(_watchers, running, PlacementId(placement_id))
    control = running.ptz.control(PlacementId(placement_id))
    steered_by = None if control is None else control.subject.display_name
    return {"progress": progress, **found, "watched_by": watchers, "steered_by": steered_by}


@router.post("/{placement_id}/calibrations", openapi_extra=writes(Act.CALIBRATION_START))
async def start(placement_id: Identifier, asker: Measurer, request: Request, body: Wanted) -> dict[str, Any]:
    """Start a calibration: the camera drives through its poses, its picture is grey meanwhile."""
    running = running_of(request)
    about: dict[str, Value] = {"placement_id": placement_id, "thorough": body.thorough}
    await run_in_threadpool(_write, running, asker, Act.CALIBRATION_START, about)
    command = CalibrationStart(asker.subject.user_id, body.thorough)
    reply = await running.parts.bus.request(PlacementId(placement_id), command)
    _tell_viewers(running, asker, placement_id, "calibration")
    return reply


@router.post("/{placement_id}/calibrations/checks", openapi_extra=writes(Act.CALIBRATION_START))
async def check(placement_id: Identifier, asker: Measurer, request: Request) -> dict[str, Any]:
    """Hold the plan's camera model against the street now; its picture is grey for some seconds."""
    running = running_of(request)
    about: dict[str, Value] = {"placement_id": placement_id, "check": True}
    await run_in_threadpool(_write, running, asker, Act.CALIBRATION_START, about)
    reply = await running.parts.bus.request(PlacementId(placement_id), CalibrationCheck(asker.subject.user_id))
    _tell_viewers(running, asker, placement_id, "check")
    return reply


@router.delete("/{placement_id}/calibrations/running", openapi_extra=writes(Act.CALIBRATION_CANCEL))
async def cancel(placement_id: Identifier, asker: Measurer, request: Request) -> dict[str, Any]:
    """Cancel a calibration; nothing is stored, the camera goes back to where it stood."""
    running = running_of(request)
    await run_in_threadpool(_write, running, asker, Act.CALIBRATION_CANCEL, {"placement_id": placement_id})
    return await running.parts.bus.request(PlacementId(placement_id), CalibrationCancel())


def _tell_viewers(running: Running, asker: Asker, placement_id: str, what: str) -> None:
    """Tell whoever watches why the picture goes grey, and who did it."""
    running.hub.tell(PlacementId(placement_id), {"measuring": {"what": what, "by": asker.subject.display_name}})


def _watchers(running: Running, placement_id: PlacementId) -> list[str]:
    """Return the names of those who watch a placement live."""
    with running.parts.db.read() as conn:
        watching = {
            view.session_id
            for view in views.list_open(conn)
            if view.kind == "live" and view.placement_id == placement_id
        }
        found = {session.user_id for session in sessions.list_lasting(conn) if session.id in watching}
        return sorted(account.display_name for account in users.list_all(conn) if account.id in found)


def _write(running: Running, asker: Asker, act: Act, about: dict[str, Value]) -> None:
    parts = running.parts
    with parts.db.write() as conn:
        placement = placements.get(conn, PlacementId(str(about["placement_id"])))
        if placement.camera.kind is not CameraKind.PTZ:
            raise NotFound(f"the camera of {placement.id} does not move", code="calibration.fixed")
        record(parts.ledger, conn, act, person(asker.subject, asker.decision), about)


def _stored(running: Running, placement_id: PlacementId) -> dict[str, Any]:
    with running.parts.db.read() as conn:
        placements.get(conn, placement_id)
        versions = calibrations.list_versions(conn, placement_id)
        checks = rechecks.list_checks(conn, placement_id)
        plan = plans.current(conn, placement_id)
    return {
        "versions": [_shown(one) for one in versions],
        "checks": [
            {
                "plan_version": one.plan_version,
                "at": instant(one.checked_at),
                "outcome": one.outcome,
                "document": one.document,
            }
            for one in checks
        ],
        "plan_version": None if plan is None else plan.version,
    }


def _shown(one: Calibration) -> dict[str, Any]:
    measured = one.measured
    return {
        "version": one.version,
        "verdict": measured.verdict,
        "method": measured.method,
        "sha256": one.sha256,
        "started_by": measured.started_by,
        "started_at": instant(measured.started_at),
        "finished_at": instant(measured.finished_at),
        "width_px": measured.width_px,
        "height_px": measured.height_px,
        "document": measured.document,
        "masks": measured.masks,
    }
