"""Calibrations: what a camera's optics, axes and timing were measured to be. Versions are added, never changed.

A calibration changes no plan: masks that were drawn by one model may be wrong under another, so a person draws a new version of the
plan from it, and another approves that.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select

from vms.db import plans
from vms.db.tables import calibration, placement
from vms.errors import NotFound
from vms.model import COMMISSIONING_MOST_PX, CalibrationVerdict, PlacementId


@dataclass(frozen=True, slots=True)
class NewCalibration:
    """A measurement that has just been made.

    Args:
        document: CALIBRATION.json (docs/calibration.md): `frame`, `camera_model` and `accuracy` as in a plan, and what they rest on.
        method: how it was measured.
        profile_token, width_px, height_px, rotation_deg: of the pictures that were measured.
        started_by: an account's id, or `command-line`.
        masks: what it means for the masks of the plan that counts; None when none did.
    """

    placement_id: PlacementId
    document: Mapping[str, Any]
    method: str
    verdict: CalibrationVerdict
    profile_token: str
    width_px: int
    height_px: int
    rotation_deg: int
    started_by: str
    started_at: datetime
    finished_at: datetime
    masks: Sequence[Mapping[str, Any]] | None = None


@dataclass(frozen=True, slots=True)
class Calibration:
    """Version n of a placement's measurements.

    Args:
        sha256: of the document's canonical JSON.
    """

    version: int
    sha256: str
    measured: NewCalibration


def add(conn: Connection, measured: NewCalibration) -> Calibration:
    """Store a measurement under the placement's next version number.

    Raises:
        NotFound: there is no such placement.
    """
    placement_id = measured.placement_id
    # The placement's row serialises the numbering (PostgreSQL).
    if conn.execute(select(placement.c.id).where(placement.c.id == placement_id).with_for_update()).first() is None:
        raise NotFound(f"there is no placement {placement_id}", code="placement.unknown")
    query = select(func.max(calibration.c.version)).where(calibration.c.placement_id == placement_id)
    version = (conn.execute(query).scalar_one() or 0) + 1
    fields = {name: getattr(measured, name) for name in NewCalibration.__dataclass_fields__}
    fields |= {
        "document": dict(measured.document),
        "verdict": measured.verdict.value,
        "masks": None if measured.masks is None else [dict(one) for one in measured.masks],
    }
    conn.execute(insert(calibration).values(**fields, version=version, sha256=plans.digest(measured.document)))
    return get(conn, placement_id, version)


def get(conn: Connection, placement_id: PlacementId, version: int) -> Calibration:
    """Return one version.

    Raises:
        NotFound: there is no such version.
    """
    row = conn.execute(
        select(calibration).where(calibration.c.placement_id == placement_id, calibration.c.version == version)
    ).one_or_none()
    if row is None:
        raise NotFound(f"placement {placement_id} has no calibration {version}", code="calibration.unknown")
    return _from_row(row)


def newest(conn: Connection, placement_id: PlacementId) -> Calibration | None:
    """Return the last version, None when the camera was never measured here."""
    query = select(calibration).where(calibration.c.placement_id == placement_id)
    row = conn.execute(query.order_by(calibration.c.version.desc()).limit(1)).one_or_none()
    return None if row is None else _from_row(row)


def list_versions(conn: Connection, placement_id: PlacementId) -> list[Calibration]:
    """Return all versions, newest first."""
    query = select(calibration).where(calibration.c.placement_id == placement_id)
    return [_from_row(row) for row in conn.execute(query.order_by(calibration.c.version.desc()))]


PARALLAX_DEG = 0.14
"""A lens 5 cm off the axes that it turns about, and a dwelling 20 m away (`atan(0.05 / 20)`)."""


def plan_document(measured: NewCalibration, masks: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the PLAN.json of masks seen through a calibration; a draft of a plan is made from it.

    Args:
        masks: `{"id": ..., "polygon_deg": [...]}` each.
    """
    document = measured.document
    return {
        "frame": dict(document["frame"]),
        "kind": "directions",
        "camera_model": dict(document["camera_model"]),
        "accuracy": document["accuracy"] | {"drawing_deg": drawing_deg(document), "parallax_deg": PARALLAX_DEG},
        "masks": [dict(mask) for mask in masks],
    }


def drawing_deg(document: Mapping[str, Any]) -> float:
    """Return how exactly an outline can be drawn in the commissioning view: to half a sample, at the widest view."""
    widest_deg = max(float(hfov_deg) for _, hfov_deg in document["camera_model"]["zoom"])
    return round(widest_deg / COMMISSIONING_MOST_PX / 2, 4)


def _from_row(row: Row[Any]) -> Calibration:
    measured = NewCalibration(
        placement_id=PlacementId(row.placement_id),
        document=row.document,
        method=row.method,
        verdict=CalibrationVerdict(row.verdict),
        profile_token=row.profile_token,
        width_px=row.width_px,
        height_px=row.height_px,
        rotation_deg=row.rotation_deg,
        started_by=row.started_by,
        started_at=row.started_at,
        finished_at=row.finished_at,
        masks=row.masks,
    )
    return Calibration(row.version, row.sha256, measured)
