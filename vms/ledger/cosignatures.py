"""The witness as the product meets it: each checkpoint is sent to it, its signature is checked and kept.

Whatever a witness has signed can't be taken back by changing this database or setting it back: then the witness refuses, and says what
it knows. Its refusals are not signed: they count as a contradiction until it signs, so reach it over a line that nobody else speaks on
(docs/ledger.md). Everything else that is no good signature counts as no answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any, Final

from sqlalchemy import Connection, Select, insert, select

from vms.clock import Clock
from vms.db.engine import Database
from vms.db.tables import ledger_checkpoint, ledger_cosignature
from vms.errors import IntegrityLost, InvalidInput, NotFound, Unavailable
from vms.ledger import notes
from vms.ledger.log import Ledger, newest_note
from vms.ledger.notes import Checkpoint, Verifier
from vms.ledger.posting import post
from vms.ledger.witness import write_request

ASK_AGAIN_AFTER: Final = timedelta(hours=1)
"""A signature is also the witness' clock: it is asked for anew though the ledger did not grow."""
_ANSWER_WITHIN_S: Final = 10.0
_LONGEST_ANSWER: Final = 4096
_CARRIED: Final = 1_000
"""A signature that comes by hand may be for any of so many newest checkpoints."""
_LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)


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
        witness_at: by the witness' clock, in whole seconds.
        received_at: by ours.
    """

    size: int
    witness: str
    line: str
    witness_at: datetime
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Cosigned:
    """What came of asking.

    Args:
        ahead: how far the witness' clock was outside the span between our asking and its answer; negative: behind.
    """

    signature: Cosignature
    ahead: timedelta


def newest(conn: Connection, witness: Verifier) -> Cosignature | None:
    """Return the newest signature of a witness, None before the first."""
    columns = ledger_cosignature.c
    query = select(ledger_cosignature).where(columns.witness == witness.name)
    return _first(conn, query.order_by(columns.size.desc(), columns.witness_at.desc()))


def last_received(conn: Connection) -> Cosignature | None:
    """Return the signature that came last, of whichever witness."""
    return _first(conn, select(ledger_cosignature).order_by(ledger_cosignature.c.received_at.desc()))


def _first(conn: Connection, query: Select[Any]) -> Cosignature | None:
    row = conn.execute(query.limit(1)).one_or_none()
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


def with_lines(conn: Connection, note: str) -> str:
    """Return a note with the newest signature line of each witness under it."""
    return note + lines_under(conn, [notes.parse(note).size]).get(notes.parse(note).size, "")


def request_for(conn: Connection, ledger: Ledger, note: str, since: int) -> bytes:
    """Return the text that asks a witness to sign a checkpoint.

    Args:
        since: the size that it signed last, 0 for none.

    Raises:
        IntegrityLost: the witness has signed more entries than the checkpoint has, or the checkpoint more than the ledger has.
    """
    size = notes.parse(note).size
    if since > size:
        raise _set_back(since, size)
    try:
        proof = ledger.consistency_proof(conn, since, size) if 0 < since < size else []
    except NotFound as error:
        raise IntegrityLost(
            f"the ledger is shorter than its newest checkpoint of {size} entries: entries were cut off",
            code="ledger.cut",
        ) from error
    return write_request(since, proof, note)


def keep(
    conn: Connection, checkpoint: Checkpoint, witness: Verifier, answer: str, received_at: datetime
) -> Cosignature:
    """Check what a witness has answered, and keep it.

    Raises:
        IntegrityLost: it is not this witness' signature under this checkpoint.
        InvalidInput: it is, and its time can't be.
    """
    seconds, line = notes.verify_cosigned(answer, checkpoint, witness)
    if seconds >= _LATEST.timestamp():
        raise InvalidInput(f"the witness says that it signed {seconds} s after 1970", code="witness.time")
    found = Cosignature(checkpoint.size, witness.name, line, datetime.fromtimestamp(seconds, UTC), received_at)
    columns = ledger_cosignature.c
    same = (columns.size == found.size, columns.witness == found.witness, columns.witness_at == found.witness_at)
    if conn.execute(select(columns.size).where(*same)).first() is None:
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


def keep_carried(conn: Connection, witness: Verifier, answer: str, received_at: datetime) -> Cosignature:
    """Keep a signature that was brought by hand; the ledger may have newer checkpoints by now.

    Raises:
        InvalidInput: it is not this witness' signature under any of the newest checkpoints, or its time can't be.
    """
    columns = ledger_checkpoint.c
    query = select(columns.note).order_by(columns.size.desc()).limit(_CARRIED)
    for note in conn.execute(query).scalars():
        try:
            return keep(conn, notes.parse(note), witness, answer, received_at)
        except IntegrityLost:
            continue
    raise InvalidInput(
        f"this is no signature of {witness.name} under one of the newest {_CARRIED} checkpoints: make a new request "
        "(`vms checkpoint --request`)",
        code="ledger.cosignature",
    )


def cosign(db: Database, ledger: Ledger, link: WitnessLink, clock: Clock) -> Cosigned | None:
    """Have the newest checkpoint signed by the witness; return its signature, None when there is no checkpoint yet.

    Raises:
        Unavailable: the witness does not answer in time, answers what is no signature of its own, or does not know this ledger.
        IntegrityLost: it says that it has signed another history than the database has, or the ledger lacks what was signed here.
    """
    with db.read() as conn:
        note, known = newest_note(conn), newest(conn, link.verifier)
        if note is None:
            return None
        since = 0 if known is None else known.size
        request = request_for(conn, ledger, note, since)
    asked_at = clock.now()
    status, text = _asked(link, request)
    if status == HTTPStatus.CONFLICT:
        said = _size_in(text)
        if said == since:
            raise _other_history(link)
        since = said
        with db.read() as conn:
            request = request_for(conn, ledger, note, since)
        asked_at = clock.now()
        status, text = _asked(link, request)
    if status == HTTPStatus.UNPROCESSABLE_ENTITY or (status == HTTPStatus.CONFLICT and _size_in(text) == since):
        raise _other_history(link)
    if status != HTTPStatus.OK:
        raise _refused(link, f"{status}: {text.strip()[:200]}; does it have this ledger's key (`vms witness --log`)?")
    received_at = clock.now()
    try:
        with db.write() as conn:
            found = keep(conn, notes.parse(note), link.verifier, text, received_at)
    except (IntegrityLost, InvalidInput) as error:
        # Anybody on the way can send a signature that is none.
        raise _refused(link, str(error)) from error
    # Its time is in whole seconds, cut off.
    earliest_at = asked_at.replace(microsecond=0)
    ahead = max(found.witness_at - received_at, timedelta(0)) + min(found.witness_at - earliest_at, timedelta(0))
    return Cosigned(found, ahead)


def _asked(link: WitnessLink, request: bytes) -> tuple[int, str]:
    """Return status and text of the answer."""
    name = f"the witness {link.verifier.name}"
    try:
        reply = post(
            f"{link.url.rstrip('/')}/add-checkpoint",
            request,
            kind="text/plain",
            within_s=_ANSWER_WITHIN_S,
            longest=_LONGEST_ANSWER,
            peer=name,
        )
    except Unavailable as error:
        raise Unavailable(f"{name} at {link.url}: {error}", code="witness.away") from error
    return reply.status, reply.body.decode(errors="replace")


def _size_in(text: str) -> int:
    word = text.strip()
    if not (word.isascii() and word.isdigit() and len(word) <= 18):
        raise Unavailable("the witness answers with no size", code="witness.refused")
    return int(word)


def _refused(link: WitnessLink, why: str) -> Unavailable:
    return Unavailable(f"the witness {link.verifier.name} has not signed: {why}", code="witness.refused")


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
