"""Whether the ledger agrees with what stands outside its database: the checkpoint beside the keys, and the witness.

Asked at every start and before every sweep. A contradiction is remembered over restarts, and ends only when who contradicted agrees: the
right database was put back, and the witness has signed it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import structlog
from sqlalchemy import Connection, func, select

from vms.clock import Clock
from vms.db.engine import Database
from vms.db.tables import ledger_checkpoint
from vms.errors import IntegrityLost, InvalidInput, Unavailable, VmsError
from vms.ledger import cosignatures, outside
from vms.ledger.cosignatures import Cosigned, WitnessLink
from vms.ledger.log import Ledger, newest_note
from vms.ledger.notes import Signer

_log = structlog.get_logger()
_CHECKPOINT, _WITNESS = "checkpoint", "witness"
"""Who contradicts, the first word of what is remembered."""


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """Who signs the ledger, where its newest checkpoint is kept outside the database, and who co-signs it."""

    signer: Signer
    folder: Path
    witness: WitnessLink | None = None


def agree(
    db: Database, ledger: Ledger, clock: Clock, place: Checkpoints, *, asks: Callable[[], bool] = lambda: True
) -> Cosigned | None:
    """Compare the ledger with what stands outside.

    Args:
        asks: whether to ask the witness too, if there is one; called when the rest agrees.

    Returns:
        What the witness signed; None: it was not asked, or there is nothing to sign yet.

    Raises:
        IntegrityLost: they contradict each other, or did, and who contradicted has not agreed since.
        Unavailable: the witness, or the database, is away; nothing else contradicts.
    """
    try:
        _compare(db, ledger, place)
    except IntegrityLost as error:
        _remember(place.folder, _CHECKPOINT, error)
        raise
    why = outside.contradicted(place.folder)
    if why is not None and why.startswith(outside.ENTRIES):
        # The witness knows roots, not entries: only a whole check that is good takes this back.
        _raise_if_standing(why)
    if place.witness is None or not (why is not None or asks()):
        if place.witness is None and why is not None and why.startswith(_CHECKPOINT):
            outside.settle(place.folder)
        else:
            _raise_if_standing(why)
        return None
    try:
        found = cosignatures.cosign(db, ledger, place.witness, clock)
    except IntegrityLost as error:
        _remember(place.folder, _WITNESS, error)
        raise
    except Unavailable as error:
        _raise_if_standing(outside.contradicted(place.folder), error)
        raise
    if found is None:
        _raise_if_standing(outside.contradicted(place.folder))
    else:
        outside.settle(place.folder)
    return found


def is_checkpoint_missing(conn: Connection, folder: Path) -> bool:
    """Return whether no checkpoint is kept in the folder although the database has more than a first one.

    Somebody may have taken it away to put back an older database unseen. It is not made anew by itself (`vms checkpoint --keep` does).
    """
    query = select(func.count()).select_from(ledger_checkpoint)
    return outside.kept(folder) is None and conn.execute(query).scalar_one() > 1


def refuse_contradicted(place: Checkpoints) -> None:
    """Refuse to sign a ledger that is contradicted.

    Raises:
        IntegrityLost: it is.
    """
    _raise_if_standing(outside.contradicted(place.folder))


def _remember(folder: Path, who: str, error: IntegrityLost) -> None:
    try:
        outside.contradict(folder, f"{who} {error.code}")
    except VmsError:
        # Whoever asked knows by the error all the same; the next question tries again.
        _log.exception("ledger.contradiction-not-kept")


def _compare(db: Database, ledger: Ledger, place: Checkpoints) -> None:
    try:
        _compare_notes(db, ledger, place)
    except InvalidInput as error:
        raise IntegrityLost(
            f"a checkpoint in the database is none: it was changed ({error})", code="ledger.note"
        ) from error


def _compare_notes(db: Database, ledger: Ledger, place: Checkpoints) -> None:
    # The note first: the database, read afterwards, has at least what it says.
    note = outside.kept(place.folder)
    with db.read() as conn:
        own = newest_note(conn)
        is_missing = is_checkpoint_missing(conn, place.folder)
        for one in (note, own):
            if one is not None:
                ledger.continues(conn, one, place.signer.verifier)
        is_empty = ledger.size(conn) == 0
    if own is None and not is_empty and place.witness is not None:
        # Without a checkpoint there is nothing to ask the witness about, and a database that was emptied has none.
        with db.write() as conn:
            own = ledger.checkpoint(conn, place.signer)
    if own is not None and own != note and not is_missing:
        # Whoever signed it may have been interrupted before this.
        outside.keep(place.folder, own)


def _raise_if_standing(why: str | None, cause: Unavailable | None = None) -> None:
    if why is not None:
        raise IntegrityLost(
            f"the ledger is contradicted ({why}): put back the newest copy of the database that is whole; "
            + (
                "then run `vms check --whole`"
                if why.startswith(outside.ENTRIES)
                else "it ends when the witness has signed (docs/ledger.md: if the witness is gone for good)"
            ),
            code="ledger.contradicted",
        ) from cause
