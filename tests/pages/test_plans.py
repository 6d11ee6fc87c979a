"""Masks in a real browser: one person draws by clicks, another approves, and what masks less takes more than a click.

No camera is needed for that: polygons, and no picture. The tests run in order and build on each other.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from api.app import create_app
from tests import builders
from tests.api.site import PASSWORD
from tests.pages.running import own_parts, serving
from vms.clock import SystemClock
from vms.db import plans
from vms.db.engine import Database
from vms.model import CameraKind, PlacementId, PlanState, Role

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

PATIENCE_MS = 60_000
TOWER, GATE = PlacementId("toren"), PlacementId("poort")
PLAN: dict[str, Any] = {
    "frame": {"width": 1280, "height": 720},
    "kind": "directions",
    "camera_model": {"zoom": [[0.0, 62.8], [0.5, 12.1], [1.0, 2.3]], "k1": [[0.0, -0.1], [1.0, 0.0]]},
    "accuracy": {"pan_tilt_deg": 0.1, "zoom_rel": 0.01, "time_s": 0.02, "exposure_s": 0.01},
    "masks": [
        {"id": "Lange Nieuwstraat 1", "polygon_deg": [[-12, -8], [2, -8], [2, 3], [-12, 3]]},
        {"id": "Zadelstraat 9", "polygon_deg": [[172, -20], [-175, -20], [-175, -6], [172, -6]]},
    ],
}


@dataclass(frozen=True, slots=True)
class Town:
    """Where to sign in, and the database behind it."""

    url: str
    database: Database

    def version(self, number: int) -> plans.PlanVersion:
        """Return a stored version of the tower's plan."""
        with self.database.read() as conn:
            return plans.get(conn, TOWER, number)


