"""What `vms check` says of the ledger: the newest entries, the last whole check, and what stands outside the database."""

from collections.abc import Iterator

from config import Settings
from vms.cli.parts import Parts
from vms.errors import IntegrityLost, Unavailable
from vms.ledger import outside, standing
from vms.ledger.whole_check import CHECKED_AT_ONCE


def check_ledger(parts: Parts, *, whole: bool) -> int:
    """Check the ledger; with `whole` every entry of it, now.

    Returns:
        How many entries it has.

    Raises:
        IntegrityLost: it was changed, now or when it was last checked whole; or the checkpoint outside the database is gone.
        Unavailable: it was not checked whole for two days.
    """
    folder = parts.settings.keys
    with parts.db.read() as conn:
        is_short = parts.ledger.size(conn) <= CHECKED_AT_ONCE
    if whole or (is_short and parts.ledger_checks.is_overdue()):
        _check_whole(parts)
    with parts.db.read() as conn:
        size = parts.ledger.verify_tail(conn, parts.signer.verifier, outside.kept(folder))
        is_missing = standing.is_checkpoint_missing(conn, folder)
    parts.ledger_checks.refuse_changed()
    if is_missing:
        raise IntegrityLost(
            f"{folder / outside.FILE_NAME} is gone although checkpoints were signed: somebody may have put back an older database unseen. "
            "Compare the ledger with a checkpoint from elsewhere (witness, mail, paper: docs/ledger.md), then run `vms checkpoint --keep`",
            code="ledger.checkpoint-missing",
        )
    if parts.ledger_checks.is_overdue():
        raise Unavailable(
            "the ledger was not checked whole for two days, and no checkpoint is signed: is `vms retention` running? "
            "`vms check --whole` checks it now",
            code="ledger.unchecked",
        )
    return size


def anchors_off(settings: Settings) -> Iterator[str]:
    """Yield a line for each anchor outside this house that is not set up."""
    lines = (
        (
            settings.witness_url,
            "witness: off. Nobody outside notices when the ledger is set back (witness_url, docs/ledger.md)",
        ),
        (
            settings.tsa_url,
            "time stamps: off. Nothing outside says when the ledger was as it is (tsa_url, docs/ledger.md)",
        ),
        (
            settings.checkpoint_mail_to,
            "checkpoint mail: off. Nobody keeps the ledger's state elsewhere (checkpoint_mail_to, docs/ledger.md)",
        ),
    )
    return (line for setting, line in lines if not setting)


def _check_whole(parts: Parts) -> None:
    try:
        with parts.db.read() as conn:
            found = parts.ledger.verify_all(conn, parts.signer.verifier)
    except IntegrityLost as error:
        parts.ledger_checks.failed(error)
        raise
    parts.ledger_checks.passed(*found)
