"""A co-signing witness: it remembers the newest checkpoint of a log, and signs a newer one only when that continues it.

It runs elsewhere, under somebody else, with its own clock, key and folder; it reads no database and sees no entry. One that has
signed can't be brought to sign another history, so whoever compares its signature finds a ledger that was changed or set back.

Source: C2SP tlog-witness (the request's text and the answers' statuses), tlog-cosignature.
"""

import base64
import binascii
import fcntl
import hashlib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Final

from vms.clock import Clock
from vms.errors import IntegrityLost, InvalidInput
from vms.footage.durable import replace_file
from vms.ledger import notes
from vms.ledger.merkle import HASH_BYTES, roots_from_consistency
from vms.ledger.notes import Checkpoint, Signer, Verifier

LONGEST_REQUEST_BYTES: Final = 64 * 1024
_MOST_HASHES: Final = 63
_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,17}")


@dataclass(frozen=True, slots=True)
class Answer:
    """What the witness says to a request.

    Args:
        status: 200 signed; 400 no request; 403 not signed by the log's key; 404 an unknown log; 409 it has signed another size or root
            (the text is its size); 422 the proof does not lead from what it signed to what it is asked to sign; 500 what it remembers can't
            be read: it signs nothing more of that log.
        text: signature line, size, or what is wrong.
    """

    status: HTTPStatus
    text: str


class Witness:
    """The witness of some logs.

    Args:
        folder: where it remembers; made if missing. Lost, it would sign any history again: keep it safe.
        signer: its key.
        logs: the logs that it signs for, by their keys.
        clock: its own.

    Raises:
        InvalidInput: two keys have the same name.
    """

    def __init__(self, folder: Path, signer: Signer, logs: Sequence[Verifier], clock: Clock) -> None:
        self._logs = {log.name: log for log in logs}
        if len(self._logs) < len(logs):
            raise InvalidInput("two keys of one log: a witness signs for one of them", code="witness.logs")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._signer = signer
        self._clock = clock

    def answer(self, request: bytes) -> Answer:
        """Decide about one request; whatever comes is answered, and nothing but a durable 200 changes what is remembered."""
        try:
            old, proof, note = read_request(request)
            asked = notes.parse(note)
        except InvalidInput as error:
            return Answer(HTTPStatus.BAD_REQUEST, f"{error}\n")
        log = self._logs.get(asked.origin)
        if log is None:
            return Answer(HTTPStatus.NOT_FOUND, f"this witness does not know the log {asked.origin}\n")
        try:
            notes.verify(note, log)
        except IntegrityLost as error:
            return Answer(HTTPStatus.FORBIDDEN, f"{error}\n")
        with self._turn():
            try:
                known = self.newest(asked.origin)
            except InvalidInput as error:
                return Answer(
                    HTTPStatus.INTERNAL_SERVER_ERROR,
                    f"what this witness remembers of {asked.origin} is damaged: {error}\n",
                )
            return self._judged(old, proof, asked, note, known)

    def _judged(
        self, old: int, proof: Sequence[bytes], asked: Checkpoint, note: str, known: Checkpoint | None
    ) -> Answer:
        if old > asked.size:
            return Answer(HTTPStatus.BAD_REQUEST, "the old size is larger than the checkpoint's\n")
        size = 0 if known is None else known.size
        if old != size:
            return Answer(HTTPStatus.CONFLICT, f"{size}\n")
        if known is not None:
            if asked.size == size and asked.root != known.root:
                return Answer(HTTPStatus.CONFLICT, f"{size}\n")
            if not _continues(known, asked, proof):
                return Answer(HTTPStatus.UNPROCESSABLE_ENTITY, "the proof does not lead from what was signed to this\n")
        elif proof:
            return Answer(HTTPStatus.UNPROCESSABLE_ENTITY, "nothing leads from an empty log: give no proof\n")
        # Remembered before it is signed: after a crash in between the log asks again, and the sizes are the same.
        replace_file(self._path(asked.origin), note.encode())
        return Answer(HTTPStatus.OK, asked.cosigned(self._signer, int(self._clock.now().timestamp())))

    def newest(self, origin: str) -> Checkpoint | None:
        """Return the newest checkpoint of a log that was signed, None before the first.

        Raises:
            InvalidInput: what is remembered can't be read.
        """
        try:
            return notes.parse(self._path(origin).read_text(encoding="utf-8", errors="replace"))
        except FileNotFoundError:
            return None

    def _path(self, origin: str) -> Path:
        return self._folder / f"{hashlib.sha256(origin.encode()).hexdigest()}.note"

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """One request at a time, whichever process has it: two that saw the same size must not both be signed."""
        with (self._folder / "lock").open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def write_request(old: int, proof: Sequence[bytes], note: str) -> bytes:
    """Return the text that asks for a co-signature.

    Args:
        old: the size that the witness signed last; 0 before the first time.
        proof: of consistency from there; empty at equal sizes and from 0.
        note: the signed checkpoint.
    """
    lines = "".join(f"{base64.b64encode(one).decode()}\n" for one in proof)
    return f"old {old}\n{lines}\n{note}".encode()


def read_request(request: bytes) -> tuple[int, list[bytes], str]:
    """Return old size, proof and note.

    Raises:
        InvalidInput: it is no request.
    """
    if len(request) > LONGEST_REQUEST_BYTES:
        raise InvalidInput("a request is shorter", code="witness.request")
    try:
        head, blank, note = request.decode().partition("\n\n")
        first, *hashes = head.split("\n")
        word, _, size = first.partition(" ")
        proof = [base64.b64decode(one, validate=True) for one in hashes]
    except (UnicodeDecodeError, binascii.Error) as error:
        raise InvalidInput("the request can't be read", code="witness.request") from error
    if not blank or word != "old" or not _SIZE.fullmatch(size):
        raise InvalidInput("a request begins with `old` and a size", code="witness.request")
    if len(proof) > _MOST_HASHES or any(len(one) != HASH_BYTES for one in proof):
        raise InvalidInput(f"a proof has at most {_MOST_HASHES} hashes of {HASH_BYTES} bytes", code="witness.request")
    return int(size), proof, note


def _continues(known: Checkpoint, asked: Checkpoint, proof: Sequence[bytes]) -> bool:
    if asked.size == known.size:
        return not proof
    if known.size == 0:
        return not proof
    try:
        old_root, new_root = roots_from_consistency(known.size, asked.size, known.root, proof)
    except ValueError:
        return False
    return old_root == known.root and new_root == asked.root
