"""The auditor's pages in a real browser: erasing at a glance, a proof, a review from the draw to the signature, the bundle.

No camera is needed. The tests run in order and build on each other.
"""

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect
from sqlalchemy import update

from api.app import create_app
from api.parts import ApiParts
from retention.parts import RetentionParts
from retention.proof import prove_months
from tests import builders
from tests.api.site import DOME, FIXED, PASSWORD
from tests.ledger.owner import without_rules
from tests.pages.running import own_parts, serving
from vms.clock import ManualClock
from vms.db import proofs, reviews, sweeps
from vms.db.sweeps import SweepOutcome
from vms.db.tables import retention_proof
from vms.ledger.acts import Act
from vms.ledger.entries import Actor, Entry, Origin, Purpose, Result
from vms.ledger.log import Ledger
from vms.model import Role

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

PATIENCE_MS = 60_000
SQUARE = DOME
VIEWS = 12
SIGN_INS = (
    (Act.AUTH_SIGN_IN, "u-officer", "10.1.2.3"),
    (Act.AUTH_REFUSED, "u-officer", "10.1.2.3"),
    (Act.AUTH_REFUSED, "nobody", "10.9.9.9"),
    (Act.AUTH_SIGN_IN, "u-officer", "10.1.2.3"),
)


@dataclass(frozen=True, slots=True)
class Town:
    """Where to sign in, and what it stands on."""

    url: str
    parts: ApiParts


def lived(parts: ApiParts) -> None:
    """Give the ledger a past: a month that is over, with its sign-ins, and views of two days ago."""
    now = parts.clock.now()
    before = ManualClock(now - timedelta(days=40))
    past = Ledger(parts.ledger.origin, before)
    person = Actor.person("u-officer", role="observer", session_id="s-1")
    with parts.db.write() as conn:
        past.append(conn, Entry(Act.SYSTEM_START, Actor.service("api"), Origin("test"), {"program": "api"}))
        past.checkpoint(conn, parts.signer)
        for act, who, ip in SIGN_INS:
            is_refused = act is Act.AUTH_REFUSED
            said = (
                (Result.DENIED, "unknown-name" if who == "nobody" else "wrong-password")
                if is_refused
                else (Result.OK, None)
            )
            actor = Actor.person(who, role=None, session_id=None)
            past.append(conn, Entry(act, actor, Origin("vms-api/test", "WS-07", ip), {"session": "s-0"}, *said))
        before.advance(timedelta(days=38))
        for number in range(VIEWS):
            before.advance(timedelta(minutes=7))
            about = {"placement_id": SQUARE, "view": f"v-{number}"}
            purpose = Purpose("case", "PL0900-2026-123456", "mishandeling bij de fontein")
            past.append(
                conn, Entry(Act.LIVE_OPEN, person, Origin("vms-api/test", "WS-07", "10.1.2.3"), about, purpose=purpose)
            )


def present(parts: ApiParts) -> None:
    """Add what the pages show of now: footage past its time, a sweep that was good and one that stopped, the proofs."""
    now = parts.clock.now()
    with parts.db.write() as conn:
        builders.add_sealed_segment(conn, SQUARE, now - timedelta(days=29), length=timedelta(minutes=1))
        builders.add_sealed_segment(conn, FIXED, now - timedelta(days=20))
        for outcome, doubts in ((SweepOutcome.GOOD, []), (SweepOutcome.STOPPED, ["clock-stepped", "brake"])):
            number = sweeps.begin(conn, now)
            sweeps.finish(conn, number, finished_at=now, outcome=outcome, claimed=3, destroyed=3, doubts=doubts)
    while prove_months(RetentionParts(parts.db, parts.keys, parts.store, parts.ledger, parts.clock), parts.clock.now()):
        pass


