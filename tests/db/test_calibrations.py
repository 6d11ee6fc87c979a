"""Stored calibrations and their re-checks."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from blanking.plan import DirectionPlan, parse_plan
from tests import builders
from vms.db import calibrations, plans, rechecks
from vms.db.calibrations import NewCalibration
from vms.db.engine import Database
from vms.db.rechecks import Check, StoredLandmarks
from vms.errors import NotFound
from vms.model import CalibrationVerdict, CheckOutcome, PlacementId

START = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
PLACE = PlacementId("place-1")
DOCUMENT: dict[str, Any] = {
    "frame": {"width": 1280, "height": 720},
    "camera_model": {"zoom": [[0.0, 62.8], [1.0, 3.0]], "tilt_offset_deg": 1.0, "sensor_roll_deg": -0.5},
    "accuracy": {"pan_tilt_deg": 0.1, "zoom_rel": 0.01, "time_s": 0.02, "exposure_s": 0.04},
    "residuals": {"pictures": 30},
}


def measured(**changed: Any) -> NewCalibration:
    """A measurement."""
    fields: dict[str, Any] = {
        "placement_id": PLACE, "document": DOCUMENT, "method": "guided-1", "verdict": CalibrationVerdict.GOOD,
        "profile_token": "p", "width_px": 1280, "height_px": 720, "rotation_deg": 0, "started_by": "u-officer",
        "started_at": START, "finished_at": START + timedelta(minutes=2),
    }  # fmt: skip
    return NewCalibration(**{**fields, **changed})


@pytest.fixture
def placed(database: Database) -> Database:
    """People, and a camera placed with an approved plan."""
    with database.write() as conn:
        builders.add_people(conn)
        builders.add_placement(conn, PLACE)
    return database


def test_versions_count_up_and_the_newest_is_found(placed: Database) -> None:
    """Nothing is overwritten: what an old plan was drawn by stays known."""
    with placed.write() as conn:
        assert calibrations.newest(conn, PLACE) is None
        first = calibrations.add(conn, measured())
        second = calibrations.add(conn, measured(verdict=CalibrationVerdict.POOR, masks=[{"id": "m1", "redraw": True}]))
    with placed.read() as conn:
        assert [one.version for one in calibrations.list_versions(conn, PLACE)] == [2, 1]
        assert calibrations.newest(conn, PLACE) == second
        assert calibrations.get(conn, PLACE, 1) == first
        assert first.measured == measured()
        assert second.measured.masks == [{"id": "m1", "redraw": True}]
        with pytest.raises(NotFound):
            calibrations.get(conn, PLACE, 3)


def test_a_calibration_of_no_placement_is_refused(placed: Database) -> None:
    """It would be of nothing."""
    with placed.write() as conn, pytest.raises(NotFound):
        calibrations.add(conn, measured(placement_id=PlacementId("nowhere")))


def test_a_new_calibration_changes_no_plan_but_a_draft_can_be_made_of_it(placed: Database) -> None:
    """Masks are drawn by a person and approved by another, whatever was measured."""
    with placed.write() as conn:
        before = plans.current(conn, PLACE)
        added = calibrations.add(conn, measured())
        assert plans.current(conn, PLACE) == before
        mask = {"id": "m1", "polygon_deg": [[0.0, 0.0], [5.0, 0.0], [5.0, 5.0]]}
        plan = parse_plan(calibrations.plan_document(added.measured, [mask]))
    assert isinstance(plan, DirectionPlan)
    assert plan.camera_model.tilt_offset_deg == 1.0
    assert plan.camera_model.sensor_roll_deg == -0.5
    assert plan.masks[0].id == "m1"
    assert plan.accuracy.drawing_deg == 0.1308, "half of one of 240 samples over 62.8 degrees"
    assert plan.accuracy.parallax_deg == 0.14


def test_the_last_finding_of_a_camera_model_counts_whatever_was_not_possible_since(placed: Database) -> None:
    """Fog proves nothing; another model begins anew."""
    days = [CheckOutcome.STEADY, CheckOutcome.DRIFTED, CheckOutcome.NOT_POSSIBLE]
    with placed.write() as conn:
        for day, outcome in enumerate(days):
            at = START + timedelta(days=day)
            rechecks.add_check(conn, Check(PLACE, at, 1, "sha256:a", outcome, {"shift_deg": 0.1}))
    with placed.read() as conn:
        assert [one.outcome for one in rechecks.list_checks(conn, PLACE)] == days[::-1]
        found = rechecks.last_found(conn, PLACE, "sha256:a")
        assert rechecks.last_found(conn, PLACE, "sha256:b") is None
    assert found is not None
    assert found.outcome is CheckOutcome.DRIFTED


def test_landmarks_replace_each_other_and_go_when_due(placed: Database) -> None:
    """They are of footage, and must not outlive it."""
    with placed.write() as conn:
        for sealed in (b"one", b"two"):
            rechecks.LANDMARKS.store(
                conn, StoredLandmarks(PLACE, "sha256:a", START, START + timedelta(days=20), START, b"w", sealed)
            )
        found = rechecks.LANDMARKS.find(conn, PLACE)
        assert found is not None
        assert found.sealed == b"two"
        assert rechecks.LANDMARKS.list_due(conn, START + timedelta(days=19)) == []
        assert rechecks.LANDMARKS.list_due(conn, START + timedelta(days=20)) == [PLACE]
        assert rechecks.LANDMARKS.drop(conn, PLACE)
        assert not rechecks.LANDMARKS.drop(conn, PLACE)
