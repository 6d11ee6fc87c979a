"""Checkpoints by mail: a text that its readers keep where nobody of this house can reach it. It holds nothing that is secret."""

import contextlib
import smtplib
import socket
import ssl
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, insert, select

from vms.db.tables import ledger_mailing
from vms.errors import InvalidInput, Unavailable
from vms.hardening import refuse_exposed_secret
from vms.ledger import notes
from vms.ledger.deadline import within
from vms.ledger.notes import Verifier

SENT_WITHIN_S: Final = 20.0
_TEXT: Final = """\
Dit is de stand van het logboek {origin}: {size} regels, met hun gezamenlijke
vingerafdruk, ondertekend door het systeem. Bewaar dit bericht; u hoeft niets te doen.
Wie later een regel wijzigt of weglaat, kan dit bericht niet meer laten kloppen.

Controleren kan met elke latere auditbundel. Bewaar dit bericht als bericht.txt en:

    vms-audit check-old-checkpoint bundel.zip bericht.txt --vkey SLEUTEL

This is the log {origin} as it stands: {size} entries, with one fingerprint over all of
them, signed by the system. Keep this message; there is nothing for you to do. Whoever
changes or leaves out an entry later can't make this message fit again.

It can be checked with any later audit bundle. Save this message as bericht.txt and:

    vms-audit check-old-checkpoint bundel.zip bericht.txt --vkey SLEUTEL

Het controlepunt / the checkpoint:

{note}
De sleutel van het logboek / the log's public key (SLEUTEL; vergelijk hem met die op papier / compare it with the one on paper):

{key}
"""


@dataclass(frozen=True, slots=True)
class Post:
    """A mail server, and for whom.

    Args:
        starttls: nothing is sent, no password either, unless the server's certificate is good for its name.
        user: empty: without signing in.
        ca_file: PEM of the certificates that the server's must lead to; None: the system's.
    """

    host: str
    port: int
    starttls: bool
    sender: str
    recipients: tuple[str, ...]
    user: str = ""
    password_file: Path | None = None
    ca_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Mailed:
    """A mail that the server took.

    Args:
        refused: for how many of the recipients it did not.
    """

    size: int
    mailed_at: datetime
    recipients: int
    refused: int


def newest(conn: Connection) -> Mailed | None:
    """Return the newest mailing, None before the first."""
    row = conn.execute(select(ledger_mailing).order_by(ledger_mailing.c.size.desc()).limit(1)).one_or_none()
    return None if row is None else Mailed(row.size, row.mailed_at, row.recipients, row.refused)


def keep(conn: Connection, mailed: Mailed) -> None:
    """Keep that a checkpoint was mailed."""
    conn.execute(
        insert(ledger_mailing).values(
            size=mailed.size, mailed_at=mailed.mailed_at, recipients=mailed.recipients, refused=mailed.refused
        )
    )


def letter(post: Post, note: str, key: Verifier, at: datetime) -> EmailMessage:
    """Return the mail, in Dutch and English.

    Args:
        note: the checkpoint with all signature lines.
        key: the ledger's.
    """
    checkpoint = notes.parse(note)
    message = EmailMessage()
    message["Subject"] = f"Controlepunt / checkpoint {checkpoint.size} - {checkpoint.origin}"
    message["From"] = post.sender
    message["To"] = ", ".join(post.recipients)
    message["Date"] = format_datetime(at)
    # The domain of the sender's address: this machine's name is nobody's business.
    message["Message-ID"] = make_msgid(domain=post.sender.rpartition("@")[2])
    message["Auto-Submitted"] = "auto-generated"
    text = _TEXT.format(origin=checkpoint.origin, size=checkpoint.size, note=note, key=key.text)
    # Eight bits: then the raw mail, as somebody saves it, has the note's lines unbroken.
    message.set_content(text, charset="utf-8", cte="8bit")
    return message


def send(post: Post, message: EmailMessage) -> int:
    """Hand a mail to the server; return how many recipients it refused.

    Raises:
        Unavailable: it does not take the mail, for anybody, in time.
        InvalidInput: the password or the certificates can't be read.
    """
    password = _password(post)
    context = _context(post) if post.starttls else None
    connection = _Connection(post)

    def hand_over() -> int:
        try:
            connection.connect(post.host, post.port)
            if context is not None:
                connection.starttls(context=context)
            if post.user:
                connection.login(post.user, password)
            connection.ehlo_or_helo_if_needed()
            options = ["BODY=8BITMIME"] if connection.has_extn("8bitmime") else []
            if not options:
                message.set_content(message.get_content(), charset="utf-8", cte="quoted-printable")
            refused = connection.send_message(message, post.sender, post.recipients, mail_options=options)
            # It has the mail; whether it says goodbye is its own affair.
            with contextlib.suppress(smtplib.SMTPException, OSError):
                connection.quit()
            return len(refused)
        finally:
            connection.close()

    try:
        return within(SENT_WITHIN_S, hand_over, connection.cut, f"the mail server {post.host}")
    except smtplib.SMTPRecipientsRefused as error:
        raise Unavailable(f"the mail server {post.host} refuses every recipient", code="mail.refused") from error
    except smtplib.SMTPResponseException as error:
        raise Unavailable(
            f"the mail server {post.host} refuses ({type(error).__name__}, {error.smtp_code})", code="mail.refused"
        ) from error
    # ValueError: a name or password that can't be written in its protocol.
    except (smtplib.SMTPException, OSError, ValueError) as error:
        raise Unavailable(f"the mail server {post.host} does not take the mail: {error}", code="mail.away") from error


class _Connection(smtplib.SMTP):
    """Not yet connected, so that it can be closed while it connects; it knows whom it will speak to, for the certificate."""

    def __init__(self, post: Post) -> None:
        # Its own name would be looked up in the network otherwise, and told.
        super().__init__(local_hostname=post.sender.rpartition("@")[2], timeout=SENT_WITHIN_S)
        self._host = post.host

    def cut(self) -> None:
        """End the connection under whoever reads from it. `close` would wait for that reader."""
        connected = self.sock
        if connected is not None:
            with contextlib.suppress(OSError):
                connected.shutdown(socket.SHUT_RDWR)


def _password(post: Post) -> str:
    if not post.user or post.password_file is None:
        return ""
    try:
        refuse_exposed_secret(post.password_file, "smtp_password_file")
        return post.password_file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"smtp_password_file {post.password_file} can't be read", code="mail.password") from error


def _context(post: Post) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=post.ca_file)
    except OSError as error:
        raise InvalidInput(f"smtp_ca_file {post.ca_file} can't be read", code="mail.ca") from error