@pytest.fixture(scope="module")
def town(_sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """The API and the pages on a database of their own, with an auditor."""
    folder = tmp_path_factory.mktemp("oversight")
    parts = own_parts(_sqlite_template, folder, {"auditeur": Role.AUDITOR, "regisseur": Role.DIRECTOR}, before=lived)
    present(parts)
    with serving(create_app(parts)) as url:
        yield Town(url, parts)
    parts.db.dispose()


@pytest.fixture(scope="module")
def auditor(browser: Browser, town: Town, complaints: list[str]) -> Page:
    """Who oversees."""
    return signed_in(browser, town, complaints, "auditeur")


@pytest.fixture(scope="module")
def director(browser: Browser, town: Town, complaints: list[str]) -> Page:
    """Who answers for a month at the police."""
    return signed_in(browser, town, complaints, "regisseur")


def signed_in(browser: Browser, town: Town, complaints: list[str], name: str) -> Page:
    """Return a browser of its own in which somebody is signed in."""
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if "Security Policy" in said.text else None)
    page.goto(f"{town.url}/sign-in")
    page.fill("[name=username]", name)
    page.fill("[name=password]", PASSWORD)
    page.click("#sign-in [type=submit]")
    page.wait_for_url(lambda address: "/sign-in" not in address)
    return page


def test_what_is_past_its_time_comes_first_and_in_words(auditor: Page, town: Town) -> None:
    """Colour alone says nothing to some, and on paper."""
    auditor.goto(f"{town.url}/erasing")
    first = auditor.locator("#cameras tbody tr").first
    expect(first).to_have_attribute("data-id", SQUARE)
    expect(first).to_contain_text("Ouder dan 28 dagen")
    expect(auditor.locator('#cameras tr[data-id="markt"]')).to_contain_text("Op tijd")
    expect(auditor.locator("#sweeps tbody tr").first).to_contain_text("de klok sprong vooruit")
    expect(auditor.locator("#tiles")).to_contain_text("De rem is actief")
    expect(auditor.locator("#tiles")).to_contain_text("Nog geen enkele afgetekend")


def test_what_two_persons_confirmed_is_in_doubt_no_longer(auditor: Page, town: Town) -> None:
    """They had to act because of a doubt; the page must not go on with it until the next sweep."""
    with town.parts.db.write() as conn:
        at = town.parts.clock.now()
        number = sweeps.begin(conn, at)
        confirmed = ["confirmed-by-two-persons"]
        sweeps.finish(conn, number, finished_at=at, outcome=SweepOutcome.GOOD, claimed=0, destroyed=0, doubts=confirmed)
    auditor.reload()
    expect(auditor.locator("#sweeps tbody tr").first).to_contain_text("twee personen bevestigden de klok")
    expect(auditor.locator("#tiles .tile").nth(1)).to_contain_text("Geen twijfel")


def test_a_proof_is_read_on_the_page_and_kept(auditor: Page, town: Town) -> None:
    """What the auditor takes home has the digest that stands in the log."""
    auditor.goto(f"{town.url}/erasing")
    line = auditor.locator("#proofs tbody tr").first
    line.get_by_role("button", name="Tonen").click()
    expect(auditor.locator("dialog")).to_contain_text("de oudste beelden die niemand veiligstelde")
    auditor.keyboard.press("Escape")
    with auditor.expect_download() as taken:
        line.get_by_role("link", name="Tekst").click()
    assert "Maandelijks wisbewijs" in Path(taken.value.path()).read_text(encoding="utf-8")


def test_the_director_signs_a_month_and_explains_its_findings(director: Page, auditor: Page, town: Town) -> None:
    """Nobody else finds the button; everybody who oversees sees who signed, and that a proof made again is unsigned."""
    director.goto(f"{town.url}/erasing")
    line = director.locator("#proofs tbody tr").first
    expect(line).to_contain_text("Nog niet afgetekend")
    line.get_by_role("button", name="Aftekenen").click()
    expect(director.locator("dialog")).to_contain_text("bevinding")
    director.locator("dialog [type=submit]").click()
    expect(director.locator("dialog .dialog-foot .form-error")).to_contain_text("minstens 10 tekens")
    director.fill("dialog [name=remark]", "de schijf was vol, zie incident 12")
    director.locator("dialog [type=submit]").click()
    expect(line.locator(".chip.ok")).to_have_text("Afgetekend")
    expect(line).to_contain_text("Regisseur")
    expect(line.get_by_role("button", name="Aftekenen")).to_have_count(0)
    auditor.goto(f"{town.url}/erasing")
    seen = auditor.locator("#proofs tbody tr")
    expect(seen.first.locator(".chip.ok")).to_have_text("Afgetekend")
    expect(seen.last).to_contain_text(re.compile(r"Uiterlijk \d\d-\d\d-\d{4} af te tekenen"))
    expect(auditor.get_by_role("button", name="Aftekenen")).to_have_count(0)
    seen.first.get_by_role("button", name="Tonen").click()
    expect(auditor.locator("dialog")).to_contain_text("de schijf was vol, zie incident 12")
    auditor.keyboard.press("Escape")
    with town.parts.db.write() as conn:
        [newest, *_] = proofs.list_all(conn)
        without_rules(conn)
        again = update(retention_proof).where(retention_proof.c.month == newest.month)
        conn.execute(again.values(sha256="0" * 64))
    auditor.reload()
    expect(seen.first.locator(".chip.bad").last).to_have_text("Opnieuw gemaakt na het aftekenen")
    with town.parts.db.write() as conn:
        conn.execute(update(retention_proof).where(retention_proof.c.sha256 == "0" * 64).values(sha256=newest.sha256))


