"""The end of a session in a real browser: told a minute ahead, kept by whoever is there, and no form lost over it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from api import doorman
from api.app import create_app
from api.parts import ApiParts
from tests.api.site import PASSWORD
from tests.pages.running import own_parts, serving
from vms.db import sessions, users
from vms.ledger.acts import Act
from vms.ledger.search import Filter, count_found
from vms.model import Role

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]
PATIENCE_MS = 60_000
POLL = """async () => {
  const own = document.querySelector("script[type=module]").src;
  const { request } = await import(new URL("api.js", own));
  return request("GET", "/api/holds", undefined, { background: true }).then(() => "let in", ({ code }) => code);
}"""


@pytest.fixture(scope="module")
def house(_sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, ApiParts]]:
    """The API and the pages; a session ends after little more than the minute of the warning."""
    parts = own_parts(_sqlite_template, tmp_path_factory.mktemp("session"), {"wacht": Role.INVESTIGATOR})
    parts = replace(parts, settings=parts.settings.model_copy(update={"session_idle_s": 75}))
    with pytest.MonkeyPatch.context() as patch, serving(create_app(parts)) as url:
        # The time of last activity is stored every 20 s; here the whole wait is shorter than that.
        patch.setattr(doorman, "_SEEN_EVERY", timedelta(0))
        yield url, parts
    parts.db.dispose()


@pytest.fixture
def person(browser: Browser, house: tuple[str, ApiParts], complaints: list[str]) -> Iterator[Page]:
    """Somebody who is signed in, on the page of holds."""
    url, _parts = house
    context = browser.new_context(viewport={"width": 1366, "height": 768})
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{url}/sign-in")
    page.fill("[name=username]", "wacht")
    page.fill("[name=password]", PASSWORD)
    page.click("#sign-in [type=submit]")
    page.wait_for_url(lambda address: "/sign-in" not in address)
    page.goto(f"{url}/holds")
    yield page
    context.close()


def test_the_end_is_told_ahead_and_moving_the_mouse_puts_it_off(person: Page) -> None:
    """Who only watches or reads must not be thrown out without a word."""
    expect(person.locator("dialog.session-warning")).to_contain_text("seconden", timeout=PATIENCE_MS)
    person.mouse.move(300, 300)
    person.mouse.move(320, 320)
    expect(person.locator("dialog.session-warning")).to_have_count(0, timeout=PATIENCE_MS)


def test_a_filled_in_form_outlives_the_session(person: Page, house: tuple[str, ApiParts]) -> None:
    """Because a reason that was thought about for ten minutes is not typed twice, and a fast hold is what saves footage."""
    _url, parts = house
    person.mouse.move(300, 300)
    person.click("#place")
    person.locator("dialog [name=case_number]").fill("PL0900-2026-123456")
    person.locator("dialog [name=reason]").fill("Vechtpartij bij de halte, aanleiding onduidelijk")
    person.locator("dialog [name=placement_ids]").first.check()
    with parts.db.write() as conn:
        account = users.by_username(conn, "wacht")
        assert account is not None
        sessions.end_all_of(conn, account.id, parts.clock.now())
    person.locator("dialog [type=submit]").click()
    over = person.locator("dialog.session-over")
    over.locator("[name=password]").fill("something else")
    over.locator("[type=submit]").click()
    expect(over.locator(".form-error")).to_be_visible(timeout=PATIENCE_MS)
    over.locator("[name=password]").fill(PASSWORD)
    over.locator("[type=submit]").click()
    expect(over).to_have_count(0, timeout=PATIENCE_MS)
    expect(person.locator("dialog h2")).to_have_text("Te laat", timeout=PATIENCE_MS)
    assert "/holds" in person.url


def test_a_page_without_work_leaves_for_the_sign_in(person: Page, house: tuple[str, ApiParts]) -> None:
    """Nothing stays on a screen that nobody answers for."""
    url, parts = house
    with parts.db.write() as conn:
        account = users.by_username(conn, "wacht")
        assert account is not None
        sessions.end_all_of(conn, account.id, parts.clock.now())
    person.mouse.move(400, 400)
    person.goto(f"{url}/log")
    person.wait_for_url("**/sign-in*")


def test_a_poll_that_is_refused_asks_no_more(person: Page, house: tuple[str, ApiParts]) -> None:
    """Whose role ends in front of an open page: each further poll would be another refusal in the log."""
    url, parts = house
    person.goto(f"{url}/holds")
    person.wait_for_load_state("networkidle")
    with parts.db.write() as conn:
        account = users.by_username(conn, "wacht")
        assert account is not None
        assert users.revoke(conn, account.id, Role.INVESTIGATOR)
    for _ in range(4):
        assert person.evaluate(POLL).startswith("policy.")
    with parts.db.read() as conn:
        assert count_found(conn, Filter(acts={Act.POLICY_DENIED}), most=9) == 1


def test_the_browser_had_nothing_to_complain_about(complaints: list[str]) -> None:
    """No script error on any of these ways."""
    assert complaints == []
