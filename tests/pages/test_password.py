"""Choosing a password in a real browser: who was given one gets nowhere else first, and password managers find their fields."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from api.accounts import COMMAND_LINE, Accounts
from api.app import create_app
from tests.api.site import PASSWORD, PASSWORDS
from tests.pages.running import own_parts, serving
from tests.pages.test_every_page import DESK, OFF_SCREEN, ZOOMED_TWICE, found_by_axe
from vms.model import Role

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]
PATIENCE_MS = 60_000
OWN = "een zin van mij alleen"


@pytest.fixture(scope="module")
def url(_sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The API and the pages, and somebody with a role whose password an administrator has just set."""
    parts = own_parts(_sqlite_template, tmp_path_factory.mktemp("password"), {"wacht": Role.INVESTIGATOR})
    Accounts(parts.db, parts.ledger, parts.clock, parts.policy, PASSWORDS).set_password(COMMAND_LINE, "wacht", PASSWORD)
    with serving(create_app(parts)) as url:
        yield url
    parts.db.dispose()


def fill(page: Page, old: str, new: str, again: str) -> None:
    """Fill in the form and send it."""
    for name, value in (("old", old), ("new", new), ("again", again)):
        page.fill(f"[name={name}]", value)
    page.click("#own-password [type=submit]")


def test_who_was_given_a_password_chooses_one_and_goes_on(browser: Browser, url: str, complaints: list[str]) -> None:
    """The way of everybody's first day, with the mistakes that people make on it."""
    page = browser.new_context(viewport=DESK).new_page()  # type: ignore[arg-type]  # a plain dict is one
    page.set_default_timeout(PATIENCE_MS)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{url}/holds")
    page.fill("[name=username]", "wacht")
    page.fill("[name=password]", PASSWORD)
    page.click("#sign-in [type=submit]")
    page.wait_for_url("**/password?next=%2Fholds")
    assert found_by_axe(page) == []
    assert page.evaluate(OFF_SCREEN) == []
    kinds = [
        page.locator(f"[name={name}]").get_attribute("autocomplete") for name in ("username", "old", "new", "again")
    ]
    assert kinds == ["username", "current-password", "new-password", "new-password"]
    expect(page.locator("[name=username]")).to_have_value("wacht")

    fill(page, PASSWORD, OWN, "iets anders dan dat")
    expect(page.locator(".form-error")).to_contain_text("verschillen")
    fill(page, PASSWORD, "wachtwoord123", "wachtwoord123")
    expect(page.locator(".form-error")).to_contain_text("Veel mensen")
    expect(page.locator("[name=new]")).to_be_focused()
    fill(page, "niet het wachtwoord", OWN, OWN)
    expect(page.locator(".form-error")).to_contain_text("oude wachtwoord klopt niet")
    expect(page.locator("[name=new]")).to_have_value(OWN)
    page.fill("[name=old]", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/holds")

    page.set_viewport_size(ZOOMED_TWICE)  # type: ignore[arg-type]  # a plain dict is one
    page.click(".bar-person")
    page.wait_for_url("**/password")
    assert page.evaluate(OFF_SCREEN) == []
    fill(page, OWN, OWN + " nu", OWN + " nu")
    expect(page.locator(".form-done")).to_contain_text("gewijzigd")
    page.click("#sign-out")
    page.wait_for_url("**/sign-in*")
    page.context.close()
    assert complaints == []
