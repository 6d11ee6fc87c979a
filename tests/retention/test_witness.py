"""The witness and the daemon: checkpoints co-signed over a real socket, and what is not erased when the witness says otherwise."""

import asyncio
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from retention.clockguard import Doubt
from retention.daemon import RetentionDaemon
from tests.auditor.bundles import make_bundle, signer_of, vms_audit
from tests.retention.town import LIMITS, Town
from tests.serving import serving
from vms.cli.witnessing import CoSigner, application
from vms.clock import ManualClock
from vms.db import reports
from vms.db.engine import Database
from vms.db.reports import Condition, Service
from vms.errors import IntegrityLost, Unavailable
from vms.footage.store import SegmentRef
from vms.ledger import cosignatures, notes, outside, standing
from vms.ledger.acts import Act
from vms.ledger.cosignatures import WitnessLink
from vms.ledger.entries import Actor, Entry, Origin
from vms.ledger.log import newest_note
from vms.ledger.search import Filter, search
from vms.ledger.signer import FileSigner
from vms.ledger.standing import Checkpoints
from vms.ledger.witness import Witness
from vms.model import PlacementId, hour_of

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


def daemon_of(town: Town, link: WitnessLink | None) -> RetentionDaemon:
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
    for _ in range(3):
        any_town.clock.advance(10 * DAY)
        daemon.run_once()
    assert not any_town.readable(any_town.recorded[0])
    condition = retention(any_town)
    assert condition.problems == (reports.WITNESS_AWAY,)
    assert condition.works, "a restart brings no witness back"


@dataclass
class SetBack:
    """A town whose database is an older copy: it has forgotten a hold, and the witness has signed more."""

    town: Town
    elsewhere: Elsewhere
    newest: Path
    folder: Path

    def put(self, copy: Path) -> None:
        """Put a copy of the database in place, and start anew."""
        self.town.db.dispose()
        for name in ("vms.sqlite-wal", "vms.sqlite-shm"):
            (self.folder / name).unlink(missing_ok=True)
        shutil.copyfile(copy, self.folder / "vms.sqlite")
        self.town.db = Database(f"sqlite:///{self.folder / 'vms.sqlite'}")
        self.town.restart()

    def due(self) -> None:
        """Let what is recorded become due, on both machines."""
        together(self.town, self.elsewhere, 30 * DAY)


@pytest.fixture
def set_back(town: Town, tmp_path: Path, quick_folder: Path) -> Iterator[SetBack]:
    """The checkpoint beside the keys was put back too."""
    with running(town, tmp_path / "witness", town.clock.now()) as elsewhere:
        town.record(P0)
        daemon = daemon_of(town, elsewhere.link)
        daemon.run_once()
        daemon.run_once()
        town.db.checkpoint_wal()
        old = shutil.copyfile(quick_folder / "vms.sqlite", tmp_path / "old.sqlite")
        note = outside.kept(town.folder / "keys")
        assert note is not None
        town.place(town.request(town.recorded[0].span, P0))
        together(town, elsewhere, timedelta(hours=2))
        daemon.run_once()
        daemon.run_once()
        town.db.checkpoint_wal()
        newest = shutil.copyfile(quick_folder / "vms.sqlite", tmp_path / "newest.sqlite")
        found = SetBack(town, elsewhere, newest, quick_folder)
        found.put(old)
        (town.folder / "keys" / outside.FILE_NAME).write_text(note, encoding="utf-8")
        yield found
        town.db.dispose()


def test_an_older_copy_of_the_database_is_found_out_and_erases_nothing(set_back: SetBack) -> None:
    """Though the checkpoint beside the keys was put back with it. The hold that it has forgotten loses nothing."""
    town = set_back.town
    again = daemon_of(town, set_back.elsewhere.link)
    for _ in range(3):
        together(town, set_back.elsewhere, 10 * DAY)
        again.run_once()
    assert town.readable(town.recorded[0])
    assert Doubt.LEDGER_CONTRADICTED.value in again.status()["doubts"]
    assert reports.LEDGER_CONTRADICTED in retention(town).problems
    with town.db.read() as conn:
        found = search(conn, Filter(acts=(Act.INTEGRITY_LOST,)))
    assert [entry.document["why"] for entry in found] == ["ledger.set-back"]


