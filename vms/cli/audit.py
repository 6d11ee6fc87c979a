"""`vms audit-bundle`: what an auditor takes along to check ledger and erasing with `vms-audit` (docs/audit.md)."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from vms.cli import state
from vms.cli.acts import by_command_line
from vms.cli.parts import Parts
from vms.db import users
from vms.errors import Denied, InvalidInput, NotFound
from vms.evidence.bundle import BundleSource, bundle_pieces, end_of, sign_present
from vms.ledger import outside
from vms.ledger.acts import Act
from vms.ledger.entries import Value
from vms.model import Role, Span, UserId


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("audit-bundle")(audit_bundle)


def audit_bundle(
    context: typer.Context,
    from_at: Annotated[
        str, typer.Option("--from", help="Begin of the period, e.g. 2026-10-01 or 2026-10-01T06:00+02:00.")
    ],
    to_at: Annotated[str, typer.Option("--to", help="End of the period.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The ZIP to write; it must not exist.")],
    by: Annotated[str, typer.Option(help="Username of the auditor it is for.")],
) -> None:
    """Write the audit bundle of a period: the whole ledger, checkpoints, and the period's texts and segment lists."""
    parts = state.parts(context)
    period = Span(_instant(from_at), _instant(to_at))
    auditor = _auditor(parts, by)
    try:
        file = output.open("xb")
    except OSError as error:
        raise InvalidInput(
            f"{output} can't be made: {error.strerror}; choose another file", code="audit.file"
        ) from error
    source = BundleSource(parts.db, parts.ledger, parts.keys, parts.clock, parts.signer)
    with file:
        with parts.db.write() as conn:
            # Nothing is added to a ledger that is contradicted: it is taken along as it is.
            if outside.contradicted(parts.settings.keys) is None:
                asked: dict[str, Value] = {"from": period.start_at, "to": period.end_at, "for": auditor}
                parts.ledger.append(conn, by_command_line(Act.AUDIT_BUNDLE, asked))
                sign_present(conn, source)
            size = end_of(conn, period)
        for piece in bundle_pieces(source, period, size):
            file.write(piece)
    typer.echo(f"{output}: {size} entries. Check it with `vms-audit verify-log {output} --vkey ...`")


def _instant(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidInput(
            f"{text!r} is no instant: write 2026-10-01 or 2026-10-01T06:00+02:00", code="audit.instant"
        ) from error
    # Without a zone it is UTC, like everything in the ledger.
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _auditor(parts: Parts, username: str) -> UserId:
    with parts.db.read() as conn:
        account = users.by_username(conn, username)
    if account is None:
        raise NotFound(f"there is no account {username}: see `vms user list`", code="user.unknown")
    if Role.AUDITOR not in account.roles_at(parts.clock.now()):
        raise Denied(f"{username} is no {Role.AUDITOR} now, and bundles are for auditors", code="policy.no-role")
    return account.id
