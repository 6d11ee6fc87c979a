"""`vms clock`: two persons, each with an own account, at a machine whose pages are away."""

from pathlib import Path

import pytest

from config import load
from tests.accounts import settle
from tests.cli.test_commands import PASSWORD, CommandLine, people
from vms.cli.parts import build
from vms.ledger.acts import Act
from vms.ledger.search import Filter, search

REASON = ("--reason", "checked against the radio clock")


@pytest.fixture
def vms(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """Return the command line with a technician and two directors."""
    command_line = CommandLine(tmp_path, capsys, monkeypatch)
    assert command_line("migrate").status == 0
    people(command_line, "tess", "dirk", "dora")
    for name, role in (("tess", "technician"), ("dirk", "director"), ("dora", "director")):
        assert command_line("user", "grant", name, role, "--until", "2090-01-01").status == 0
    parts = build(load(None))
    settle(parts.db)
    parts.db.dispose()
    return command_line


def test_it_takes_two_accounts(vms: CommandLine) -> None:
    """One person at the machine, with every right of the operating system, is one person."""
    turned = vms("clock", "ask", "dirk", "--reason", "radio clock \u202edekcehc", typed=PASSWORD)
    assert (turned.status, "U+202E" in turned.stderr) == (2, True), turned.stderr
    asked = vms("clock", "ask", "dirk", *REASON, typed=PASSWORD)
    assert asked.status == 0, asked.stderr
    request = asked.stdout.split()[0]
    assert "another person" in vms("clock", "approve", request, "dirk", typed=PASSWORD).stderr
    assert vms("clock", "approve", request, "dora", typed="not hers").status == 2
    assert vms("clock", "approve", request, "tess", typed=PASSWORD).status == 2
    assert vms("clock", "approve", request, "dora", typed=PASSWORD).status == 0
    assert "approved" in vms("clock", "list").stdout
    assert "already" in vms("clock", "refuse", request, "dora", *REASON, typed=PASSWORD).stderr
    parts = build(load(None))
    with parts.db.read() as conn:
        approvals = search(conn, Filter(acts=(Act.CLOCK_APPROVE,)))
        refusals = search(conn, Filter(acts=(Act.AUTH_REFUSED,)))
        denials = search(conn, Filter(acts=(Act.POLICY_DENIED,)))
        sign_outs = search(conn, Filter(acts=(Act.AUTH_SIGN_OUT,)))
    assert (len(approvals), len(refusals), len(denials), len(sign_outs)) == (1, 1, 1, 6)
    parts.db.dispose()


def test_a_password_that_somebody_else_set_is_nobodys_word(vms: CommandLine) -> None:
    """Whoever has the shell could set two passwords, and be both persons; and the owner can still use theirs once."""
    assert vms("user", "password", "dora", typed=PASSWORD).status == 0
    for _ in range(2):
        refused = vms("clock", "ask", "dora", *REASON, typed=PASSWORD)
        assert (refused.status, "choose your own" in refused.stderr) == (2, True), refused.stderr
    assert "first password waits" in vms("user", "list").stdout
