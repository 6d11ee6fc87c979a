"""`vms audit-bundle` as an administrator runs it for an auditor."""

from pathlib import Path

import pytest

from tests.auditor.bundles import vms_audit
from tests.cli.test_commands import CommandLine, bare, people, vms

__all__ = ["bare", "vms"]


def test_a_bundle_for_an_auditor_is_written_once_and_verifies(vms: CommandLine) -> None:
    """The way that needs no browser; the entry names for whom it was."""
    people(vms, "fatima", "ruud")
    assert vms("user", "grant", "fatima", "auditor", "--until", "2090-01-01").status == 0
    path = vms.folder / "okt.zip"
    asked = ("audit-bundle", "--from", "2026-10-01", "--to", "2090-01-01T00:00+01:00", "-o", str(path))
    assert "no auditor now" in vms(*asked, "--by", "ruud").stderr
    assert "no account" in vms(*asked, "--by", "nobody").stderr
    done = vms(*asked, "--by", "fatima")
    assert (done.status, done.stderr) == (0, "")
    assert "choose another file" in vms(*asked, "--by", "fatima").stderr
    outcome = vms_audit("verify-log", path)
    assert outcome.report["findings"] == []
    assert outcome.status == 2  # nobody brought the key


@pytest.mark.parametrize(
    ("start", "end", "words"),
    [("yesterday", "2026-10-02", "no instant"), ("2026-10-02", "2026-10-01", "after its start")],
)
def test_a_period_that_is_none_is_explained(vms: CommandLine, tmp_path: Path, start: str, end: str, words: str) -> None:
    """Bad input gets a clear sentence."""
    done = vms("audit-bundle", "--from", start, "--to", end, "-o", str(tmp_path / "x.zip"), "--by", "fatima")
    assert done.status == 2
    assert words in done.stderr
