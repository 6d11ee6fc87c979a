"""Time stamps by a real authority over a real socket: kept, in the bundle, verified by the auditor's tool; and every wrong answer."""

import hashlib
import threading
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from retention.anchors import Anchorage
from retention.daemon import RetentionDaemon
from tests.auditor.bundles import make_bundle, rewrite, signer_of, vms_audit
from tests.retention.authority import POLICY, TimeStampingAuthority
from tests.retention.test_witness import retention
from tests.retention.town import LIMITS, Town
from tests.serving import dripping, serving
from vms.clock import ManualClock
from vms.db import reports
from vms.errors import Conflict, InvalidInput, Unavailable
from vms.ledger import notes, stamps, tsp
from vms.ledger.acts import Act
from vms.ledger.entries import Actor, Entry, Origin
from vms.ledger.log import newest_note
from vms.ledger.search import Filter, search
from vms.ledger.stamps import Authority
from vms.ledger.standing import Checkpoints
from vms.model import PlacementId

P0 = PlacementId("p0")
DAY = timedelta(days=1)


@pytest.fixture
def clock(request: pytest.FixtureRequest) -> ManualClock:
    """The authority's clock can't be turned, so ours begins at its time, or some days before."""
    return ManualClock(datetime.now(UTC) - getattr(request, "param", 0) * DAY)


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> TimeStampingAuthority:
    """Keys and certificates, made once."""
    return TimeStampingAuthority(tmp_path_factory.mktemp("tsa") / "tsa")


@dataclass
class Service:
    """The authority, reachable, and the link to it."""

    tsa: TimeStampingAuthority
    link: Authority


@pytest.fixture
def service(certified: TimeStampingAuthority) -> Iterator[Service]:
    """An authority that answers as it should."""
    for name, value in {"ask_instead": None, "answer_instead": None, "cut_to": None}.items():
        setattr(certified, name, value)
    certified.media_type = "application/timestamp-reply"
    with serving(certified.application()) as url:
        yield Service(certified, Authority(f"{url}/", certified.ca_file, POLICY, timedelta(minutes=2)))


def daemon_of(town: Town, link: Authority) -> RetentionDaemon:
    """A daemon that has written down its start, and anchors there."""
    with town.db.write() as conn:
        started = Entry(Act.SYSTEM_START, Actor.service("test"), Origin("test"), {"process": "test"})
        town.parts.ledger.append(conn, started)
    checkpoints = Checkpoints(signer_of(town), town.folder / "keys")
    stop = threading.Event()
    return RetentionDaemon(town.parts, LIMITS, checkpoints, sweep_every_s=60, stop=stop, anchorage=Anchorage(link))


def kept(town: Town) -> list[Any]:
    """All rows of stamps, oldest first."""
    with town.db.read() as conn:
        return list(conn.execute(text("SELECT * FROM ledger_stamp ORDER BY received_at")))


def written(town: Town) -> list[tuple[str, str | None]]:
    """Result and reason of every entry about stamps."""
    with town.db.read() as conn:
        found = [entry.document for entry in search(conn, Filter(acts=(Act.ANCHOR_STAMPED,)))]
    return [(one["res"], one["why"]) for one in found]


@pytest.mark.parametrize("clock", [3], indirect=True)
def test_once_a_day_a_checkpoint_is_stamped_and_the_auditor_verifies_it(
    any_town: Town, service: Service, tmp_path: Path
) -> None:
    """On both databases; certificates in the order that strict readers refuse; another authority's certificate finds nothing good."""
    daemon = daemon_of(any_town, replace(service.link, tolerance=30 * DAY))
    any_town.record(P0)
    for _ in range(8):
        any_town.clock.advance(timedelta(hours=6))
        daemon.run_once()
    rows = kept(any_town)
    assert [bytes(row.query) for row in rows] == service.tsa.queries[-2:], "no more than once a day"
    places = [bytes(rows[0].response).index(one) for one in sorted(service.tsa.certificates)]
    assert places != sorted(places), "the SET is not in the order of DER"
    assert [row.why for row in rows] == [None, None]
    assert written(any_town) == [("ok", None)] * 2
    assert retention(any_town).problems == ()
    bundle = make_bundle(any_town, tmp_path / "okt.zip")
    key = ("--vkey", signer_of(any_town).verifier.text, "--tsa-ca")
    outcome = vms_audit("verify-log", bundle, *key, service.tsa.ca_file)
    assert (outcome.status, outcome.codes, outcome.report["facts"]["stamped"]) == (0, set(), 2)
    stranger = TimeStampingAuthority(tmp_path / "other")
    assert vms_audit("verify-log", bundle, *key, stranger.ca_file).codes == {"tsr-wrong"}
    for statement in ("UPDATE ledger_stamp SET why = 'x'", "DELETE FROM ledger_stamp"):
        with pytest.raises(Conflict, match="append-only"), any_town.db.write() as conn:
            conn.execute(text(statement))


