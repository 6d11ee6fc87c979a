"""`vms check` and the ledger: what start-up does not read, what is missing outside the database, what is not set up."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import insert

from config import load
from tests.cli.test_commands import CommandLine
from tests.ledger.owner import change, without_rules
from vms.cli.parts import build
from vms.cli.processes import started
from vms.clock import ManualClock
from vms.db.engine import Database
from vms.db.tables import review_duty
from vms.errors import IntegrityLost
from vms.ledger import log, outside
from vms.ledger.acts import Act
from vms.ledger.entries import Actor, Entry, Origin
from vms.ledger.log import Ledger


@pytest.fixture
def vms(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """Return the command line with a migrated database, a few entries and two checkpoints."""
    command_line = CommandLine(tmp_path, capsys, monkeypatch)
    assert command_line("migrate").status == 0
    for number in range(2):
        with build(load(None)).db.write() as conn:
            entry = Entry(Act.REC_START, Actor.service("ingest"), Origin("vms/test"), {"number": number})
            build(load(None)).ledger.append(conn, entry)
        assert command_line("checkpoint").status == 0
    return command_line


def spoil(statement: str) -> None:
    """Change the database behind the product's back."""
    with Database(load(None).database).write() as conn:
        change(conn, statement)


def test_the_whole_check_finds_what_start_up_does_not_read_and_a_good_one_takes_it_back(
    vms: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One command answers "was anything ever changed?", and says how to go on."""
    monkeypatch.setattr(log, "_TAIL", 1)
    assert vms("check", "--whole").status == 0
    spoil("UPDATE ledger_entry SET actor = 'somebody-else' WHERE seq = 0")
    assert vms("check").status == 0, "the newest entries are in order, and the last whole check was"
    done = vms("check", "--whole")
    assert (done.status, "entry 0 can't be found" in done.stderr) == (2, True)
    done = vms("check")
    assert (done.status, "vms check --whole" in done.stderr) == (2, True)
    assert vms("checkpoint").status == 2, "nothing is signed"
    with pytest.raises(IntegrityLost):
        started(load(None), "ingest")
    spoil("UPDATE ledger_entry SET actor = 'ingest' WHERE seq = 0")
    assert vms("check", "--whole").status == 0
    assert vms("check").status == 0
    assert vms("checkpoint").status == 0


def test_a_missing_checkpoint_outside_is_said_and_made_anew_only_when_asked(vms: CommandLine) -> None:
    """Taken as "there was none", it let an older database pass unseen."""
    kept = load(None).keys / outside.FILE_NAME
    kept.unlink()
    done = vms("check")
    assert (done.status, "is gone although checkpoints were signed" in done.stderr) == (2, True)
    assert vms("checkpoint").status == 0
    assert not kept.exists(), "by itself it would hide that somebody took it away"
    assert vms("checkpoint", "--keep").status == 0
    assert vms("check").status == 0
    assert kept.exists()


def test_anchors_that_are_not_set_up_are_said(vms: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody misses what was never switched on."""
    said = vms("check").stdout
    assert all(f"{name}: off" in said for name in ("witness", "time stamps", "checkpoint mail"))
    monkeypatch.setenv("VMS_CHECKPOINT_MAIL_TO", '["fg@example.nl"]')
    monkeypatch.setenv("VMS_SMTP_HOST", "127.0.0.1")
    monkeypatch.setenv("VMS_SMTP_FROM", "vms@example.nl")
    assert "checkpoint mail: off" not in vms("check").stdout


def test_a_check_as_the_owner_of_the_ledgers_tables_says_so(vms: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who runs everything as the owner has no least rights, and hears of it nowhere else."""
    assert "owns the ledger's tables" not in vms("check").stdout
    monkeypatch.setattr("vms.cli.check.warn_of_owner", lambda _: True)
    assert "owns the ledger's tables" in vms("check").stdout


def test_a_month_of_sign_ins_that_nobody_reviewed_is_told_and_stops_nothing(vms: CommandLine) -> None:
    """An administrator can't sign it, but can tell the supervisor."""
    parts = build(load(None))
    past = Ledger(parts.ledger.origin, ManualClock(datetime(2026, 1, 5, 12, tzinfo=UTC)))
    person = Actor.person("u-1", role=None, session_id="s-1")
    with parts.db.write() as conn:
        past.append(conn, Entry(Act.AUTH_SIGN_IN, person, Origin("vms/test"), {"session": "s-1"}))
    done = vms("check")
    assert (done.status, "the sign-ins of 2026-01 must be reviewed" in done.stderr) == (0, True)
    assert "later than now" not in done.stderr
    with parts.db.write() as conn:
        without_rules(conn, "review_duty")
        conn.execute(insert(review_duty).values(kind="sign-ins", since_at=datetime(2250, 1, 1, tzinfo=UTC)))
    done = vms("check")
    assert (done.status, "the sign-ins of 2026-01 must be reviewed" in done.stderr) == (0, True)
    assert "was stamped 2250-01-01T00:00:00+00:00, later than now: all months are owed" in done.stderr
