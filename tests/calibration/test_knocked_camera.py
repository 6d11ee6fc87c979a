"""A camera whose mount is turned under its plan: found by the re-check, masked wider, then grey; over real RTSP and ONVIF."""

from pathlib import Path
from typing import Any

import pytest

from tests.calibration.test_unknown_camera import ask
from tests.ingest.running import House, running_city, running_house, until
from vms.bus.commands import CalibrationCheck, CalibrationStatus
from vms.db import rechecks
from vms.ledger.search import search
from vms.model import CheckOutcome, PlacementId

pytestmark = [pytest.mark.processes, pytest.mark.slow]

CAMERA = "vredenmarkt"


def checked(house: House, placement: PlacementId) -> dict[str, Any]:
    """Check and wait for the finding."""
    assert ask(house, placement, CalibrationCheck("tester"))["state"] == "running"
    until(lambda: ask(house, placement, CalibrationStatus())["state"] != "running", 90, "the re-check ends")
    ended = ask(house, placement, CalibrationStatus())
    assert ended["state"] == "done", f"{ended}\n{house.logs()[-3000:]}"
    return ended


def test_a_knocked_camera_is_masked_wider_and_one_that_hangs_is_grey(tmp_path: Path) -> None:
    """And a worker that starts anew has not forgotten; a camera put back in its place is as it was."""
    with running_city(tmp_path / "city", CAMERA) as city, running_house(tmp_path / "h") as house:
        placement = house.add(city.cameras[CAMERA])
        worker = house.start(placement)
        house.until_state(placement, "live", fit="stated")
        before = city.state(CAMERA)["pose"]
        first = checked(house, placement)
        assert first["outcome"] == CheckOutcome.FIRST, first
        assert checked(house, placement)["outcome"] == CheckOutcome.STEADY
        assert city.state(CAMERA)["pose"] == pytest.approx(before, abs=0.06)

        city.order(CAMERA, do="knock", pan_deg=0.8)
        found = checked(house, placement)
        assert found["outcome"] == CheckOutcome.DRIFTED, found
        assert found["document"]["shift_deg"] == pytest.approx(0.8, abs=0.15)
        assert found["document"]["widen_deg"] >= 0.8
        house.until_state(placement, "live", fit="wider")

        city.order(CAMERA, do="knock", pan_deg=4.0, tilt_deg=1.0)
        assert checked(house, placement)["document"]["grey"]
        house.until_state(placement, "grey", reason="calibration-drift", fit="grey")
        assert house.stop(worker, 40) == 0
        worker = house.start(placement)
        house.until_state(placement, "grey", reason="calibration-drift", fit="grey")

        city.order(CAMERA, do="knock", pan_deg=-4.8, tilt_deg=-1.0)
        assert checked(house, placement)["outcome"] == CheckOutcome.STEADY
        house.until_state(placement, "live", fit="stated")
        assert house.stop(worker, 40) == 0
        with house.parts.db.read() as conn:
            outcomes = [one.outcome.value for one in rechecks.list_checks(conn, placement)]
            acts = [entry.document["act"] for entry in search(conn, limit=200)]
            marks = rechecks.LANDMARKS.find(conn, placement)
        assert outcomes == ["steady", "drifted", "drifted", "steady", "first"]
        assert (acts.count("calibration.check"), acts.count("calibration.drift")) == (3, 2)
        assert marks is not None