def refused(town: Town, link: Authority) -> str | None:
    """Run a round; return what is wrong with the newest answer, having checked that it was kept, written down and told."""
    daemon = daemon_of(town, link)
    daemon.run_once()
    town.clock.advance(timedelta(hours=2))
    daemon.run_once()
    rows = kept(town)
    assert written(town)[0] == ("failed", rows[-1].why)
    condition = retention(town)
    assert condition.problems == (reports.STAMP_REFUSED,)
    assert condition.works, "a restart brings no better stamp"
    return str(rows[-1].why)


def test_a_stamp_by_another_authority_is_kept_raw_and_told(town: Town, service: Service, tmp_path: Path) -> None:
    """The same words under a certificate that nobody here trusts."""
    stranger = TimeStampingAuthority(tmp_path / "other")
    assert refused(town, replace(service.link, ca_file=stranger.ca_file, tolerance=DAY)) == "signature"
    assert [bytes(row.response) for row in kept(town)] == service.tsa.answers[-2:], "two checkpoints, a fault each"


def test_a_stamp_over_something_else_is_refused(town: Town, service: Service) -> None:
    """It proves nothing about this ledger."""
    service.tsa.ask_instead = tsp.request(hashlib.sha256(b"another").digest(), 7, POLICY)
    assert refused(town, replace(service.link, tolerance=DAY)) == "imprint"


def test_an_old_answer_played_again_is_refused(town: Town, service: Service) -> None:
    """It is over the same checkpoint and well signed; only the nonce tells."""
    daemon = daemon_of(town, service.link)
    town.record(P0)
    daemon.run_once()
    with town.db.read() as conn:
        found = stamps.newest(conn)
    assert found is not None
    assert found.why is None
    service.tsa.answer_instead = found.response
    again = stamps.ask(town.db, service.link, town.clock)
    assert again is not None
    assert (again.size, again.why) == (found.size, "nonce")


def test_a_stamp_under_another_policy_is_refused(town: Town, service: Service) -> None:
    """An authority's test stamps are signed too."""
    town.record(P0)
    daemon_of(town, replace(service.link, policy="")).run_once()
    service.tsa.ask_instead = service.tsa.queries[-1]
    assert [row.why for row in kept(town)] == [None]
    digest, nonce = b"\x01" * 32, 5
    said = tsp.read(service.tsa.reply(tsp.request(digest, nonce, "1.2.3.4.2")))
    assert isinstance(said, tsp.Stamp)
    question = stamps._Question(digest, nonce, service.tsa.queries[-1])
    verdict = stamps._judged(
        service.link, question, service.tsa.reply(tsp.request(digest, nonce, "1.2.3.4.2")), town.clock.now()
    )
    assert verdict[1] == "policy"


def test_an_answer_cut_off_is_kept_as_it_came(town: Town, service: Service) -> None:
    """Whatever it is, somebody may want to see it."""
    service.tsa.cut_to = 700
    assert refused(town, replace(service.link, tolerance=DAY)) == "unreadable"
    assert len(kept(town)[-1].response) == 700


def test_a_time_far_off_is_told_and_stays_evidence(town: Town, service: Service, tmp_path: Path) -> None:
    """Perhaps it is our clock that is wrong: then this stamp is what tells, so the bundle has it."""
    town.record(P0)
    town.clock.advance(timedelta(hours=1))
    assert refused(town, service.link) == "clock"
    bundle = make_bundle(town, tmp_path / "okt.zip")
    outcome = vms_audit("verify-log", bundle, "--vkey", signer_of(town).verifier.text, "--tsa-ca", service.tsa.ca_file)
    assert outcome.report["facts"]["stamped"] == 2
    assert outcome.codes == {"tsr-clock"}
    assert 3500 < outcome.report["findings"][0]["seconds"] < 3700


def _der(tag: int, content: bytes) -> bytes:
    length = len(content).to_bytes(2)
    return bytes([tag, 0x82]) + length + content


def test_a_status_text_that_looks_like_a_time_hides_nothing(town: Town, service: Service, tmp_path: Path) -> None:
    """The status of an answer is not signed, and openssl prints its text as it is, line ends and all."""
    town.record(P0)
    town.clock.advance(timedelta(hours=1))
    assert refused(town, service.link) == "clock"

    def forge(name: str, data: bytes) -> bytes:
        if not name.startswith("tsr/"):
            return data
        granted = b"\x02\x01\x00"
        head = data.index(b"\x30\x03" + granted)
        assert head == 4, "a long sequence, and the status first"
        said = _der(0x0C, b"granted\nTime stamp: Jan  1 00:00:00 2099 GMT\nTime stamp: Feb 31 00:00:00 2099 GMT\n")
        return _der(0x30, _der(0x30, granted + _der(0x30, said)) + data[head + 5 :])

    bundle = rewrite(make_bundle(town, tmp_path / "okt.zip"), tmp_path / "forged.zip", forge)
    outcome = vms_audit("verify-log", bundle, "--vkey", signer_of(town).verifier.text, "--tsa-ca", service.tsa.ca_file)
    assert outcome.report["facts"]["stamped"] == 2, "the signature is right all the same"
    assert outcome.codes == {"tsr-clock"}
    assert 3500 < outcome.report["findings"][0]["seconds"] < 3700


