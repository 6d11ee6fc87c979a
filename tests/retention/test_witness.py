"""The witness and the daemon: checkpoints co-signed over a real socket, and what is not erased when the witness says otherwise."""

import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from retention.clockguard import Doubt
from retention.daemon import Checkpoints, RetentionDaemon
from tests.auditor.bundles import make_bundle, signer_of, vms_audit
from tests.retention.town import LIMITS, Town
from tests.serving import serving
from vms.cli.witnessing import CoSigner, application
from vms.clock import ManualClock
from vms.db import reports
from vms.db.engine import Database
from vms.db.reports import Condition, Service
from vms.ledger import cosignatures, outside
from vms.ledger.acts import Act
from vms.ledger.cosignatures import WitnessLink
from vms.ledger.entries import Actor, Entry, Origin
from vms.ledger.search import Filter, search
from vms.ledger.signer import FileSigner
from vms.ledger.witness import Witness
from vms.model import PlacementId

P0 = PlacementId("p0")
SIGNER = CoSigner(FileSigner("fg.test/witness", Ed25519PrivateKey.from_private_bytes(bytes(range(2, 34)))))
DAY = timedelta(days=1)


@dataclass
class Elsewhere:
    """The witness, on a machine of its own with a clock of its own."""

    book: Witness
    clock: ManualClock
    link: WitnessLink


@contextmanager
def running(town: Town, folder: Path, at: datetime) -> Iterator[Elsewhere]:
    """Run a witness of the town's ledger; its clock says `at`."""
    clock = ManualClock(at)
    book = Witness(folder, SIGNER, [signer_of(town).verifier], clock)
    with serving(application(book)) as url:
        yield Elsewhere(book, clock, WitnessLink(url, SIGNER.verifier))


@pytest.fixture
def elsewhere(any_town: Town, tmp_path: Path) -> Iterator[Elsewhere]:
    """A witness with the right time."""
    with running(any_town, tmp_path / "witness", any_town.clock.now()) as found:
        yield found


def daemon_of(town: Town, link: WitnessLink) -> RetentionDaemon:
    """A daemon that has written down its start, and asks this witness."""
    with town.db.write() as conn:
        town.parts.ledger.append(
            conn, Entry(Act.SYSTEM_START, Actor.service("test"), Origin("test"), {"process": "test"})
        )
    checkpoints = Checkpoints(signer_of(town), town.folder / "keys", link)
    return RetentionDaemon(town.parts, LIMITS, checkpoints, sweep_every_s=60, stop=threading.Event())


def together(town: Town, elsewhere: Elsewhere, span: timedelta) -> None:
    """Let time pass on both machines."""
    town.clock.advance(span)
    elsewhere.clock.advance(span)


def retention(town: Town) -> Condition:
    """What the daemon says of itself."""
    with town.db.read() as conn:
        return next(one for one in reports.conditions(conn, town.clock.now()) if one.service is Service.RETENTION)


def test_every_checkpoint_is_cosigned_and_the_auditor_verifies_it(
    any_town: Town, elsewhere: Elsewhere, tmp_path: Path
) -> None:
    """On both databases; the bundle carries the signatures, and a key that has not signed finds none."""
    daemon = daemon_of(any_town, elsewhere.link)
    for _ in range(3):
        any_town.record(P0)
        together(any_town, elsewhere, timedelta(hours=2))
        daemon.run_once()
        daemon.run_once()
    newest = elsewhere.book.newest(any_town.parts.ledger.origin)
    with any_town.db.read() as conn:
        kept = cosignatures.newest(conn, SIGNER.verifier)
    assert newest is not None
    assert kept is not None
    assert (kept.size, kept.witness_at) == (newest.size, elsewhere.clock.now().replace(microsecond=0))
    assert retention(any_town).problems == ()
    bundle = make_bundle(any_town, tmp_path / "okt.zip")
    key = ("--vkey", signer_of(any_town).verifier.text, "--witness")
    outcome = vms_audit("verify-log", bundle, *key, SIGNER.verifier.text)
    assert (outcome.status, outcome.codes) == (0, set())
    stranger = CoSigner(FileSigner("fg.test/other", Ed25519PrivateKey.generate())).verifier.text
    assert vms_audit("verify-log", bundle, *key, stranger).codes == {"witness-none"}


def test_a_quiet_ledger_is_signed_anew_every_hour(any_town: Town, elsewhere: Elsewhere) -> None:
    """The signature is a clock too."""
    daemon = daemon_of(any_town, elsewhere.link)
    seen = set()
    for _ in range(4):
        daemon.run_once()
        daemon.run_once()
        with any_town.db.read() as conn:
            kept = cosignatures.newest(conn, SIGNER.verifier)
        assert kept is not None
        seen.add(kept.witness_at)
        together(any_town, elsewhere, timedelta(minutes=61))
    assert len(seen) == 4


