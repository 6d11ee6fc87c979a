"""RFC 3161 time stamps: an authority that is not ours says by its own clock that a checkpoint existed.

Two programs judge an answer: our reader (vms/ledger/tsp.py) what it says, `openssl ts -verify` who signed it. The raw answer is kept
whatever they find, so that others can judge it with other tools.
"""

import hashlib
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, insert, or_, select

from vms.clock import Clock
from vms.db.engine import Database
from vms.db.tables import ledger_stamp
from vms.errors import InvalidInput, Unavailable
from vms.ledger import notes, tsp
from vms.ledger.log import newest_note
from vms.ledger.posting import post

ANSWER_WITHIN_S: Final = 10.0
_LONGEST_ANSWER: Final = 64 * 1024
_NONCE_BITS: Final = 64
_QUERY, _REPLY = "application/timestamp-query", "application/timestamp-reply"

CLOCK: Final = "clock"
"""Signed as it should be, over what was asked, but its time is far from ours: one of the two clocks is wrong."""
UNREAD: Final = "unread"
"""openssl accepts it, our reader can't read it: its time is not known here."""
_GENUINE: Final = (CLOCK, UNREAD)


@dataclass(frozen=True, slots=True)
class Authority:
    """A time-stamping authority.

    Args:
        url: where it takes requests by HTTP POST.
        ca_file: PEM of the certificates that its own must lead to.
        policy: dotted object identifier that its stamps must be under; empty: any.
        tolerance: how far its clock may be from ours.
    """

    url: str
    ca_file: Path
    policy: str
    tolerance: timedelta


@dataclass(frozen=True, slots=True)
class Stamped:
    """An authority's answer, judged and kept.

    Args:
        size: of the checkpoint that it is over.
        why: None: in order; else `imprint`, `nonce`, `policy`, `signature`, `unreadable`, `unread` or `clock`.
        stamped_at: by the authority's clock; None when unreadable.
        response, query: as received and as sent.
    """

    size: int
    received_at: datetime
    stamped_at: datetime | None
    why: str | None
    response: bytes
    query: bytes
    authority: str


@dataclass(frozen=True, slots=True)
class _Question:
    """What is asked: over these 32 bytes, with this nonce; `query` is the request in DER."""

    sha256: bytes
    nonce: int
    query: bytes

    @classmethod
    def of(cls, text: str, policy: str) -> "_Question":
        digest, nonce = hashlib.sha256(text.encode()).digest(), secrets.randbits(_NONCE_BITS)
        return cls(digest, nonce, tsp.request(digest, nonce, policy))


def newest(conn: Connection, *, good: bool = False) -> Stamped | None:
    """Return the newest answer that was kept, or the newest that is in order; None for none."""
    query = select(ledger_stamp).order_by(ledger_stamp.c.received_at.desc()).limit(1)
    row = conn.execute(query.where(ledger_stamp.c.why.is_(None)) if good else query).one_or_none()
    if row is None:
        return None
    return Stamped(
        row.size, row.received_at, row.stamped_at, row.why, bytes(row.response), bytes(row.query), row.authority
    )


def genuine(conn: Connection, upto: int) -> Iterator[tuple[int, bytes]]:
    """Yield size and raw answer of the newest genuine stamp over each checkpoint of at most `upto` entries."""
    columns = ledger_stamp.c
    query = select(columns.size, columns.response).where(columns.size <= upto)
    rows = conn.execute(
        query.where(or_(columns.why.is_(None), columns.why.in_(_GENUINE))).order_by(columns.size, columns.received_at)
    )
    found = {int(row.size): bytes(row.response) for row in rows}
    yield from found.items()


