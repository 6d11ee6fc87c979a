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
from vms.db import calibrations, placements, plans, rechecks
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
    return {"progress": progress, **found}


@router.post("/{placement_id}/calibrations", openapi_extra=writes(Act.CALIBRATION_START))
async def start(placement_id: Identifier, asker: Measurer, request: Request, body: Wanted) -> dict[str, Any]:
    """Start a calibration: the camera drives through its poses, its picture is grey meanwhile."""
    running = running_of(request)
    about: dict[str, Value] = {"placement_id": placement_id, "thorough": body.thorough}
    await run_in_threadpool(_write, running, asker, Act.CALIBRATION_START, about)
    command = CalibrationStart(asker.subject.user_id, body.thorough)
    return await running.parts.bus.request(PlacementId(placement_id), command)


@router.post("/{placement_id}/calibrations/checks", openapi_extra=writes(Act.CALIBRATION_START))
async def check(placement_id: Identifier, asker: Measurer, request: Request) -> dict[str, Any]:
    """Hold the plan's camera model against the street now; its picture is grey for some seconds."""
    running = running_of(request)
    about: dict[str, Value] = {"placement_id": placement_id, "check": True}
    await run_in_threadpool(_write, running, asker, Act.CALIBRATION_START, about)
    return await running.parts.bus.request(PlacementId(placement_id), CalibrationCheck(asker.subject.user_id))


@router.delete("/{placement_id}/calibrations/running", openapi_extra=writes(Act.CALIBRATION_CANCEL))
async def cancel(placement_id: Identifier, asker: Measurer, request: Request) -> dict[str, Any]:
    """Cancel a calibration; nothing is stored, the camera goes back to where it stood."""
    running = running_of(request)
    await run_in_threadpool(_write, running, asker, Act.CALIBRATION_CANCEL, {"placement_id": placement_id})
    return await running.parts.bus.request(PlacementId(placement_id), CalibrationCancel())


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