def test_a_witness_whose_clock_is_far_behind_stops_all_erasing(any_town: Town, tmp_path: Path) -> None:
    """A server that starts for the first time 40 days ahead would erase everything: nothing else there knows better."""
    any_town.record(P0)
    with running(any_town, tmp_path / "witness", any_town.clock.now()) as elsewhere:
        any_town.clock.advance(40 * DAY)
        daemon = daemon_of(any_town, elsewhere.link)
        daemon.run_once()  # makes the first checkpoint
        any_town.record(P0)
        daemon.run_once()
        any_town.clock.advance(40 * DAY)
        for _ in range(3):
            daemon.run_once()
        assert any_town.readable(any_town.recorded[1])
        assert Doubt.WITNESS_DISAGREES.value in daemon.status()["doubts"]
        elsewhere.clock.advance(80 * DAY)
        daemon.run_once()
        assert Doubt.WITNESS_DISAGREES.value not in daemon.status()["doubts"]


def test_a_witness_that_is_away_is_an_alarm_and_stops_nothing(any_town: Town, tmp_path: Path) -> None:
    """Promise 2 is above promise 3: what is due goes, by the clocks that are there."""
    any_town.record(P0)
    with running(any_town, tmp_path / "witness", any_town.clock.now()) as elsewhere:
        daemon = daemon_of(any_town, elsewhere.link)
        daemon.run_once()
        daemon.run_once()
        assert retention(any_town).problems == ()
    for _ in range(30):
        any_town.clock.advance(DAY)
        daemon.run_once()
    assert not any_town.readable(any_town.recorded[0])
    condition = retention(any_town)
    assert condition.problems == (reports.WITNESS_AWAY,)
    assert condition.works, "a restart brings no witness back"


def test_an_older_copy_of_the_database_is_found_out_and_erases_nothing(
    town: Town, tmp_path: Path, quick_folder: Path
) -> None:
    """Though the checkpoint beside the keys was put back with it. The hold that it has forgotten loses nothing."""
    with running(town, tmp_path / "witness", town.clock.now()) as elsewhere:
        town.record(P0)
        daemon = daemon_of(town, elsewhere.link)
        daemon.run_once()
        daemon.run_once()
        town.db.checkpoint_wal()
        copy = shutil.copyfile(quick_folder / "vms.sqlite", tmp_path / "old.sqlite")
        old_note = outside.kept(town.folder / "keys")
        assert old_note is not None
        span = town.recorded[0].span
        town.place(town.request(span, P0))
        together(town, elsewhere, timedelta(hours=2))
        daemon.run_once()
        daemon.run_once()

        town.db.dispose()
        for name in ("vms.sqlite-wal", "vms.sqlite-shm"):
            (quick_folder / name).unlink(missing_ok=True)
        shutil.copyfile(copy, quick_folder / "vms.sqlite")
        (town.folder / "keys" / outside.FILE_NAME).write_text(old_note, encoding="utf-8")
        town.db = Database(f"sqlite:///{quick_folder / 'vms.sqlite'}")
        town.restart()
        again = daemon_of(town, elsewhere.link)
        for _ in range(3):
            together(town, elsewhere, 10 * DAY)
            again.run_once()
        assert town.readable(town.recorded[0])
        assert Doubt.LEDGER_CONTRADICTED.value in again.status()["doubts"]
        assert reports.LEDGER_CONTRADICTED in retention(town).problems
        with town.db.read() as conn:
            found = search(conn, Filter(acts=(Act.INTEGRITY_LOST,)))
        assert [entry.document["why"] for entry in found] == ["ledger.set-back"]
        town.db.dispose()


def test_the_command_signs_what_is_carried_to_it(town: Town, tmp_path: Path) -> None:
    """By mail or on a stick: a real process with a folder of its own."""
    daemon = daemon_of(town, WitnessLink("http://witness.invalid", SIGNER.verifier))
    town.record(P0)
    daemon.run_once()
    folder = str(tmp_path / "w")
    command = [sys.executable, "-m", "vms.cli.main", "witness", "--folder", folder, "--name", "fg.test/witness"]

    def run(*more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*command, *more], capture_output=True, text=True, check=False)

    key = run().stdout.strip()
    assert key.startswith("fg.test/witness+")
    note = outside.kept(town.folder / "keys")
    assert note is not None
    with town.db.read() as conn:
        (tmp_path / "request").write_bytes(cosignatures.request_for(conn, town.parts.ledger, note, 0))
    log = ("--log", signer_of(town).verifier.text, "--sign", str(tmp_path / "request"))
    signed = run(*log)
    assert (signed.returncode, signed.stderr) == (0, "")
    assert signed.stdout.startswith("— fg.test/witness ")
    refused = run(*log)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.strip() == note.split("\n")[1]