def test_a_review_goes_from_the_draw_to_the_signature(auditor: Page, town: Town) -> None:
    """Every view is judged, a finding needs words, and after signing nothing can be pressed."""
    auditor.goto(f"{town.url}/audit")
    auditor.locator("#draw").click()
    auditor.fill("dialog [name=sample]", "3")
    auditor.locator("dialog [type=submit]").click()
    expect(auditor.locator("dialog .dialog-foot .form-error")).to_contain_text("dobbelstenen")
    auditor.fill("dialog [name=seed]", "4711")
    auditor.locator("dialog [type=submit]").click()
    rows = auditor.locator("#review tbody tr")
    expect(rows).to_have_count(3)
    expect(rows.first).to_contain_text("PL0900-2026-123456")
    expect(auditor.locator("#review")).not_to_contain_text("null")
    for place in range(2):
        rows.nth(place).get_by_role("button", name="In orde").click()
        expect(rows.nth(place).locator(".chip.ok")).to_be_visible()
    auditor.get_by_role("button", name="Aftekenen").click()
    auditor.locator("dialog [type=submit]").click()
    expect(auditor.locator("dialog .dialog-foot .form-error")).to_contain_text("inzagen: 1.")
    auditor.keyboard.press("Escape")
    rows.nth(2).get_by_role("button", name="Bevinding").click()
    auditor.locator("dialog [type=submit]").click()
    expect(auditor.locator("dialog .dialog-foot .form-error")).to_be_visible()
    auditor.fill("dialog [name=remark]", "geen melding op dat tijdstip")
    auditor.route("**/api/reviews/*/entries/*", lambda route: route.fulfill(status=503, json={}), times=1)
    auditor.locator("dialog [type=submit]").click()
    expect(auditor.locator("dialog .dialog-foot .form-error")).to_be_visible()
    expect(auditor.locator("dialog [name=remark]")).to_have_value("geen melding op dat tijdstip")
    auditor.locator("dialog [type=submit]").click()
    expect(rows.nth(2)).to_contain_text("geen melding")
    auditor.get_by_role("button", name="Aftekenen").click()
    auditor.locator("dialog [type=submit]").click()
    expect(auditor.locator("#review .review-head .chip.ok")).to_contain_text("Afgetekend")
    expect(rows.first.get_by_role("button")).to_have_count(0)
    expect(auditor.locator("#list tbody tr").first).to_contain_text("3 van 12")
    with town.parts.db.read() as conn:
        [review] = reviews.list_all(conn, reviews.ReviewKind.VIEWS)
    assert (review.judged, review.findings, review.signed_at is not None) == (3, 1, True)


def _due(route: Route, *, is_due: bool) -> None:
    """Answer as the server does of a month whose time to sign is over, or is not."""
    answer = route.fetch().json()
    for one in answer["owed"]:
        one["is_due"] = is_due
    route.fulfill(json=answer)


