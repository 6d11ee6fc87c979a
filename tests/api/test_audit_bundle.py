"""The audit bundle through the API: by who may read the whole ledger, written down, and in order."""

import zipfile
from datetime import timedelta
from io import BytesIO
from pathlib import Path

from tests.api.site import Site
from tests.auditor.bundles import vms_audit
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
