"""The page Early erasure in a real browser: one person sees what would go and asks, another sees the same and approves."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from api.app import create_app
from api.parts import ApiParts
from retention import early
from retention.parts import RetentionParts
from tests import builders
from tests.api.site import COPIED, FIXED, PASSWORD
from tests.pages.running import chromium, own_parts, serving
from vms.ledger.search import search
from vms.model import Role

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]
PATIENCE_MS = 60_000


def signed_in(browser: Browser, url: str, username: str, complaints: list[str]) -> Page:
    """Sign somebody in, on the page."""
    page = browser.new_context(viewport={"width": 1440, "height": 1100}).new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{url}/sign-in")
    page.fill("[name=username]", username)
    page.fill("[name=password]", PASSWORD)
    page.click("#sign-in [type=submit]")
    page.wait_for_url(lambda address: "/sign-in" not in address)
    page.goto(f"{url}/decisions")
    return page


@pytest.fixture
def parts(_sqlite_template: Path, tmp_path: Path) -> Iterator[ApiParts]:
    """What the API works with, and one person of each role that the page is for."""
    people = {"vlakken": Role.BLANKING_OFFICER, "leiding": Role.DIRECTOR, "monteur": Role.TECHNICIAN}
    parts = own_parts(_sqlite_template, tmp_path, people)
    yield parts
    parts.db.dispose()


def test_one_asks_and_another_approves_what_both_have_seen(parts: ApiParts) -> None:
    """Nobody asks or approves blindly, and nobody finds a button for an own request."""
    with parts.db.write() as conn:
        builders.add_sealed_segment(conn, COPIED, parts.clock.now() - timedelta(minutes=30))
    complaints: list[str] = []
    with serving(create_app(parts)) as url, chromium() as browser:
        asker = signed_in(browser, url, "vlakken", complaints)
        asker.click("#ask")
        asker.fill("[name=reason]", "een slaapkamerraam zonder vlak")
        asker.check(f"[name=placement_ids][value={COPIED}]")
        asker.get_by_role("button", name="Bekijk wat er weg zou gaan").click()
        expect(asker.locator("dialog")).to_contain_text("1 minuut gaat weg")
        asker.get_by_role("button", name="Vraag een tweede persoon").click()
        expect(asker.locator("#erasures")).to_contain_text("Onrechtmatig opgenomen")
        expect(asker.locator("#erasures").get_by_role("button", name="Goedkeuren")).to_have_count(0)
        decider = signed_in(browser, url, "leiding", complaints)
        decider.locator("#erasures").get_by_role("button", name="Goedkeuren").click()
        expect(decider.locator("dialog")).to_contain_text("1 minuut gaat weg")
        decider.locator("dialog").get_by_role("button", name="Goedkeuren").click()
        expect(decider.locator("#erasures")).to_contain_text("Goedgekeurd")
        assert early.carry_out(RetentionParts(parts.db, parts.keys, parts.store, parts.ledger, parts.clock)) == 1
        expect(decider.locator("#erasures")).to_contain_text("1 minuut gewist")
        technician = signed_in(browser, url, "monteur", complaints)
        expect(technician.locator("#erasures")).to_have_count(0)
        technician.click("#ask-clock")
        technician.fill("[name=reason]", "vergeleken met de zendklok")
        technician.get_by_role("button", name="Vraag een tweede persoon").click()
        decider.locator("#overrides").get_by_role("button", name="Goedkeuren").click()
        decider.locator("dialog").get_by_role("button", name="De klok staat goed").click()
        expect(decider.locator("#overrides")).to_contain_text("Goedgekeurd")
    assert complaints == []
    with parts.db.read() as conn:
        acts = {entry.document["act"] for entry in search(conn, limit=100)}
    assert {"early.request", "early.approve", "early.done", "clock.request", "clock.approve"} <= acts
    assert "policy.denied" not in acts, "a page asks for nothing that its reader may not see"


def test_two_persons_say_that_the_plan_of_a_fixed_camera_fits(parts: ApiParts) -> None:
    """A camera that was moved stays grey until they have: the form names every fixed camera, and no turning one."""
    complaints: list[str] = []
    with serving(create_app(parts)) as url, chromium() as browser:
        asker = signed_in(browser, url, "vlakken", complaints)
        asker.click("#ask-view")
        cameras = asker.locator("dialog [name=placement_id]")
        expect(cameras).to_be_visible()
        assert cameras.locator("option").evaluate_all("all => all.map((one) => one.value)") == [COPIED, FIXED]
        cameras.select_option(FIXED)
        asker.fill("dialog [name=reason]", "teruggezet en nagekeken in het inregelbeeld")
        asker.get_by_role("button", name="Vraag een tweede persoon").click()
        decider = signed_in(browser, url, "leiding", complaints)
        decider.locator("#fixed-views").get_by_role("button", name="Goedkeuren").click()
        decider.locator("dialog [type=submit]").click()
        expect(decider.locator("#fixed-views")).to_contain_text("Uitgevoerd")
    assert complaints == []
    with parts.db.read() as conn:
        acts = {entry.document["act"] for entry in search(conn, limit=100)}
    assert {"view.request", "view.approve"} <= acts


def test_the_bar_of_the_role_with_most_pages_fits_every_screen(parts: ApiParts) -> None:
    """A link under the clock can't be pressed, and a page without a name is not found."""
    complaints: list[str] = []
    with serving(create_app(parts)) as url, chromium() as browser:
        page = signed_in(browser, url, "leiding", complaints)
        for width_px in (900, 1000, 1280, 1440, 1700, 1761, 1920):
            page.set_viewport_size({"width": width_px, "height": 900})
            links, side = page.locator(".bar-nav a").last.bounding_box(), page.locator(".bar-side").bounding_box()
            assert links is not None
            assert side is not None
            assert links["x"] + links["width"] <= side["x"]
            assert side["x"] + side["width"] <= width_px
            expect(page.get_by_role("link", name="Vier ogen", exact=True)).to_be_visible()
            expect(page.get_by_role("link", name="Veiligstellingen", exact=True)).to_be_visible()
    assert complaints == []
