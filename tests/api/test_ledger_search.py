"""Searching the ledger by case, and taking rows and proofs along: complete, safe to open, and checkable without us."""

import base64
import csv
import io
import json
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from api import ledger_rows
from api.routers import ledger as ledger_router
from auditor.notes import parse_key
from auditor.proofs import verify_proof
from auditor.report import CannotVerifyError, Report
from tests.api.site import FIXED, Site
from tests.api.test_footage_flows import CASE, place
from vms.cli.witnessing import CoSigner
from vms.ledger.acts import Act
from vms.ledger.entries import Actor, Entry, Origin, Private, Purpose
from vms.ledger.notes import parse
from vms.ledger.signer import FileSigner
from vms.model import Role


@pytest.fixture
def case(any_site: Site) -> Site:
    """A case with a hold that is released, an export that is refused, and a view; and another case beside it."""
    site = any_site
    start_at = site.record(FIXED, 5)
    investigator, director = site.sign_in(Role.INVESTIGATOR), site.sign_in(Role.DIRECTOR)
    placed = place(investigator, start_at, 5, placement_ids=[FIXED], reason="=HYPERLINK mishandeling; dader in beeld")
    hold_id = placed.json()["hold"]["id"]
    other = {"request_id": "r-2", "case_number": "PL0900-2026-999999", "placement_ids": [FIXED]}
    assert place(investigator, start_at, 5, **other).status_code == 201
    span = {"from": start_at.isoformat(), "to": (start_at + timedelta(seconds=5)).isoformat()}
    view = {"placement_id": FIXED, "purpose": {"code": "case", "case_number": CASE}, **span}
    assert investigator.post("/api/playback", view).status_code == 200
    asked = investigator.post("/api/exports", {"hold_id": hold_id, "receiver": "OM Utrecht"})
    refused = director.post(f"/api/exports/{asked.json()['id']}/refuse", {"reason": "ontvanger is niet bekend"})
    assert refused.status_code == 200
    assert director.post(f"/api/holds/{hold_id}/release", {"reason": "zaak geseponeerd"}).status_code == 200
    assert investigator.post(f"/api/holds/{hold_id}/release/approve").status_code == 200
    assert site.end_grace() == 1
    return site


ACTS = [
    *("hold.place", "playback.open", "export.request", "export.refuse"),
    *("release.request", "release.approve", "hold.release", "key.destroyed"),
]


def test_all_that_was_done_for_a_case_is_found_by_its_number(case: Site) -> None:
    """Also what names the hold or the export only: an act that a search leaves out was never done, to who searches."""
    auditor = case.sign_in(Role.AUDITOR)
    page = auditor.get("/api/ledger", case="pl0900-2026-123456 ").json()
    found = [entry["act"] for entry in reversed(page["entries"])]
    assert found == ACTS
    assert page["found"] == len(found)
    assert auditor.get("/api/ledger", case="PL0900-2026-555555").json()["entries"] == []
    misspelt = auditor.get("/api/ledger", case_number=CASE)
    assert (misspelt.status_code, misspelt.json()["error"]["code"]) == (422, "input.query")
    assert "case" in misspelt.json()["error"]["message"]
    wrong = auditor.get("/api/ledger", case="12345")
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (422, "hold.case-number")
    assert case.ledger("audit.read")[0].object["case"] == CASE


def test_who_finds_the_own_acts_only_finds_no_more_by_a_case(case: Site) -> None:
    """The case of a colleague says nothing to who may not read the ledger; and nothing is taken along."""
    own = case.sign_in(Role.INVESTIGATOR).get("/api/ledger", case=CASE).json()["entries"]
    assert [entry["act"] for entry in own] == ["release.approve", "export.request", "playback.open", "hold.place"]
    observer = case.sign_in(Role.OBSERVER)
    assert observer.get("/api/ledger", case=CASE).json()["entries"] == []
    for path in ("/api/ledger/rows?form=csv", "/api/ledger/0/proof"):
        assert observer.get(path).status_code == 403


