"""Calibrations through the API: who may, what is written down, and what is shown."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.api.site import DOME, FIXED, Site
from tests.db.test_calibrations import measured
from vms.bus.channel import PlacementChannel
from vms.bus.commands import CalibrationCancel, CalibrationCheck, CalibrationStart, Command
from vms.db import calibrations, rechecks
from vms.db.rechecks import Check
from vms.errors import Conflict
from vms.model import CheckOutcome, Role


class Worker:
    """A worker as far as calibrations go."""

    def __init__(self, site: Site) -> None:
        self.obeyed: list[Command] = []
        self.runs = False
        self.channel = PlacementChannel(site.parts.settings.run, DOME)
        self.channel.on_command(self._obey)
        self.channel.start()

    def _obey(self, command: Command) -> dict[str, Any]:
        self.obeyed.append(command)
        if isinstance(command, CalibrationStart):
            if self.runs:
                raise Conflict("this camera is being calibrated already", code="calibration.runs")
            self.runs = True
        if isinstance(command, CalibrationCancel):
            self.runs = False
        return {"state": "running", "phase": "grid", "share": 0.1} if self.runs else {"state": "idle"}


@pytest.fixture
def worker(site: Site) -> Iterator[Worker]:
    """The worker of the camera that moves."""
    worker = Worker(site)
    yield worker
    worker.channel.close()


@pytest.mark.parametrize("role", [Role.TECHNICIAN, Role.BLANKING_OFFICER])
def test_a_calibration_is_started_watched_and_cancelled_and_each_act_is_in_the_ledger(
    site: Site, worker: Worker, role: Role
) -> None:
    """Who made a street grey, and when, must be findable."""
    person = site.sign_in(role)
    path = f"/api/placements/{DOME}/calibrations"
    assert person.post(path, {"thorough": False}).json()["state"] == "running"
    assert worker.obeyed[-1] == CalibrationStart(person.me["user"]["id"], thorough=False)
    again = person.post(path, {})
    assert (again.status_code, again.json()["error"]["code"]) == (409, "calibration.runs")
    assert person.get(path).json()["progress"]["phase"] == "grid"
    reply = site.client.delete(f"{path}/running", headers=person.headers)
    assert reply.json()["state"] == "idle"
    assert [entry.document["obj"]["placement_id"] for entry in site.ledger("calibration.start")] == [DOME, DOME]
    assert len(site.ledger("calibration.cancel")) == 1


def test_who_starts_a_calibration_sees_who_watches_and_steers_and_they_are_told(site: Site, worker: Worker) -> None:
    """Because a street that goes grey in the middle of an incident is worse than a calibration an hour later."""
    technician, observer = site.sign_in(Role.TECHNICIAN), site.sign_in(Role.OBSERVER)
    path = f"/api/placements/{DOME}/calibrations"
    assert technician.get(path).json()["watched_by"] == []
    with observer.watch(DOME) as socket:
        observer.post(f"/api/placements/{DOME}/ptz", {"kind": "ptz.continuous", "pan": 0.1, "tilt": 0, "zoom": 0})
        shown = technician.get(path).json()
        assert (shown["watched_by"], shown["steered_by"]) == (["Observer"], "Observer")
        technician.post(path, {})
        while (data := socket.receive_bytes())[0] != 5 or "measuring" not in json.loads(data[1:]):
            pass
        assert json.loads(data[1:])["measuring"] == {"what": "calibration", "by": "Technician"}


def test_a_re_check_is_asked_for_and_written_down_first(site: Site, worker: Worker) -> None:
    """It makes the street grey for some seconds."""
    person = site.sign_in(Role.TECHNICIAN)
    assert person.post(f"/api/placements/{DOME}/calibrations/checks", {}).status_code == 200
    assert worker.obeyed[-1] == CalibrationCheck(person.me["user"]["id"])
    assert site.ledger("calibration.start")[-1].document["obj"]["check"] is True


def test_what_was_measured_is_shown_in_figures(site: Site) -> None:
    """Also while the worker is away."""
    with site.parts.db.write() as conn:
        calibrations.add(conn, measured(placement_id=DOME))
        calibrations.add(conn, measured(placement_id=DOME, masks=[{"id": "m", "redraw": True}]))
        at = measured().finished_at + timedelta(days=1)
        rechecks.add_check(conn, Check(DOME, at, 1, "m", CheckOutcome.STEADY, {"shift_deg": 0.01}))
    shown = site.sign_in(Role.TECHNICIAN).get(f"/api/placements/{DOME}/calibrations").json()
    assert [one["version"] for one in shown["versions"]] == [2, 1]
    assert shown["versions"][0]["masks"] == [{"id": "m", "redraw": True}]
    assert shown["checks"][0]["outcome"] == "steady"
    assert shown["progress"] == {"state": "away"}


def test_a_fixed_camera_is_not_calibrated(site: Site) -> None:
    """Its masks lie in the picture."""
    reply = site.sign_in(Role.TECHNICIAN).post(f"/api/placements/{FIXED}/calibrations", {})
    assert (reply.status_code, reply.json()["error"]["code"]) == (404, "calibration.fixed")


@pytest.mark.parametrize("role", [Role.OBSERVER, Role.INVESTIGATOR, Role.AUDITOR])
def test_others_may_not_make_a_street_grey(site: Site, role: Role) -> None:
    """A calibration blinds the camera for minutes."""
    assert site.sign_in(role).post(f"/api/placements/{DOME}/calibrations", {}).status_code == 403
