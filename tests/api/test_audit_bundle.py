"""The audit bundle through the API: by who may read the whole ledger, written down, and in order."""

import zipfile
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pypdfium2

from tests.api.site import Site
from tests.auditor.bundles import vms_audit
from vms.ledger import notes
from vms.ledger.log import newest_note
from vms.model import Role


def test_an_auditor_takes_a_bundle_that_has_its_own_entry_and_is_in_order(any_site: Site, tmp_path: Path) -> None:
    """What is handed over is what the tool reads; that it was handed over stands in it."""
    site = any_site
    auditor = site.sign_in(Role.AUDITOR)
    now = site.clock.now()
    period = {"from": (now - timedelta(days=1)).isoformat(), "to": (now + timedelta(days=1)).isoformat()}
    answer = auditor.get("/api/audit/bundle", **period)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    [entry] = site.ledger("audit.bundle")
    assert entry.document["actor"]["role"] == "auditor"
    with zipfile.ZipFile(BytesIO(answer.content)) as bundle:
        assert entry.body in bundle.read("audit/entries/000000000000.jsonl").splitlines()
    path = tmp_path / "bundle.zip"
    path.write_bytes(answer.content)
    outcome = vms_audit("verify-log", path, "--vkey", site.parts.signer.verifier.text, "--thorough")
    assert (outcome.status, outcome.report["findings"]) == (0, [])


def test_who_may_not_read_the_ledger_gets_no_bundle(site: Site) -> None:
    """It holds every person's acts."""
    now = site.clock.now()
    period = {"from": (now - timedelta(days=1)).isoformat(), "to": now.isoformat()}
    assert site.sign_in(Role.TECHNICIAN).get("/api/audit/bundle", **period).status_code == 403
    backwards = {"from": period["to"], "to": period["from"]}
    assert site.sign_in(Role.AUDITOR).get("/api/audit/bundle", **backwards).status_code == 422
    assert site.ledger("audit.bundle") == []


def test_an_auditor_takes_the_checkpoint_on_paper_and_nobody_else(any_site: Site) -> None:
    """What the page says is the newest checkpoint, which has the entry of its own making."""
    site = any_site
    assert site.sign_in(Role.TECHNICIAN).get("/api/audit/checkpoint.pdf").status_code == 403
    answer = site.sign_in(Role.AUDITOR).get("/api/audit/checkpoint.pdf")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf")
    assert answer.headers["cache-control"] == "no-store"
    with site.parts.db.read() as conn:
        note = newest_note(conn)
    [entry] = [one for one in site.ledger("audit.read") if one.object["scope"] == "checkpoint"]
    assert note is not None
    assert notes.parse(note).size == entry.seq + 1
    with pypdfium2.PdfDocument(answer.content) as document:
        lines = document[0].get_textpage().get_text_bounded().splitlines()
    assert set(note.split("\n")[:3]) <= set(lines)