def test_rows_are_taken_along_with_everything_that_the_page_shows(case: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """In pages that fit together, the entry of taking them first, and none of it a formula."""
    monkeypatch.setattr(ledger_rows, "_AT_ONCE", 2)
    auditor = case.sign_in(Role.AUDITOR)
    shown = auditor.get("/api/ledger", case=CASE).json()["entries"]
    answer = auditor.get("/api/ledger/rows", case=CASE, form="json")
    assert answer.headers["content-disposition"].endswith('.json"')
    assert answer.json() == {"format": "vms-ledger-rows/1", "entries": shown}
    answer = auditor.get("/api/ledger/rows", case=CASE, form="csv")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig")), delimiter=";"))
    assert [int(row["seq"]) for row in rows] == [entry["seq"] for entry in shown]
    placed = next(row for row in rows if row["act"] == "hold.place")
    assert placed["purpose_text"] == "'=HYPERLINK mishandeling; dader in beeld"
    assert json.loads(placed["object"])["placement_ids"] == [FIXED]
    assert (placed["actor_name"], placed["case"]) == ("Investigator", CASE)
    taken = [entry.object for entry in case.ledger("audit.read") if entry.object["scope"] == "rows"]
    assert [(one["form"], one["case"], one["entries"]) for one in taken] == [
        ("json", CASE, len(shown)),
        ("csv", CASE, len(shown)),
    ]


def test_too_much_to_take_along_is_refused_before_it_begins(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that ends somewhere looks like all there is."""
    monkeypatch.setattr(ledger_router, "MOST_ROWS", 2)
    auditor = site.sign_in(Role.AUDITOR)
    site.sign_in(Role.DIRECTOR)
    page = auditor.get("/api/ledger").json()
    assert (page["found"], page["found_more"]) == (2, True)
    answer = auditor.get("/api/ledger/rows", form="csv")
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "ledger.rows")
    assert "2" in answer.json()["error"]["message"]
    assert all(entry.object["scope"] != "rows" for entry in site.ledger("audit.read"))


def test_a_proof_convinces_without_us(any_site: Site) -> None:
    """One file with the entry, its way to the root and the signed checkpoint; a changed letter anywhere is found."""
    site = any_site
    with site.parts.db.write() as conn:
        words = {"placement_id": FIXED, "view": "v-1", "note": Private("secret")}
        person = Actor.person("u-1", role="observer", session_id="s")
        entry = Entry(Act.LIVE_OPEN, person, Origin("test"), words, purpose=Purpose("watch"))
        seq = site.parts.ledger.append(conn, entry)
    auditor = site.sign_in(Role.AUDITOR)
    answer = auditor.get(f"/api/ledger/{seq}/proof")
    assert answer.headers["content-disposition"] == f'attachment; filename="log-{seq}.tlog-proof"'
    key = parse_key(site.parts.signer.verifier.text)
    report = Report("verify-proof")
    verify_proof(answer.text, report, key)
    assert (report.findings, report.unchecked, report.facts["entry_act"]) == ([], [], "live.open")
    again = auditor.get(f"/api/ledger/{seq}/proof").text
    assert again == answer.text, "by the same checkpoint, which witnesses may have signed meanwhile"
    body = base64.b64decode(answer.text.splitlines()[1].removeprefix("extra "))
    forged = base64.b64encode(body.replace(b"u-1", b"u-2")).decode()
    for changed, code in (
        (answer.text.replace(base64.b64encode(body).decode(), forged), "proof-wrong"),
        (answer.text.replace(f"index {seq}", f"index {seq + 1}"), "proof-wrong"),
        (answer.text.replace(site.parts.ledger.origin, "other.example/log"), "checkpoint-signature"),
    ):
        report = Report("verify-proof")
        verify_proof(changed, report, key)
        assert {one.code for one in report.findings} == {code}
    with pytest.raises(CannotVerifyError):
        verify_proof(answer.text.replace("extra", "other"), Report("verify-proof"), key)
    witness = CoSigner(FileSigner("fg.test/witness", Ed25519PrivateKey.generate()))
    checkpoint = parse(answer.text.partition("\n\n")[2])
    for text, codes in (
        (answer.text, ["proof-no-witness"]),
        (answer.text + checkpoint.cosigned(witness, 1_800_000_000), []),
    ):
        report = Report("verify-proof")
        verify_proof(text, report, key, [parse_key(witness.verifier.text)])
        assert [one.code for one in report.findings] == codes
    report = Report("verify-proof")
    verify_proof(answer.text, report, None)
    assert [one.code for one in report.unchecked] == ["no-vkey"]
    missing = auditor.get("/api/ledger/999999/proof")
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "ledger.unknown")
    assert {entry.object.get("seq") for entry in site.ledger("audit.read")} == {seq}, "what failed took nothing along"