def test_the_supervisor_reviews_a_month_of_sign_ins(director: Page, town: Town) -> None:
    """The page says what is owed and since when, why each was drawn, and nothing of the auditor's."""
    director.goto(f"{town.url}/audit")
    expect(director.locator("#draw, #bundle, #list")).to_have_count(0)
    owed = director.locator("#owed tbody tr").first
    for is_due, says in (
        (True, r"Had uiterlijk 15-\d\d-\d{4} afgetekend"),
        (False, r"Uiterlijk 15-\d\d-\d{4} af te tekenen"),
    ):
        director.route("**/api/sign-in-reviews", partial(_due, is_due=is_due), times=1)
        director.reload()
        expect(owed.locator(".chip")).to_have_text(re.compile(says))
    owed.get_by_role("button", name="Steekproef trekken").click()
    director.fill("dialog [name=sample]", "5")
    director.locator("dialog [type=submit]").click()
    expect(director.locator("dialog .dialog-foot .form-error")).to_contain_text("tussen 20 en 200")
    director.fill("dialog [name=sample]", "20")
    director.locator("dialog [type=submit]").click()
    rows = director.locator("#sign-in-review tbody tr")
    expect(rows).to_have_count(len(SIGN_INS))
    expect(rows.nth(0)).to_contain_text("Ander adres")
    expect(rows.nth(1)).to_contain_text("Geweigerd of geblokkeerd")
    expect(rows.nth(1)).to_contain_text("verkeerd wachtwoord")
    expect(rows.nth(2)).to_contain_text("Onbekende gebruikersnaam")
    expect(rows.nth(2)).to_contain_text("10.9.9.9")
    expect(director.locator("#sign-in-review")).not_to_contain_text("null")
    for place in range(len(SIGN_INS) - 1):
        rows.nth(place).get_by_role("button", name="In orde").click()
        expect(rows.nth(place).locator(".chip.ok")).to_be_visible()
    rows.last.get_by_role("button", name="Bevinding").click()
    director.fill("dialog [name=remark]", "was met verlof")
    director.locator("dialog [type=submit]").click()
    expect(rows.last).to_contain_text("was met verlof")
    director.get_by_role("button", name="Aftekenen").click()
    director.locator("dialog [type=submit]").click()
    expect(director.locator("#sign-in-review .review-head .chip.ok")).to_contain_text("Afgetekend")
    expect(director.locator("#sign-in-reviews tbody tr").first).to_contain_text("4 van 4")
    expect(director.locator("#owed")).to_contain_text("Elke afgelopen maand is beoordeeld")


def test_the_auditor_sees_the_supervisors_reviews_and_judges_none(auditor: Page, town: Town) -> None:
    """Whoever audits takes no part in what is audited."""
    auditor.goto(f"{town.url}/audit")
    expect(auditor.locator("#owed").get_by_role("button")).to_have_count(0)
    auditor.locator("#sign-in-reviews tbody tr").first.get_by_role("button", name="Tonen").click()
    rows = auditor.locator("#sign-in-review tbody tr")
    expect(rows).to_have_count(len(SIGN_INS))
    expect(rows.last).to_contain_text("was met verlof")
    expect(rows.get_by_role("button")).to_have_count(0)


def test_the_own_sign_in_is_another_supervisors_to_judge(director: Page, town: Town) -> None:
    """The server refuses it; the page must not offer it, and says who does it."""

    def one_is_own(route: Route) -> None:
        review = route.fetch().json() | {"signed_at": None}
        for item in review["items"]:
            item.update(verdict=None, may_judge=item is not review["items"][0], is_own=item is review["items"][0])
        route.fulfill(json=review)

    director.route("**/api/sign-in-reviews/*", one_is_own)
    director.goto(f"{town.url}/audit")
    director.locator("#sign-in-reviews tbody tr").first.get_by_role("button", name="Tonen").click()
    rows = director.locator("#sign-in-review tbody tr")
    expect(rows.first).to_contain_text("een andere leidinggevende")
    expect(rows.first.get_by_role("button")).to_have_count(0)
    expect(rows.nth(1).get_by_role("button")).to_have_count(2)
    director.unroute("**/api/sign-in-reviews/*")


def test_the_bundle_is_taken_from_the_page(auditor: Page, town: Town) -> None:
    """With the key to compare, and the commands to check it with."""
    expect(auditor.locator("#vkey")).to_have_text(town.parts.signer.verifier.text)
    expect(auditor.locator("#commands")).to_contain_text("vms-audit verify-log")
    auditor.fill("#bundle [name=to]", "gisteren")
    auditor.locator("#bundle [type=submit]").click()
    expect(auditor.locator("#bundle .form-error")).to_be_visible()
    auditor.reload()
    expect(auditor.locator("#vkey")).to_have_text(town.parts.signer.verifier.text)
    with auditor.expect_download() as taken:
        auditor.locator("#bundle [type=submit]").click()
    with zipfile.ZipFile(taken.value.path()) as bundle:
        assert any(name.startswith("audit/proofs/") for name in bundle.namelist())


def test_the_browser_had_nothing_to_complain_about(complaints: list[str]) -> None:
    """No script error, and nothing that the security policy had to refuse."""
    assert complaints == []