def test_a_contradiction_holds_though_it_can_not_be_written_down(
    set_back: SetBack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither into the ledger nor beside the keys: that must not be the way to have footage erased."""
    daemon = daemon_of(set_back.town, set_back.elsewhere.link)
    set_back.due()

    def refuse(*_words: object) -> None:
        raise Unavailable("the disk is full", code="test")

    monkeypatch.setattr("retention.daemon.acts.ledger_contradicted", refuse)
    monkeypatch.setattr(outside, "contradict", refuse)
    for _ in range(3):
        daemon.run_once()
    assert set_back.town.readable(set_back.town.recorded[0])
    assert daemon.status()["is_contradicted"]


def test_a_contradiction_outlives_a_restart_without_the_witness(set_back: SetBack) -> None:
    """Pulling its cable and starting again is no way to have footage erased; silence takes nothing back."""
    town = set_back.town
    daemon_of(town, set_back.elsewhere.link).run_once()
    set_back.due()
    town.restart()
    away = WitnessLink("http://witness.invalid", SIGNER.verifier)
    for link in (away, None):
        daemon = daemon_of(town, link)
        for _ in range(2):
            daemon.run_once()
        assert town.readable(town.recorded[0])
        assert Doubt.LEDGER_CONTRADICTED.value in daemon.status()["doubts"]


def test_a_contradicted_ledger_is_neither_added_to_nor_signed(set_back: SetBack) -> None:
    """What is signed behind a forgotten past would pass for the past one day, and take the place of the checkpoint that tells."""
    town = set_back.town
    kept = outside.kept(town.folder / "keys")
    daemon = daemon_of(town, set_back.elsewhere.link)
    daemon.run_once()
    with town.db.read() as conn:
        size, note = town.parts.ledger.size(conn), newest_note(conn)
    for _ in range(3):
        together(town, set_back.elsewhere, timedelta(hours=2))
        daemon.run_once()
    with town.db.read() as conn:
        assert (town.parts.ledger.size(conn), newest_note(conn)) == (size, note)
    assert outside.kept(town.folder / "keys") == kept


def test_a_checkpoint_that_is_none_is_a_contradiction(town: Town, quick_folder: Path) -> None:
    """Rows may be added where none may be changed: garbage there must not switch the comparison off."""
    town.record(P0)
    daemon = daemon_of(town, None)
    daemon.run_once()
    with sqlite3.connect(quick_folder / "vms.sqlite") as raw:
        raw.execute("INSERT INTO ledger_checkpoint SELECT 999999, 'none', at FROM ledger_checkpoint LIMIT 1")
    raw.close()
    town.clock.advance(30 * DAY)
    daemon.run_once()
    assert town.readable(town.recorded[0])
    assert daemon.status()["is_contradicted"]


def test_a_database_that_was_not_compared_erases_nothing(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may come back as another one within the round."""
    town.record(P0)
    daemon = daemon_of(town, None)
    daemon.run_once()
    town.clock.advance(30 * DAY)

    def fail(*_words: object, **_more: object) -> None:
        raise Unavailable("the database is away", code="database.away")

    with monkeypatch.context() as patch:
        patch.setattr(standing, "agree", fail)
        daemon.run_once()
    assert town.readable(town.recorded[0])
    assert "failed" in retention(town).problems
    daemon.run_once()
    assert not town.readable(town.recorded[0])


def test_silence_takes_no_contradiction_back(town: Town) -> None:
    """Whoever asks while the witness is away, a process that starts or the daemon, hears that it stands."""
    place = Checkpoints(signer_of(town), town.folder / "keys", WitnessLink("http://witness.invalid", SIGNER.verifier))
    daemon_of(town, place.witness).run_once()
    outside.contradict(place.folder, "witness ledger.set-back")
    with pytest.raises(IntegrityLost):
        standing.agree(town.db, town.parts.ledger, town.clock, place)


def test_a_contradiction_ends_when_the_right_database_is_back(set_back: SetBack) -> None:
    """The witness signs it; then erasing goes on, and the hold that it knows keeps its footage."""
    town = set_back.town
    daemon_of(town, set_back.elsewhere.link).run_once()
    set_back.put(set_back.newest)
    daemon = daemon_of(town, set_back.elsewhere.link)
    other = town.record(PlacementId("p1"))
    set_back.due()
    for _ in range(3):
        together(town, set_back.elsewhere, timedelta(hours=1))
        daemon.run_once()
    assert not daemon.status()["is_contradicted"]
    assert outside.contradicted(town.folder / "keys") is None
    assert not town.readable(other)
    assert town.readable(town.recorded[0])


def test_a_ledger_that_was_cut_off_erases_nothing(town: Town, tmp_path: Path, quick_folder: Path) -> None:
    """Its newest entries deleted, its checkpoints left: with and without a witness."""
    town.record(P0)
    with running(town, tmp_path / "witness", town.clock.now()) as elsewhere:
        daemon = daemon_of(town, elsewhere.link)
        daemon.run_once()
        daemon.run_once()
        together(town, elsewhere, timedelta(hours=2))
        daemon.run_once()
        town.db.checkpoint_wal()
        with sqlite3.connect(quick_folder / "vms.sqlite") as raw:
            triggers = raw.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
            for (name,) in triggers:
                raw.execute(f"DROP TRIGGER {name}")
            raw.execute("DELETE FROM ledger_placement")
            raw.execute("DELETE FROM ledger_entry WHERE seq >= 1")
            raw.execute("UPDATE ledger_tile SET hashes = substr(hashes, 1, 32)")
        raw.close()
        (town.folder / "keys" / outside.FILE_NAME).unlink()
        for link in (elsewhere.link, None):
            (town.folder / "keys" / outside.CONTRADICTED_FILE).unlink(missing_ok=True)
            together(town, elsewhere, 15 * DAY)
            again = RetentionDaemon(
                town.parts,
                LIMITS,
                Checkpoints(signer_of(town), town.folder / "keys", link),
                sweep_every_s=60,
                stop=threading.Event(),
            )
            for _ in range(2):
                again.run_once()
            assert town.readable(town.recorded[0])
            assert again.status()["is_contradicted"]


@pytest.mark.parametrize("answer", ["500", "nonsense", "stranger", "absurd", "dripping"])
def test_an_answer_that_is_no_signature_is_none(
    town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    """What anybody on the way can send neither stops erasing nor counts as signed; what drips does not hold up the daemon."""
    monkeypatch.setattr(cosignatures, "_ANSWER_WITHIN_S", 0.3)
    stranger = CoSigner(FileSigner(SIGNER.verifier.name, Ed25519PrivateKey.generate()))

    async def add_checkpoint(request: Request) -> Response:
        note = (await request.body()).decode().partition("\n\n")[2]
        asked = notes.parse(note)
        if answer == "dripping":
            return StreamingResponse(drops())
        texts = {
            "500": "broken",
            "nonsense": "— yes\n",
            "stranger": asked.cosigned(stranger, int(town.clock.now().timestamp())),
            "absurd": asked.cosigned(SIGNER, 2**63),
        }
        return Response(texts[answer], 500 if answer == "500" else 200)

    async def drops() -> AsyncIterator[bytes]:
        for _ in range(50):
            yield b"1"
            await asyncio.sleep(0.1)

    town.record(P0)
    with serving(Starlette(routes=[Route("/add-checkpoint", add_checkpoint, methods=["POST"])])) as url:
        daemon = daemon_of(town, WitnessLink(url, SIGNER.verifier))
        daemon.run_once()
        for _ in range(3):
            town.clock.advance(10 * DAY)
            daemon.run_once()
    assert not town.readable(town.recorded[0])
    assert retention(town).problems == (reports.WITNESS_AWAY,)
    with town.db.read() as conn:
        assert cosignatures.newest(conn, SIGNER.verifier) is None


def test_the_witness_may_answer_late_within_its_time(town: Town) -> None:
    """What lies between our asking and its answer is no difference of clocks."""
    clock = town.clock

    async def add_checkpoint(request: Request) -> Response:
        asked = notes.parse((await request.body()).decode().partition("\n\n")[2])
        seconds = int(clock.now().timestamp())
        clock.advance(timedelta(seconds=9))
        return Response(asked.cosigned(SIGNER, seconds))

    town.record(P0)
    with serving(Starlette(routes=[Route("/add-checkpoint", add_checkpoint, methods=["POST"])])) as url:
        with town.db.write() as conn:
            town.parts.ledger.append(
                conn, Entry(Act.SYSTEM_START, Actor.service("test"), Origin("test"), {"process": "test"})
            )
            town.parts.ledger.checkpoint(conn, signer_of(town))
        found = cosignatures.cosign(town.db, town.parts.ledger, WitnessLink(url, SIGNER.verifier), clock)
    assert found is not None
    assert found.ahead == timedelta(0)


def test_a_sweep_that_fails_lets_nothing_else_erase(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not by the word of the sweep before it."""
    daemon = daemon_of(town, WitnessLink("http://witness.invalid", SIGNER.verifier))
    daemon.run_once()
    ref = SegmentRef(P0, town.clock.now(), town.epochs[P0])
    key = town.keys.new_segment_key(hour_of(ref.start_at))
    town.store.create(ref, key.plain).abandon()
    town.clock.advance(30 * DAY)

    def fail(*_words: object) -> None:
        raise Unavailable("the database is away", code="test")

    with monkeypatch.context() as patch:
        patch.setattr("retention.sweep._judge", fail)
        daemon.run_once()
    assert town.store.has_any(ref)


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