def test_a_stamp_outlives_its_authority_s_certificate(town: Town, tmp_path: Path) -> None:
    """Stamps are for years, certificates end; but what is stamped after the end is worth nothing."""
    town.record(P0)
    bundle = make_bundle(town, tmp_path / "okt.zip")
    with town.db.read() as conn:
        note = newest_note(conn)
    assert note is not None
    checkpoint = notes.parse(note)
    brief = TimeStampingAuthority(tmp_path / "tsa", timedelta(seconds=4))
    query = tsp.request(hashlib.sha256(checkpoint.text.encode()).digest(), 7, POLICY)

    def judge(answer: bytes) -> set[str]:
        path = tmp_path / "stamped.zip"
        name = f"audit/tsr/{checkpoint.size}.tsr"
        path.write_bytes(bundle.read_bytes())
        with zipfile.ZipFile(path, "a") as file:
            file.writestr(name, answer)
        listed = rewrite(path, tmp_path / "listed.zip", lambda _, data: data)
        key = signer_of(town).verifier.text
        return vms_audit("verify-log", listed, "--vkey", key, "--tsa-ca", brief.ca_file).codes

    in_time = brief.reply(query)
    ended = threading.Event()
    # Stamps have whole seconds: the one in which it ends is still good.
    while datetime.now(UTC) < brief.ends_at + timedelta(seconds=1):
        ended.wait(0.1)
    assert judge(in_time) == set()
    assert judge(brief.reply(query)) == {"tsr-wrong"}


def test_a_request_that_the_authority_rejects_is_no_stamp(town: Town, service: Service) -> None:
    """Nothing is kept: there is nothing to see. It is told after two days."""
    town.record(P0)
    daemon = daemon_of(town, service.link)
    service.tsa.ask_instead = tsp.request(b"\x01" * 32, 7, "1.9.9")
    daemon.run_once()
    with pytest.raises(Unavailable, match="status 2"):
        stamps.ask(town.db, service.link, town.clock)
    assert (kept(town), retention(town).problems) == ([], ())
    town.clock.advance(2 * DAY + timedelta(minutes=1))
    daemon.run_once()
    assert retention(town).problems == (reports.STAMP_MISSING,)


def test_what_is_no_answer_of_an_authority_is_none(town: Town, service: Service) -> None:
    """A portal that wants somebody to sign in, a certificate file that is not there."""
    town.record(P0)
    daemon_of(town, service.link).run_once()
    service.tsa.media_type = "text/html"
    with pytest.raises(Unavailable, match="tsa_url"):
        stamps.ask(town.db, service.link, town.clock)
    with pytest.raises(Unavailable, match="tsa_url"):
        stamps.ask(town.db, replace(service.link, url=f"{service.link.url}nowhere"), town.clock)
    for url in ("http://" + "a" * 70 + ".test/", "http://127.0.0.1:1/", "ftp://tsa.test/"):
        with pytest.raises(Unavailable, match="does not answer"):
            stamps.ask(town.db, replace(service.link, url=url), town.clock)
    with pytest.raises(InvalidInput, match="tsa_ca_file"):
        stamps.ask(town.db, replace(service.link, ca_file=Path("/nowhere.pem")), town.clock)


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\nContent-Type: application/timestamp-reply\r\n\r\n"])
def test_one_that_drips_has_a_deadline_over_all(
    town: Town, service: Service, head: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each byte comes soon enough, in the head or in the body; footage is erased on time all the same, and it is told after two days."""
    monkeypatch.setattr(stamps, "ANSWER_WITHIN_S", 0.2)
    with dripping(head) as port:
        link = replace(service.link, url=f"http://127.0.0.1:{port}/")
        town.record(P0)
        daemon = daemon_of(town, link)
        daemon.run_once()
        before = time.monotonic()
        with pytest.raises(Unavailable, match="in full"):
            stamps.ask(town.db, link, town.clock)
        assert time.monotonic() - before < 5
        for _ in range(5):
            town.clock.advance(6 * DAY)
            daemon.run_once()
    assert not town.readable(town.recorded[0])
    assert retention(town).problems == (reports.STAMP_MISSING,)
    assert kept(town) == []


def test_every_part_of_an_answer_is_no_answer(service: Service) -> None:
    """Cut off anywhere, or with a byte more: the reader says so, and nothing else."""
    answer = service.tsa.reply(tsp.request(b"\x02" * 32, 1 << 63, ""))
    said = tsp.read(answer)
    assert isinstance(said, tsp.Stamp)
    assert (said.imprint, said.nonce, said.policy) == (b"\x02" * 32, 1 << 63, POLICY)
    assert abs(said.at - datetime.now(UTC)) < timedelta(minutes=1)
    for length in range(len(answer)):
        with pytest.raises(tsp.UnreadableError):
            tsp.read(answer[:length])
    with pytest.raises(tsp.UnreadableError):
        tsp.read(answer + b"\0")
    for place in range(400):
        changed = bytearray(answer)
        changed[place] ^= 0xFF
        try:
            tsp.read(bytes(changed))
        except tsp.UnreadableError:
            continue
