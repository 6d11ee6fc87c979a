"""Where the ledger is anchored outside the house, by the settings; and the page to print."""

from datetime import timedelta
from pathlib import Path

import typer

from config import Settings
from retention.anchors import Anchorage
from vms.cli.parts import Parts
from vms.errors import InvalidInput
from vms.evidence.paper import checkpoint_page
from vms.ledger import cosignatures, notes
from vms.ledger.mailing import Post
from vms.ledger.stamps import Authority


def anchored(settings: Settings) -> Anchorage:
    """Return where checkpoints go, nowhere unless the settings name it."""
    authority = None
    if settings.tsa_url and settings.tsa_ca_file is not None:
        tolerance = timedelta(seconds=settings.clock_tolerance_s)
        authority = Authority(settings.tsa_url, settings.tsa_ca_file, settings.tsa_policy, tolerance)
    post = None
    if settings.mail_recipients:
        post = Post(
            host=settings.smtp_host,
            port=settings.smtp_port,
            starttls=settings.smtp_starttls,
            sender=settings.smtp_from,
            recipients=settings.mail_recipients,
            user=settings.smtp_user,
            password_file=settings.smtp_password_file,
            ca_file=settings.smtp_ca_file,
        )
    return Anchorage(authority, post)


def print_page(parts: Parts, note: str, path: Path) -> None:
    """Write a checkpoint, with its co-signatures, as a page to print.

    Raises:
        InvalidInput: the file can't be made.
    """
    with parts.db.read() as conn:
        whole = cosignatures.with_lines(conn, note)
    page = checkpoint_page(whole, parts.signer.verifier, parts.clock.now())
    try:
        with path.open("xb") as file:
            file.write(page)
    except OSError as error:
        raise InvalidInput(
            f"{path} can't be made: {error.strerror}; choose another file", code="checkpoint.file"
        ) from error
    typer.echo(f"{path}: {notes.parse(note).size} entries. Print it, sign it, and keep it outside this house.")