def ask(db: Database, authority: Authority, clock: Clock) -> Stamped | None:
    """Have the newest checkpoint stamped and judge the answer, not yet kept; None when there is no checkpoint yet.

    Raises:
        Unavailable: the authority does not answer in time, or gives no stamp.
        InvalidInput: openssl or the file of certificates is missing.
    """
    _openssl()
    if not authority.ca_file.is_file():
        raise InvalidInput(f"tsa_ca_file {authority.ca_file} is not there", code="tsa.ca")
    with db.read() as conn:
        note = newest_note(conn)
    if note is None:
        return None
    checkpoint = notes.parse(note)
    question = _Question.of(checkpoint.text, authority.policy)
    response = _asked(authority, question.query)
    received_at = clock.now()
    stamped_at, why = _judged(authority, question, response, received_at)
    return Stamped(checkpoint.size, received_at, stamped_at, why, response, question.query, authority.url)


def keep(conn: Connection, found: Stamped) -> bool:
    """Keep an answer raw; return False for the same fault over the same checkpoint again, which is kept once only."""
    before = newest(conn)
    if found.why is not None and before is not None and (before.size, before.why) == (found.size, found.why):
        return False
    conn.execute(
        insert(ledger_stamp).values(
            size=found.size,
            received_at=found.received_at,
            authority=found.authority,
            query=found.query,
            response=found.response,
            stamped_at=found.stamped_at,
            why=found.why,
        )
    )
    return True


def _asked(authority: Authority, query: bytes) -> bytes:
    """Return the body of the answer, at most `_LONGEST_ANSWER` bytes."""
    try:
        reply = post(
            authority.url,
            query,
            kind=_QUERY,
            within_s=ANSWER_WITHIN_S,
            longest=_LONGEST_ANSWER,
            peer="the time-stamping authority",
        )
    except Unavailable as error:
        raise Unavailable(str(error), code="tsa.away") from error
    if reply.status != HTTPStatus.OK or reply.kind != _REPLY:
        raise Unavailable(
            f"the time-stamping authority answers {reply.status} {reply.kind}: is tsa_url right?", code="tsa.answer"
        )
    if len(reply.body) > _LONGEST_ANSWER:
        raise Unavailable("the time-stamping authority's answer does not end", code="tsa.answer")
    return reply.body


def _judged(
    authority: Authority, question: _Question, response: bytes, received_at: datetime
) -> tuple[datetime | None, str | None]:
    """Return the authority's time and what is wrong, None for nothing.

    Raises:
        Unavailable: it gives no stamp.
    """
    try:
        said = tsp.read(response)
    except tsp.UnreadableError:
        is_signed = _is_signed(authority.ca_file, question.query, response)
        return None, UNREAD if is_signed else "unreadable"
    if isinstance(said, tsp.Refusal):
        raise Unavailable(
            f"the time-stamping authority refuses (status {said.status}: {said.words[:200]})", code="tsa.refused"
        )
    if not said.is_of(question.sha256):
        return said.at, "imprint"
    if said.nonce != question.nonce:
        return said.at, "nonce"
    if authority.policy not in {"", said.policy}:
        return said.at, "policy"
    if not _is_signed(authority.ca_file, question.query, response):
        return said.at, "signature"
    return said.at, CLOCK if abs(said.at - received_at) > authority.tolerance else None


def _is_signed(ca_file: Path, query: bytes, response: bytes) -> bool:
    """Return whether openssl finds that a certificate under these signed an answer to this request, for stamping time."""
    with tempfile.TemporaryDirectory(prefix="vms-stamp-") as name:
        folder = Path(name)
        (folder / "query").write_bytes(query)
        (folder / "response").write_bytes(response)
        files: Sequence[Path | str] = ("-queryfile", folder / "query", "-in", folder / "response", "-CAfile", ca_file)
        try:
            done = subprocess.run(
                [_openssl(), "ts", "-verify", *map(str, files)],
                capture_output=True,
                check=False,
                timeout=ANSWER_WITHIN_S,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Unavailable(f"openssl does not judge the stamp: {error}", code="tsa.openssl") from error
    return done.returncode == 0


def _openssl() -> str:
    found = shutil.which("openssl")
    if found is None:
        raise InvalidInput("time stamps need the program openssl: install it", code="tsa.openssl")
    return found
