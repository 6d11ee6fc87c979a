"""Every page and dialog as people with other eyes, hands and screens meet them: axe-core finds nothing, and nothing is off the screen."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Route, expect

from api.accounts import COMMAND_LINE, Accounts
from api.app import create_app
from api.pages.router import PAGES
from api.parts import ApiParts
from tests import builders
from tests.api.site import COPIED, FIXED, PASSWORD, PASSWORDS
from tests.pages.running import own_parts, serving
from vms.db import exports, holds
from vms.db.holds import NewHold
from vms.model import ExportId, HoldId, HoldOutcome, Role, Span, UserId

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

PATIENCE_MS = 60_000
DESK, ZOOMED_TWICE = {"width": 1366, "height": 768}, {"width": 683, "height": 384}
CASE = "PL0900-2026-123456"
# Page, what opens a dialog on it.
DIALOGS = (
    ("/holds", "#place"),
    ("/holds", "tr[data-id] button:has-text('Details'), tbody button:has-text('Details')"),
    ("/exports", "button:has-text('Goedkeuren')"),
    ("/exports", "button:has-text('Weigeren')"),
    ("/commissioning", "#ask"),
    ("/decisions", "#ask"),
    ("/decisions", "#ask-clock"),
    ("/audit", "#draw"),
    (f"/plans?camera={COPIED}", "button:has-text('Geen woning in beeld')"),
    ("/cameras", "#clock"),
    ("/cameras", "#keys"),
    (f"/playback?camera={FIXED}", ".transport-play"),
)
SUBPAGES = (
    f"/plans?camera={FIXED}",
    f"/plans?camera={FIXED}&draw=1",
    f"/plans?camera={COPIED}&draw=new",
    "/password",
    "/sign-in",
)
OFF_SCREEN = """() => {
  const hidden = (node) => !node.checkVisibility({checkOpacity: true, checkVisibilityCSS: true});
  const scrolls = (node) => { for (let up = node.parentElement; up && up !== document.body; up = up.parentElement)
    if (up.scrollWidth > up.clientWidth && /auto|scroll/.test(getComputedStyle(up).overflowX)) return true; return false; };
  const found = [];
  for (const node of document.querySelectorAll('a, button, input, select, textarea, h1, h2')) {
    if (hidden(node) || node.closest('.visually-hidden, .skip')) continue;
    if (node.matches('.visually-hidden, .skip')) continue;
    const box = node.getBoundingClientRect();
    if ((box.right > innerWidth + 1 || box.left < -1) && !scrolls(node)) found.push(node.outerHTML.slice(0, 120));
    const below = box.bottom + scrollY > document.documentElement.scrollHeight + 1;
    const clipped = getComputedStyle(document.body).overflowY === 'hidden' && box.bottom > innerHeight + 1;
    if ((below || clipped) && !scrolls(node) && !node.closest('aside, dialog')) found.push('below: ' + node.outerHTML.slice(0, 120));
  }
  return found;
}"""


@dataclass(frozen=True, slots=True)
class Town:
    """Where to sign in, and what stands behind it."""

    url: str
    parts: ApiParts


@pytest.fixture(scope="module")
def town(_sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """The API and the pages with something to show on each, and one person who may open them all."""
    parts = own_parts(_sqlite_template, tmp_path_factory.mktemp("every"), {"iedereen": Role.DIRECTOR})
    # One person for all pages: who may have which roles together is another test's.
    parts = replace(parts, policy=replace(parts.policy, forbidden=()))
    furnish(parts)
    with serving(create_app(parts)) as url:
        yield Town(url, parts)
    parts.db.dispose()


def furnish(parts: ApiParts) -> None:
    """Give the person every role, and the house recordings, two holds of one case and an export that waits."""
    accounts = Accounts(parts.db, parts.ledger, parts.clock, parts.policy, PASSWORDS)
    now = parts.clock.now()
    for role in Role:
        if role is not Role.DIRECTOR:
            accounts.grant_role(COMMAND_LINE, "iedereen", role, now + timedelta(days=9))
    span = Span(now - timedelta(minutes=40), now - timedelta(minutes=30))
    with parts.db.write() as conn:
        for minutes in range(50, 20, -1):
            builders.add_sealed_segment(conn, FIXED, now - timedelta(minutes=minutes))
        for number in (1, 2):
            hold_id = HoldId(f"h-{number}")
            asked_at = now - timedelta(minutes=9 - number)
            reason = "Vechtpartij bij de halte, aanleiding onduidelijk"
            new = NewHold(
                hold_id, f"r-{number}", CASE, "investigation", reason, span, (FIXED, COPIED), now + timedelta(days=20),
                UserId("u-officer"), asked_at,
            )  # fmt: skip
            holds.add(conn, new)
            holds.activate(conn, hold_id, HoldOutcome.ACCEPTED)
        exports.request(
            conn,
            ExportId("e-1"),
            hold_id=HoldId("h-2"),
            requested_by=UserId("u-officer"),
            requested_at=now,
            receiver="OM Midden-Nederland, mr. Jansen",
        )


def signed_in(browser: Browser, url: str, viewport: dict[str, int]) -> Page:
    """Return a page of the person who may open all of them."""
    page = browser.new_context(viewport=viewport).new_page()  # type: ignore[arg-type]  # a plain dict is one
    page.set_default_timeout(PATIENCE_MS)
    page.goto(f"{url}/sign-in")
    page.fill("[name=username]", "iedereen")
    page.fill("[name=password]", PASSWORD)
    page.click("#sign-in [type=submit]")
    page.wait_for_url(lambda address: "/sign-in" not in address)
    return page


@pytest.fixture(scope="module")
def person(browser: Browser, town: Town) -> Page:
    """Somebody at a desk with the usual small screen."""
    return signed_in(browser, town.url, DESK)


def opened(page: Page, url: str, path: str) -> None:
    """Open a page and wait until its lists have come."""
    page.goto(f"{url}{path}")
    expect(page.locator("[aria-busy=true]")).to_have_count(0, timeout=PATIENCE_MS)
    if path.startswith("/playback"):
        expect(page.locator("playback-player").first).to_be_visible(timeout=PATIENCE_MS)


def found_by_axe(page: Page) -> list[str]:
    """Return what axe-core finds, as rule and element."""
    # A colour on its way from one to another is neither: without motion transitions end at once.
    page.emulate_media(reduced_motion="reduce")
    # Off by default, and what people who speak to their computer depend on.
    rules = {"label-content-name-mismatch": {"enabled": True}}
    result = Axe().run(page, options={"resultTypes": ["violations"], "rules": rules})
    return [f"{rule['id']}: {node['html'][:160]}" for rule in result.response["violations"] for node in rule["nodes"]]


@pytest.mark.parametrize("path", [*(page.path for page in PAGES), *SUBPAGES])
def test_axe_finds_nothing_on_any_page(person: Page, town: Town, browser: Browser, path: str) -> None:
    """Names, roles, headings, landmarks and contrast: what a screen reader or a tired eye needs."""
    if path == "/sign-in":
        stranger = browser.new_context(viewport=DESK).new_page()  # type: ignore[arg-type]  # a plain dict is one
        stranger.goto(f"{town.url}{path}")
        assert found_by_axe(stranger) == []
        return
    opened(person, town.url, path)
    assert found_by_axe(person) == []


@pytest.mark.parametrize(("path", "opener"), DIALOGS)
def test_axe_finds_nothing_in_any_dialog(person: Page, town: Town, path: str, opener: str) -> None:
    """Decisions are made in dialogs: what is wrong there is wrong where it matters."""
    opened(person, town.url, path)
    person.locator(opener).first.click()
    expect(person.locator("dialog[open]")).to_be_visible(timeout=PATIENCE_MS)
    assert found_by_axe(person) == []
    person.keyboard.press("Escape")


def test_at_1366_pixels_the_menu_has_words_and_the_timeline_its_zoom(person: Page, town: Town) -> None:
    """Nobody learns twelve icons by heart, and a wheel is not on every desk."""
    opened(person, town.url, "/playback")
    words = person.locator(".bar-nav a span")
    expect(words).to_have_count(len(PAGES))
    for number in range(len(PAGES)):
        expect(words.nth(number)).to_be_visible()
    for button in person.locator(".transport-spans button").all():
        expect(button).to_be_visible()


@pytest.mark.parametrize("viewport", [DESK, ZOOMED_TWICE], ids=["100 %", "200 %"])
def test_nothing_is_off_the_screen(browser: Browser, town: Town, viewport: dict[str, int]) -> None:
    """Who needs everything twice as large gets all of it: WCAG 1.4.4 and 1.4.10."""
    page = signed_in(browser, town.url, viewport)
    found = {}
    for one in PAGES:
        opened(page, town.url, one.path)
        found[one.path] = page.evaluate(OFF_SCREEN)
    page.context.close()
    assert {path: lost for path, lost in found.items() if lost} == {}


def test_what_can_be_done_in_a_row_is_in_sight(person: Page, town: Town) -> None:
    """A button that must be scrolled to within a table is not found: approve, refuse and download of real, long rows."""

    def lengthen(route: Route) -> None:
        [waits] = route.fetch().json()
        waits |= {"receiver": "Districtsrecherche, C. Jansen", "requested_by": {"id": "u-other", "name": "R. de Wit"}}
        ready = waits | {"id": "e-2", "state": "ready", "size_bytes": 14_416_910, "sha256": "4537c7c4631b454a" * 4}
        route.fulfill(json=[waits, ready | {"decided_by": {"id": "u-2", "name": "M. Bakker"}}])

    person.route("**/api/exports", lengthen)
    try:
        opened(person, town.url, "/exports")
        acts = person.locator("td.acts").locator("button, a")
        assert acts.all_inner_texts() == ["Goedkeuren", "Weigeren", "Downloaden"]
        hidden = acts.evaluate_all(
            """all => all.filter((one) => {
              const frame = one.closest('.table-frame').getBoundingClientRect(), box = one.getBoundingClientRect();
              return box.right > frame.right || box.left < frame.left;
            }).map((one) => one.textContent)"""
        )
        assert hidden == []
    finally:
        person.unroute("**/api/exports")
