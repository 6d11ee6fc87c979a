"""Checkpoints by mail, to a real mail server with TLS and passwords: once a day, checked by the auditor's tool; every way to fail."""

import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default as modern
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography.x509.oid import ExtendedKeyUsageOID
from sqlalchemy import text

from config import load
from retention.anchors import Anchorage
from retention.daemon import RetentionDaemon
from tests.auditor.bundles import make_bundle, signer_of, vms_audit
from tests.pages.running import free_port
from tests.retention.authority import issue, key_pem, pem_of
from tests.retention.test_witness import SIGNER, retention
from tests.retention.town import LIMITS, Town
from tests.serving import dripping
from vms.cli.anchors import anchored
from vms.db import reports
from vms.errors import Conflict, InvalidInput, Unavailable
from vms.ledger import mailing, notes
from vms.ledger.acts import Act
from vms.ledger.entries import Actor, Entry, Origin
from vms.ledger.mailing import Post
from vms.ledger.search import Filter, search
from vms.ledger.standing import Checkpoints
from vms.model import PlacementId

P0 = PlacementId("p0")
DAY = timedelta(days=1)
PASSWORD = "zeer geheim"


@dataclass
class MailServer:
    """A mail server that keeps what it gets.

    Args:
        unknown: recipients that it refuses.
        takes_8_bits: it says 8BITMIME.
    """

    folder: Path
    unknown: set[str] = field(default_factory=set)
    takes_8_bits: bool = True
    kept: list[EmailMessage] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        root = issue("Root of the tests")
        leaf, key = issue("mail", root, usage=ExtendedKeyUsageOID.SERVER_AUTH, host="localhost")
        self.ca_file = self.folder / "mail-root.pem"
        self.ca_file.write_bytes(pem_of(root[0]))
        (self.folder / "mail.pem").write_bytes(pem_of(leaf))
        (self.folder / "mail.key").write_bytes(key_pem(key))
        (self.folder / "password").write_text(f"{PASSWORD}\n", encoding="utf-8")
        (self.folder / "password").chmod(0o600)
        self.port = free_port()
        recipients = ("fg@gemeente.test", "auditor@politie.test")
        self.post = Post(
            "localhost", self.port, True, "vms@gemeente.test", recipients, "vms", self.folder / "password", self.ca_file
        )

    async def handle_EHLO(
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        """Say what it can do."""
        session.host_name = hostname
        return [line for line in responses if self.takes_8_bits or "8BITMIME" not in line]

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Refuse the unknown."""
        if address in self.unknown:
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Keep a mail."""
        assert isinstance(envelope.content, bytes)
        self.raw.append(envelope.content)
        self.kept.append(BytesParser(EmailMessage, policy=modern).parsebytes(envelope.content))
        return "250 OK"

    @contextmanager
    def running(self, *, tls: bool = True) -> Iterator[None]:
        """Serve."""
        options: dict[str, Any] = {}
        if tls:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(self.folder / "mail.pem", self.folder / "mail.key")

            def authenticate(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
                return AuthResult(success=data == LoginPassword(b"vms", PASSWORD.encode()), handled=False)

            options = {
                "tls_context": context,
                "require_starttls": True,
                "authenticator": authenticate,
                "auth_required": True,
            }
        controller = Controller(self, hostname="127.0.0.1", port=self.port, **options)
        controller.start()
        try:
            yield
        finally:
            controller.stop()


@pytest.fixture
def server(tmp_path: Path) -> MailServer:
    """A mail server, not yet running."""
    return MailServer(tmp_path)


def daemon_of(town: Town, post: Post) -> RetentionDaemon:
    """A daemon that has written down its start, and mails."""
    with town.db.write() as conn:
        started = Entry(Act.SYSTEM_START, Actor.service("test"), Origin("test"), {"process": "test"})
        town.parts.ledger.append(conn, started)
    checkpoints = Checkpoints(signer_of(town), town.folder / "keys")
    stop = threading.Event()
    return RetentionDaemon(town.parts, LIMITS, checkpoints, sweep_every_s=60, stop=stop, anchorage=Anchorage(post=post))


def mailed(town: Town) -> list[tuple[int, int]]:
    """How many recipients, and how many refused, by the table; the ledger must say the same."""
    with town.db.read() as conn:
        rows = [
            (row.recipients, row.refused) for row in conn.execute(text("SELECT * FROM ledger_mailing ORDER BY size"))
        ]
        said = [one.object for one in reversed(search(conn, Filter(acts=(Act.ANCHOR_MAILED,))))]
    assert [(one["recipients"], one["refused"]) for one in said] == rows
    return rows


def test_once_a_day_a_checkpoint_is_mailed_that_the_auditor_can_check(
    any_town: Town, server: MailServer, tmp_path: Path
) -> None:
    """On both databases, through TLS and with a password: what arrives is checked years later as it was saved."""
    with server.running():
        daemon = daemon_of(any_town, server.post)
        for _ in range(8):
            any_town.record(P0)
            any_town.clock.advance(timedelta(hours=7))
            daemon.run_once()
    assert mailed(any_town) == [(2, 0)] * 2
    assert retention(any_town).problems == ()
    assert len(server.kept) == 2
    first = server.kept[0]
    body = first.get_content()
    assert first["To"] == "fg@gemeente.test, auditor@politie.test"
    assert first["Subject"].startswith("Controlepunt / checkpoint ")
    for words in (
        "Bewaar dit bericht",
        "Keep this message",
        "vms-audit check-old-checkpoint",
        signer_of(any_town).verifier.text,
    ):
        assert words in body
    assert PASSWORD.encode() not in b"".join(server.raw)
    bundle = make_bundle(any_town, tmp_path / "okt.zip")
    (tmp_path / "bericht.txt").write_text(body, encoding="utf-8")
    (tmp_path / "bericht.eml").write_bytes(server.raw[0])
    key = ("--vkey", signer_of(any_town).verifier.text)
    for name in ("bericht.txt", "bericht.eml"):
        outcome = vms_audit("check-old-checkpoint", bundle, tmp_path / name, *key)
        assert (outcome.status, outcome.report["findings"], outcome.report["notes"]) == (0, [], []), name
    for statement in ("UPDATE ledger_mailing SET refused = 1", "DELETE FROM ledger_mailing"):
        with pytest.raises(Conflict, match="append-only"), any_town.db.write() as conn:
            conn.execute(text(statement))


def test_the_mail_has_the_lines_of_witnesses_and_no_name_of_this_machine(town: Town, server: MailServer) -> None:
    """A witness' signature makes the mail worth more; a host name makes an attacker's work less."""
    daemon_of(town, server.post)
    with town.db.write() as conn:
        note = town.parts.ledger.checkpoint(conn, signer_of(town))
    line = notes.parse(note).cosigned(SIGNER, 1_790_000_000)
    message = mailing.letter(server.post, note + line, signer_of(town).verifier, town.clock.now())
    assert line in message.get_content()
    assert message["Message-ID"].endswith("@gemeente.test>")


def test_a_server_that_is_down_is_tried_until_it_is_back_and_stops_nothing(town: Town, server: MailServer) -> None:
    """Told after two days; footage is erased on time all the same; sent when it is back."""
    town.record(P0)
    daemon = daemon_of(town, server.post)
    daemon.run_once()
    assert retention(town).problems == ()
    for _ in range(5):
        town.clock.advance(6 * DAY)
        daemon.run_once()
    assert not town.readable(town.recorded[0])
    condition = retention(town)
    assert (condition.problems, condition.works) == ((reports.MAIL_MISSING,), True)
    with server.running():
        town.clock.advance(timedelta(hours=1))
        daemon.run_once()
    assert (mailed(town), retention(town).problems) == ([(2, 0)], ())


def test_a_recipient_that_is_refused_is_told(town: Town, server: MailServer) -> None:
    """The others have it; if nobody has it, it was not mailed."""
    daemon = daemon_of(town, server.post)
    server.unknown = set(server.post.recipients)
    with server.running():
        daemon.run_once()
        assert mailed(town) == []
        server.unknown.discard("auditor@politie.test")
        town.clock.advance(timedelta(hours=1))
        daemon.run_once()
        assert (mailed(town), len(server.kept)) == ([(2, 1)], 1)
        assert retention(town).problems == (reports.MAIL_MISSING,)
        server.unknown.clear()
        town.clock.advance(DAY)
        daemon.run_once()
    assert (mailed(town), retention(town).problems) == ([(2, 1), (2, 0)], ())


@pytest.mark.parametrize("head", [b"", b"220 here\r\n"])
def test_a_server_that_drips_has_a_deadline_over_all(
    town: Town, server: MailServer, head: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In its greeting, or in its answer to ours."""
    monkeypatch.setattr(mailing, "SENT_WITHIN_S", 0.3)
    message = mailing.letter(server.post, NOTE, SIGNER.verifier, town.clock.now())
    begun = time.monotonic()
    with dripping(head) as port, pytest.raises(Unavailable, match="in full"):
        mailing.send(replace(server.post, host="127.0.0.1", port=port, starttls=False, user=""), message)
    assert time.monotonic() - begun < 10, "giving up does not wait either"


def test_a_server_for_seven_bits_gets_seven(town: Town, server: MailServer) -> None:
    """The dash of the signature line must arrive as it was signed."""
    server.takes_8_bits = False
    with server.running():
        daemon_of(town, server.post).run_once()
    assert server.raw[0].isascii()
    assert "\n— test.example/log " in server.kept[0].get_content()


NOTE = "vms.test/log\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n"


def test_nothing_goes_in_the_clear_or_to_a_stranger(town: Town, server: MailServer, tmp_path: Path) -> None:
    """A server without TLS, one with somebody else's certificate, one by another name, a wrong password."""
    message = mailing.letter(server.post, NOTE, SIGNER.verifier, town.clock.now())
    with server.running(tls=False):
        for post in (server.post, replace(server.post, user="")):
            with pytest.raises(Unavailable):
                mailing.send(post, message)
    (tmp_path / "other").mkdir()
    stranger = MailServer(tmp_path / "other")
    with server.running():
        for post in (replace(server.post, ca_file=stranger.ca_file), replace(server.post, host="127.0.0.1")):
            with pytest.raises(Unavailable, match="certificate"):
                mailing.send(post, message)
        for password in ("wrong", "fout \N{EURO SIGN}"):
            (tmp_path / "password").write_text(password, encoding="utf-8")
            (tmp_path / "password").chmod(0o600)
            with pytest.raises(Unavailable, match=r"535|ascii"):
                mailing.send(server.post, message)
        for post, words in (
            (replace(server.post, password_file=tmp_path / "none"), "smtp_password_file"),
            (replace(server.post, ca_file=tmp_path / "none"), "smtp_ca_file"),
        ):
            with pytest.raises(InvalidInput, match=words):
                mailing.send(post, message)
    assert server.kept == []
    with server.running(tls=False):
        mailing.send(replace(server.post, starttls=False, user=""), message)
    assert len(server.kept) == 1


MAIL = {"VMS_CHECKPOINT_MAIL_TO": "a@b.test, c@d.test", "VMS_SMTP_HOST": "mail.test", "VMS_SMTP_FROM": "vms@b.test"}
STAMPS = {"VMS_TSA_URL": "https://tsa.test", "VMS_TSA_CA_FILE": "/ca.pem"}


def test_the_settings_say_where_to() -> None:
    """Off unless they do."""
    assert anchored(load(None, {})) == Anchorage()
    found = anchored(load(None, MAIL | STAMPS))
    assert found.post is not None
    assert found.post.recipients == ("a@b.test", "c@d.test")
    assert found.authority is not None
    assert found.authority.ca_file == Path("/ca.pem")


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"VMS_SMTP_HOST": ""}, "smtp_host"),
        ({"VMS_SMTP_FROM": "vms"}, "smtp_from"),
        ({"VMS_CHECKPOINT_MAIL_TO": "a@b.test, x y@z"}, "checkpoint_mail_to"),
        ({"VMS_CHECKPOINT_MAIL_TO": "a@b.test\nBcc: x@y.test"}, "checkpoint_mail_to"),
        ({"VMS_SMTP_USER": "vms"}, "smtp_password_file"),
        ({"VMS_SMTP_USER": "vms", "VMS_SMTP_PASSWORD_FILE": "/p", "VMS_SMTP_STARTTLS": "false"}, "in the clear"),
        ({"VMS_TSA_URL": "tsa.test"}, "tsa_url"),
        ({"VMS_TSA_URL": "https://tsa.test"}, "tsa_ca_file"),
        ({"VMS_TSA_POLICY": "1.2.x"}, "tsa_policy"),
    ],
)
def test_settings_that_can_not_work_are_refused_by_name(changed: dict[str, str], named: str) -> None:
    """At start, not at the first mail."""
    with pytest.raises(InvalidInput, match=named):
        load(None, MAIL | changed)
