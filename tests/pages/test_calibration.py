"""The calibration page in a real browser: what was measured, whether it still holds, and who may ask for it again."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from api.app import create_app
from tests import builders
from tests.api.site import PASSWORD
from tests.db.test_calibrations import measured
from tests.pages.running import chromium, own_parts, serving
from vms.bus.channel import PlacementChannel
from vms.bus.commands import CalibrationCheck, CalibrationStart, CalibrationStatus, Command
from vms.db import calibrations, rechecks
from vms.db.engine import Database
from vms.db.rechecks import Check
from vms.ledger.search import search
from vms.model import CameraKind, CheckOutcome, PlacementId, Role

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

PATIENCE_MS = 60_000
TOWER = PlacementId("toren")
DOCUMENT: dict[str, Any] = {
    "frame": {"width": 1280, "height": 720},
    "camera_model": {"zoom": [[0.0, 62.8], [1.0, 2.3]], "tilt_offset_deg": 0.4, "sensor_roll_deg": -0.6},
    "accuracy": {"pan_tilt_deg": 0.12, "zoom_rel": 0.008, "time_s": 0.02, "exposure_s": 0.04, "staleness_s": 0.12},
    "timing": {"lag_s": 0.08},
    "motors": {"pan": {"top_speed": 100.0}, "tilt": {"top_speed": 80.0}},
    "residuals": {
        "stills": 41,
        "rms_px": 0.31,
        "checks": [
            {
                "pan_deg": 3.0 * n,
                "tilt_deg": -4.0,
                "zoom": n / 4,
                "shift_deg": 0.01 * n,
                "scale_rel": 0.001 * n,
                "matches": 90,
            }
            for n in range(4)
        ],
    },
    "findings": [],
}
FOUND: dict[str, Any] = {
    "shift_deg": 0.031, "scale_rel": 0.001, "stated_deg": 0.12, "stated_rel": 0.008, "widen_deg": 0.0, "widen_rel": 0.0,
    "grey": False, "poses": 6, "matches": 700,
}  # fmt: skip


class Worker:
    """The camera's worker, as far as the page sees it."""

    def __init__(self) -> None:
        self.obeyed: list[Command] = []

    def obey(self, command: Command) -> dict[str, Any]:
        """Note what is asked; a calibration goes on for ever."""
        if not isinstance(command, CalibrationStatus):
            self.obeyed.append(command)
        runs = any(isinstance(one, CalibrationStart) for one in self.obeyed)
        return {"state": "running", "phase": "zoom", "share": 0.4} if runs else {"state": "idle"}


@pytest.fixture
def town(_sqlite_template: Path, tmp_path: Path) -> Iterator[tuple[str, Database, Worker]]:
    """The API and the pages, a camera that was measured, and its worker."""
    parts = own_parts(_sqlite_template, tmp_path, {"monteur": Role.TECHNICIAN})
    database = parts.db
    drifted = {**FOUND, "shift_deg": 0.8, "widen_deg": 1.2}
    with database.write() as conn:
        dome = builders.add_camera(conn, "toren-camera", CameraKind.PTZ)
        builders.add_placement(conn, TOWER, camera_id=dome)
        calibrations.add(conn, measured(placement_id=TOWER, document=DOCUMENT))
        for day, (outcome, document) in enumerate(
            [
                (CheckOutcome.FIRST, FOUND),
                (CheckOutcome.STEADY, FOUND),
                (CheckOutcome.NOT_POSSIBLE, {"code": "calibration.unrecognised"}),
                (CheckOutcome.DRIFTED, drifted),
            ]
        ):
            at = parts.clock.now() - timedelta(days=4 - day)
            rechecks.add_check(conn, Check(TOWER, at, 1, "sha256:m", outcome, document))
    worker = Worker()
    channel = PlacementChannel(parts.settings.run, TOWER)
    channel.on_command(worker.obey)
    channel.start()
    with serving(create_app(parts)) as url:
        yield url, database, worker
    channel.close()
    database.dispose()


def test_the_page_shows_what_was_measured_and_found_and_asks_the_worker(
    town: tuple[str, Database, Worker],
) -> None:
    """A technician sees at a glance that the camera no longer fits its plan, and calibrates it again."""
    url, database, worker = town
    complaints: list[str] = []
    with chromium() as browser:
        page = browser.new_context(viewport={"width": 1440, "height": 1100}).new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"{url}/sign-in")
        page.fill("[name=username]", "monteur")
        page.fill("[name=password]", PASSWORD)
        page.click("#sign-in [type=submit]")
        page.wait_for_url(lambda address: "/sign-in" not in address)
        page.goto(f"{url}/calibration?camera={TOWER}")
        expect(page.locator("#result")).to_contain_text("0,120°")
        rows = page.locator("#fit tbody tr")
        expect(rows).to_have_count(4)
        expect(rows.first).to_contain_text("past niet meer")
        expect(rows.first).to_contain_text("Vlakken zijn 1,20° ruimer")
        expect(rows.nth(1)).to_contain_text("te weinig van de straat is herkend")
        for act in ("Alleen controleren", "Kalibreren"):
            page.get_by_role("button", name=act, exact=True).click()
            expect(page.locator("dialog")).to_contain_text("Niemand kijkt nu naar deze camera", timeout=PATIENCE_MS)
            expect(page.locator("dialog")).to_contain_text("Niemand bedient deze camera nu")
            page.locator("dialog [type=submit]").click()
            expect(page.locator("dialog")).to_have_count(0, timeout=PATIENCE_MS)
        expect(page.locator("#run progress")).to_be_visible()
        expect(page.locator("#run")).to_contain_text("40 %")
    assert [type(one) for one in worker.obeyed] == [CalibrationCheck, CalibrationStart]
    assert complaints == []
    with database.read() as conn:
        acts = [entry.document["act"] for entry in search(conn, limit=20)]
    assert acts.count("calibration.start") == 2