@pytest.fixture(scope="module")
def town(_sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """The API and the pages on a database of their own."""
    folder = tmp_path_factory.mktemp("plans")
    parts = own_parts(_sqlite_template, folder, dict.fromkeys(("tekenaar", "tweede"), Role.BLANKING_OFFICER))
    database = parts.db
    with database.write() as conn:
        dome = builders.add_camera(conn, "toren-camera", CameraKind.PTZ)
        builders.add_placement(conn, TOWER, camera_id=dome, plan=PLAN)
        builders.add_placement(conn, GATE, plan=None)
    with serving(create_app(parts)) as url:
        yield Town(url, database)
    database.dispose()


def signed_in(browser: Browser, town: Town, username: str, complaints: list[str]) -> Page:
    """Return a page of somebody who is signed in."""
    page = browser.new_context(viewport={"width": 1440, "height": 860}).new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.on("pageerror", lambda error: complaints.append(f"{username}: {error}"))
    page.on("console", lambda said: complaints.append(said.text) if "Security Policy" in said.text else None)
    page.goto(f"{town.url}/sign-in")
    page.fill("[name=username]", username)
    page.fill("[name=password]", PASSWORD)
    page.click("#sign-in [type=submit]")
    page.wait_for_url(lambda address: "/sign-in" not in address)
    return page


@pytest.fixture(scope="module")
def officer(browser: Browser, town: Town, complaints: list[str]) -> Page:
    """Who draws."""
    return signed_in(browser, town, "tekenaar", complaints)


@pytest.fixture(scope="module")
def second(browser: Browser, town: Town, complaints: list[str]) -> Page:
    """Who decides."""
    return signed_in(browser, town, "tweede", complaints)


def rings(page: Page) -> list[list[list[float]]]:
    """Return the rings that are drawn now."""
    found: list[list[list[float]]] = page.evaluate(
        "document.querySelector('.editor-main mask-view').draft.masks.map(({ring}) => ring)"
    )
    return found


def on_screen(page: Page, point_deg: list[float]) -> tuple[float, float]:
    """Return where a direction is on the screen."""
    x, y = page.evaluate(
        """(point) => {
          const view = document.querySelector('.editor-main mask-view');
          const {scale, left, top} = view.fit;
          const box = view.getBoundingClientRect();
          const [u, v] = view.space.at(view.pose).toFrame(point);
          return [box.left + left + u * scale, box.top + top + v * scale];
        }""",
        point_deg,
    )
    return x, y


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Drag with the mouse."""
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*end, steps=6)
    page.mouse.up()


def open_editor(page: Page, town: Town, version: int) -> None:
    """Open the editor on a version and wait until it has been checked."""
    page.goto(f"{town.url}/plans?camera={TOWER}&draw={version}")
    expect(page.locator(".changes .verdict")).to_be_visible()


CORNERS = [[8.0, -10.0], [18.0, -10.0], [18.0, -2.0], [8.0, -2.0]]


def test_a_mask_is_drawn_dragged_and_taken_back(officer: Page, town: Town) -> None:
    """By clicks on the picture of directions; what is stored is where the clicks were."""
    officer.goto(f"{town.url}/plans")
    officer.locator(f'tr[data-id="{TOWER}"] a.button').click()
    expect(officer.locator(".changes .verdict.is-tight")).to_be_visible()
    officer.keyboard.press("n")
    for corner in CORNERS:
        officer.mouse.click(*on_screen(officer, corner))
    officer.keyboard.press("Enter")
    assert len(rings(officer)) == 3
    for drawn, meant in zip(rings(officer)[2], CORNERS, strict=True):
        assert drawn == pytest.approx(meant, abs=0.1)
    expect(officer.locator(".mask-list li")).to_have_count(3)

    drag(officer, on_screen(officer, rings(officer)[2][2]), on_screen(officer, [21.0, 1.0]))
    assert rings(officer)[2][2] == pytest.approx([21.0, 1.0], abs=0.1)
    middle = officer.evaluate(
        """() => { const {space, draft} = document.querySelector('.editor-main mask-view'); const ring = draft.masks[2].ring;
                   return space.between(ring[0], ring[1]); }"""
    )
    drag(officer, on_screen(officer, middle), on_screen(officer, [13.0, -13.0]))
    assert len(rings(officer)[2]) == 5
    drag(officer, on_screen(officer, [14.0, -6.0]), on_screen(officer, [16.0, -6.0]))
    assert rings(officer)[2][0][0] == pytest.approx(10.0, abs=0.2)
    officer.keyboard.press("Control+z")
    assert rings(officer)[2][0][0] == pytest.approx(8.0, abs=0.1)
    officer.keyboard.press("Control+z")
    assert len(rings(officer)[2]) == 4
    officer.keyboard.press("Control+y")
    assert len(rings(officer)[2]) == 5


def test_what_is_wrong_is_said_while_drawing(officer: Page) -> None:
    """An outline that crosses itself can't be saved, and the message names the mask."""
    officer.keyboard.press("p")
    before = rings(officer)
    drag(officer, on_screen(officer, before[2][0]), on_screen(officer, [25.0, -1.0]))
    expect(officer.locator(".problem-list li")).to_contain_text("m3")
    expect(officer.locator(".editor-save button")).to_be_disabled()
    officer.keyboard.press("Control+z")
    expect(officer.locator(".changes .verdict.is-tight")).to_be_visible()
    assert rings(officer) == before


def test_another_person_approves_what_was_drawn(officer: Page, second: Page, town: Town) -> None:
    """The drawer can't; the second person sees both versions and what changes."""
    officer.locator(".mask-list li").nth(2).locator(".mask-name").dblclick()
    officer.locator(".mask-list input").fill("Springweg 3")
    officer.keyboard.press("Enter")
    officer.locator(".editor-save textarea").fill("nieuwe woning aan de Springweg")
    officer.locator(".editor-save button").click()
    officer.wait_for_url(re.compile("compare=1-2"))
    expect(officer.locator(".verdict")).to_be_visible()
    expect(officer.get_by_role("button", name="Goedkeuren")).to_have_count(0)

    second.goto(f"{town.url}/plans")
    second.get_by_role("link", name="versie 2 door Tekenaar").click()
    expect(second.locator(".compare-views mask-view")).to_have_count(2)
    expect(second.locator("tbody tr").first).to_contain_text("toegevoegd")
    second.get_by_role("button", name="Goedkeuren").click()
    second.locator("dialog button[type=submit]").click()
    second.wait_for_url(re.compile(f"camera={TOWER}$"))
    expect(second.locator("tbody tr").first).to_contain_text("Geldt nu")
    approved = town.version(2)
    assert approved.state is PlanState.APPROVED
    assert approved.document is not None
    assert [mask["id"] for mask in approved.document["masks"]][2] == "Springweg 3"


def test_what_masks_less_is_red_and_needs_a_confirmation(officer: Page, second: Page, town: Town) -> None:
    """One click must never show a window again."""
    open_editor(officer, town, 2)
    officer.locator(".mask-list li").nth(0).locator(".mask-name").click()
    officer.keyboard.press("Delete")
    expect(officer.locator(".changes .verdict.is-loose")).to_be_visible()
    officer.locator(".editor-save textarea").fill("pand is gesloopt")
    officer.locator(".editor-save button").click()
    officer.wait_for_url(re.compile("compare=2-3"))

    second.goto(f"{town.url}/plans?camera={TOWER}&compare=2-3")
    expect(second.locator(".verdict.is-loose")).to_be_visible()
    second.get_by_role("button", name="Goedkeuren").click()
    second.locator("dialog button[type=submit]").click()
    expect(second.locator("dialog .dialog-foot .form-error")).to_be_visible()
    assert town.version(3).state is PlanState.DRAFT
    second.locator("dialog [name=confirms]").check()
    second.locator("dialog [name=reason]").fill("sloop gezien ter plaatse")
    second.locator("dialog button[type=submit]").click()
    second.wait_for_url(re.compile(f"camera={TOWER}$"))
    review = town.version(3).review
    assert review is not None
    assert review.loosens


def test_proposals_of_the_register_are_taken_or_left_one_by_one(officer: Page, town: Town, tmp_path: Path) -> None:
    """A proposal masks nothing until a person has looked at it and said yes; then it says which building it is of."""
    features = []
    for number, west in (("0344100000000001", 40), ("0344100000000002", 60)):
        ring = [[west, -4], [west + 6, -4], [west + 6, 4], [west, 4], [west, -4]]
        properties = {"name": number, "source": "register", "register_id": number, "distance_m": 31.2, "height_m": 9.0}
        geometry = {"type": "Polygon", "coordinates": [ring]}
        features.append({"type": "Feature", "properties": properties, "geometry": geometry})
    file = tmp_path / "proposals.json"
    file.write_text(json.dumps({"type": "FeatureCollection", "vms_plan": {"kind": "directions"}, "features": features}))
    open_editor(officer, town, 3)
    before = len(rings(officer))
    officer.set_input_files(".proposal-file", file)
    expect(officer.locator(".proposals h2")).to_have_text("2 voorstellen")
    assert len(rings(officer)) == before
    officer.locator(".proposal-acts button", has_text="Overnemen").click()
    expect(officer.locator(".proposals h2")).to_have_text("1 voorstel")
    officer.locator(".proposal-acts button", has_text="Afwijzen").click()
    officer.locator("dialog [name=reason]").fill("een schuur, daar woont niemand")
    officer.locator("dialog button[type=submit]").click()
    expect(officer.locator(".proposals")).to_have_count(0)
    assert len(rings(officer)) == before + 1
    expect(officer.locator(".mask-list li").last).to_contain_text("gebouwenregister 0344100000000001")
    # Opened again: the accepted one is masked, the rejected one says by whom and why.
    officer.set_input_files(".proposal-file", file)
    expect(officer.locator(".proposals h2")).to_have_text("1 voorstel")
    expect(officer.locator(".proposals .rejected-before")).to_contain_text("een schuur, daar woont niemand")
    officer.locator(".proposal-acts button", has_text="Blijft afgewezen").click()
    expect(officer.locator(".proposals")).to_have_count(0)


def test_a_fixed_camera_without_masks_gets_some_at_any_time(officer: Page, town: Town) -> None:
    """A house is built opposite: no calibration and no sight of the camera may stand between an officer and the first mask."""
    officer.goto(f"{town.url}/plans?camera={GATE}")
    expect(officer.locator("tbody tr").first).to_contain_text("opnieuw bekijken vóór")
    officer.get_by_role("link", name="Tekenen", exact=True).click()
    officer.locator("[name=size]").select_option("1280x720")
    officer.get_by_role("button", name="Tekenen").click()
    expect(officer.locator(".editor-main mask-view")).to_be_visible()
    officer.keyboard.press("n")
    for corner in ([0.2, 0.2], [0.5, 0.2], [0.5, 0.6]):
        officer.mouse.click(*on_screen(officer, corner))
    officer.keyboard.press("Enter")
    expect(officer.locator(".changes .verdict.is-tight")).to_be_visible()
    officer.locator(".editor-save textarea").fill("nieuwbouw tegenover de poort")
    officer.locator(".editor-save button").click()
    officer.wait_for_url(re.compile("compare=1-2"))
    expect(officer.locator(".compare-views mask-view")).to_have_count(1)
    with town.database.read() as conn:
        document = plans.get(conn, GATE, 2).document
    assert document is not None
    assert document["frame"] == {"width": 1280, "height": 720}


def test_no_dwelling_in_sight_is_declared_with_a_day_to_look_again(officer: Page, town: Town) -> None:
    """Two signatures from long ago prove nothing: who signs sees by when it is looked at again."""
    officer.goto(f"{town.url}/plans?camera={GATE}")
    officer.get_by_role("button", name="Geen woning in beeld").click()
    officer.locator("dialog [name=reason]").fill("alleen een blinde muur en water")
    officer.locator("dialog [name=again]").fill("01-01-2020")
    officer.locator("dialog [type=submit]").click()
    expect(officer.locator("dialog .form-error")).to_contain_text("binnen een jaar")
    in_ten_days = officer.evaluate(
        "import('/static/civil-time.js').then((time) => time.toDayField(Date.now() + 10 * time.DAY_MS))"
    )
    officer.locator("dialog [name=again]").fill(in_ten_days)
    officer.locator("dialog [type=submit]").click()
    officer.wait_for_url(re.compile("compare=1-3"))
    expect(officer.locator(".compare-views")).to_contain_text("opnieuw bekijken vóór")
    with town.database.read() as conn:
        look_again_at = plans.get(conn, GATE, 3).look_again_at
    assert look_again_at is not None
    assert timedelta(days=9) < look_again_at - SystemClock().now() < timedelta(days=12)


def test_the_browser_had_nothing_to_complain_about(complaints: list[str]) -> None:
    """No script error, and nothing that the security policy had to refuse."""
    assert complaints == []
