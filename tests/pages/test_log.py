"""The page of the log in Chromium: what only an auditor's eyes need, and what an auditor takes along."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from api.app import create_app
from tests.api.site import PASSWORD
from tests.pages.running import chromium, own_parts
from tests.serving import serving
from vms.model import Role

pytestmark = pytest.mark.browser

PEOPLE = {"controleur": Role.AUDITOR, "monteur": Role.TECHNICIAN}


@pytest.fixture
def url(_sqlite_template: Path, tmp_path: Path) -> Iterator[str]:
    """The API and the pages."""
    parts = own_parts(_sqlite_template, tmp_path, PEOPLE)
    with serving(create_app(parts)) as address:
        yield address
    parts.db.dispose()


def test_an_auditor_takes_a_checkpoint_on_paper(url: str) -> None:
    """One press, and the page is there to print; who sees only what they did themselves has no such button."""
    complaints: list[str] = []
    with chromium() as browser:
        for username in PEOPLE:
            page = browser.new_context(viewport={"width": 1366, "height": 768}, accept_downloads=True).new_page()
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.goto(f"{url}/sign-in")
            page.fill("[name=username]", username)
            page.fill("[name=password]", PASSWORD)
            page.click("#sign-in [type=submit]")
            page.wait_for_url(lambda address: "/sign-in" not in address, timeout=60_000)
            page.goto(f"{url}/log")
            expect(page.locator(".log-lines")).to_contain_text("meldde zich aan")
            link = page.get_by_role("link", name="Controlepunt op papier")
            if username == "monteur":
                expect(link).to_have_count(0)
                continue
            with page.expect_download() as started:
                link.click()
            assert started.value.path().read_bytes().startswith(b"%PDF-1.4")
            assert started.value.suggested_filename.startswith("checkpoint-")
            _take_along(page)
    assert complaints == []


def _take_along(page: Page) -> None:
    """Search, and take the rows and a proof."""
    page.fill("[name=case]", "12345")
    page.get_by_role("button", name="Tonen").click()
    expect(page.locator("#list")).to_contain_text("PL0900-2026-123456")
    page.fill("[name=case]", "")
    page.select_option("[name=act]", "auth.sign-in")
    page.get_by_role("button", name="Tonen").click()
    expect(page.locator("#found")).to_contain_text("1 gevonden")
    with page.expect_download() as started:
        page.get_by_role("link", name="CSV").click()
    rows = started.value.path().read_text(encoding="utf-8-sig").splitlines()
    assert [row.split(";")[2] for row in rows] == ["act", "auth.sign-in"]
    page.locator(".log-lines summary").first.click()
    with page.expect_download() as started:
        page.get_by_role("link", name="Downloaden").click()
    assert started.value.suggested_filename.endswith(".tlog-proof")
    assert started.value.path().read_text(encoding="utf-8").startswith("c2sp.org/tlog-proof@v1\nextra ")
