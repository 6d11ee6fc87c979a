"""The witness as the product meets it: each checkpoint is sent to it, its signature is checked and kept.

Whatever a witness has signed can't be taken back by changing this database or setting it back: then the witness refuses, and says what
it knows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Final

import httpx
from sqlalchemy import Connection, insert, select

from vms.clock import Clock
from vms.db.engine import Database
from vms.db.tables import ledger_cosignature
from vms.errors import IntegrityLost, InvalidInput, Unavailable
from vms.ledger import notes
from vms.ledger.log import Ledger, newest_note
from vms.ledger.notes import Checkpoint, Verifier
from vms.ledger.witness import write_request

ASK_AGAIN_AFTER: Final = timedelta(hours=1)
"""A signature is also the witness' clock: it is asked for anew though the ledger did not grow."""
_ANSWER_WITHIN_S: Final = 10.0
_LONGEST_ANSWER: Final = 4096


@dataclass(frozen=True, slots=True)
class WitnessLink:
    """Where a witness listens, and its public key."""

    url: str
    verifier: Verifier


@dataclass(frozen=True, slots=True)
class Cosignature:
    """A witness' signature under a checkpoint.

    Args:
        line: as it stands below the note.
        witness_at: by the witness' clock.
        received_at: by ours.
    """

    size: int
    witness: str
    line: str
    witness_at: datetime
    received_at: datetime


def newest(conn: Connection, witness: Verifier) -> Cosignature | None:
    """Return the newest signature of a witness, None before the first."""
    columns = ledger_cosignature.c
    query = select(ledger_cosignature).where(columns.witness == witness.name)
    row = conn.execute(query.order_by(columns.size.desc(), columns.witness_at.desc()).limit(1)).one_or_none()
    return None if row is None else Cosignature(row.size, row.witness, row.line, row.witness_at, row.received_at)


def lines_under(conn: Connection, sizes: Sequence[int]) -> dict[int, str]:
    """Return the newest signature line of each witness under each of these checkpoints, joined."""
    columns = ledger_cosignature.c
    rows = conn.execute(select(ledger_cosignature).where(columns.size.in_(sizes)).order_by(columns.witness_at))
    found = {(row.size, row.witness): str(row.line) for row in rows}
    out: dict[int, str] = {}
    for (size, _), line in sorted(found.items()):
        out[size] = out.get(size, "") + line
    return out


def request_for(conn: Connection, ledger: Ledger, note: str, since: int) -> bytes:
    """Return the text that asks a witness to sign a checkpoint.

    Args:
        since: the size that it signed last, 0 for none.

    Raises:
        IntegrityLost: the witness has signed more entries than the checkpoint has.
    """
    size = notes.parse(note).size
    if since > size:
        raise _set_back(since, size)
    proof = ledger.consistency_proof(conn, since, size) if 0 < since < size else []
    return write_request(since, proof, note)


def keep(
    conn: Connection, checkpoint: Checkpoint, witness: Verifier, answer: str, received_at: datetime
) -> Cosignature:
    """Check what a witness has answered, and keep it.

    Raises:
        IntegrityLost: it is not this witness' signature under this checkpoint.
    """
    seconds = notes.cosigned_at(answer, checkpoint, witness)
    [line] = [one for one in answer.splitlines() if one.startswith(f"— {witness.name} ")][:1]
    found = Cosignature(checkpoint.size, witness.name, f"{line}\n", datetime.fromtimestamp(seconds, UTC), received_at)
    known = newest(conn, witness)
    if known is None or (known.size, known.witness_at) != (found.size, found.witness_at):
        conn.execute(
            insert(ledger_cosignature).values(
                size=found.size,
                witness=found.witness,
                line=found.line,
                witness_at=found.witness_at,
                received_at=received_at,
            )
        )
    return found


def cosign(db: Database, ledger: Ledger, link: WitnessLink, clock: Clock) -> Cosignature | None:
    """Have the newest checkpoint signed by the witness; return its signature, None when there is no checkpoint yet.

    Raises:
        Unavailable: the witness does not answer, or does not know this ledger; says what to do.
        IntegrityLost: it has signed another history than the database has, or it signs wrongly.
    """
    with db.read() as conn:
        note, known = newest_note(conn), newest(conn, link.verifier)
        if note is None:
            return None
        checkpoint = notes.parse(note)
        request = request_for(conn, ledger, note, 0 if known is None else known.size)
    status, text = _asked(link, request)
    if status == HTTPStatus.CONFLICT:
        since = _size_in(text)
        if known is not None and since == known.size:
            raise _other_history(link)
        with db.read() as conn:
            request = request_for(conn, ledger, note, since)
        status, text = _asked(link, request)
    if status in {HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY}:
        raise _other_history(link)
    if status != HTTPStatus.OK:
        raise Unavailable(
            f"the witness {link.verifier.name} refuses ({status}: {text.strip()[:200]}): give it this ledger's key "
            f"(`vms witness --log`)",
            code="witness.refused",
        )
    with db.write() as conn:
        return keep(conn, checkpoint, link.verifier, text, clock.now())


def _asked(link: WitnessLink, request: bytes) -> tuple[int, str]:
    try:
        answer = httpx.post(f"{link.url.rstrip('/')}/add-checkpoint", content=request, timeout=_ANSWER_WITHIN_S)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Unavailable(
            f"the witness {link.verifier.name} does not answer at {link.url}: {error}", code="witness.away"
        ) from error
    return answer.status_code, answer.text[:_LONGEST_ANSWER]


def _size_in(text: str) -> int:
    word = text.strip()
    if not (word.isascii() and word.isdigit() and len(word) <= 19):
        raise Unavailable("the witness answers with no size", code="witness.refused")
    return int(word)


def _set_back(witnessed: int, present: int) -> IntegrityLost:
    return IntegrityLost(
        f"a witness has signed {witnessed} entries and the newest checkpoint here has {present}: an older copy of the "
        "database was restored; put back the newest one (docs/ledger.md)",
        code="ledger.set-back",
    )


def _other_history(link: WitnessLink) -> IntegrityLost:
    return IntegrityLost(
        f"the witness {link.verifier.name} has signed another history than this database has: the ledger was changed",
        code="ledger.other-history",
    )


def link_of(url: str, key: str) -> WitnessLink:
    """Return the link that the settings describe.

    Raises:
        InvalidInput: the key is missing, or no witness' key.
    """
    if not key:
        raise InvalidInput("witness_url needs witness_key: `vms witness` prints it", code="settings.witness")
    return WitnessLink(url, Verifier.parse(key, notes.WITNESS_KEY))
