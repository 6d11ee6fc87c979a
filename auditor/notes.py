"""Checkpoints: signed notes with the ledger's size and root, and the co-signatures of witnesses under them.

Source: C2SP signed-note, tlog-checkpoint, tlog-cosignature (v1: "cosignature/v1", time, then the note's text).
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from auditor.report import CannotVerifyError

_LOG_KEY, _WITNESS_KEY = 1, 4
_LINE = re.compile("— (?P<name>[^ +]+) (?P<blob>[A-Za-z0-9+/]+=*)")
_SIZE = re.compile(r"0|[1-9][0-9]{0,15}")
_ROOT = re.compile(r"[A-Za-z0-9+/]{43}=")

_BEGUN = re.compile(r"(?:[—\u2013]|--?) ?(?P<name>[^\s+]+)(?: (?P<blob>[A-Za-z0-9+/=]+))?")
_PART = re.compile(r"[A-Za-z0-9+/=]+")
_BLOB_BYTES = frozenset({68, 76})
"""Key id and Ed25519 signature, with a witness' time or without."""


@dataclass(frozen=True, slots=True)
class Key:
    """A public key by its name, as C2SP writes it: name+id+key.

    Args:
        kind: 1 a log's, 4 a witness'.
    """

    name: str
    kind: int
    public: bytes

    @property
    def id(self) -> bytes:
        """The four bytes by which a signature names its key."""
        return hashlib.sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:4]

    def accepts(self, message: bytes, signature: bytes) -> bool:
        """Return whether the signature over the message is by this key."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True


def parse_key(text: str) -> Key:
    """Return the key of its text.

    Raises:
        CannotVerifyError: it is none.
    """
    name, _, rest = text.strip().partition("+")
    key_id, _, encoded = rest.partition("+")
    try:
        raw = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        raw = b""
    if len(raw) != 33 or raw[0] not in {_LOG_KEY, _WITNESS_KEY} or not name:
        raise CannotVerifyError("key-unreadable", text=text.strip()[:80])
    key = Key(name, raw[0], raw[1:])
    if key.id.hex() != key_id:
        raise CannotVerifyError("key-other-id", text=text.strip()[:80])
    return key


@dataclass(frozen=True, slots=True)
class Signature:
    """One line below a note."""

    name: str
    key_id: bytes
    rest: bytes


@dataclass(frozen=True, slots=True)
class Note:
    """A checkpoint as it was read.

    Args:
        text: the lines that are signed, with their last line end.
    """

    origin: str
    size: int
    root: bytes
    text: str
    signatures: tuple[Signature, ...]

    def is_signed_by(self, key: Key) -> bool:
        """Return whether the log's key has signed; a wrong signature under its name and id is none."""
        return any(key.accepts(self.text.encode(), line.rest) for line in self._lines_of(key))

    def cosigned_at(self, key: Key) -> int | None:
        """Return the seconds since 1970 by the witness' own clock, None when it has not signed this note."""
        for line in self._lines_of(key):
            stamp, signature = line.rest[:8], line.rest[8:]
            seconds = int.from_bytes(stamp, "big")
            if key.accepts(f"cosignature/v1\ntime {seconds}\n{self.text}".encode(), signature):
                return seconds
        return None

    def names(self, key: Key) -> bool:
        """Return whether a line claims to be by this key."""
        return bool(self._lines_of(key))

    def _lines_of(self, key: Key) -> list[Signature]:
        return [line for line in self.signatures if line.name == key.name and line.key_id == key.id]


def parse(text: str) -> Note | None:
    """Return a note, None when the text is none."""
    body, blank, below = text.replace("\r\n", "\n").partition("\n\n")
    lines = body.split("\n")
    if not blank or len(lines) < 3 or not lines[0] or not _SIZE.fullmatch(lines[1]) or not _ROOT.fullmatch(lines[2]):
        return None
    signatures = []
    for line in below.split("\n"):
        match = _LINE.fullmatch(line)
        if match is None:
            continue
        try:
            blob = base64.b64decode(match["blob"], validate=True)
        except binascii.Error:
            continue
        signatures.append(Signature(match["name"], blob[:4], blob[4:]))
    return Note(lines[0], int(lines[1]), base64.b64decode(lines[2]), body + "\n", tuple(signatures))


def find(text: str, origin: str) -> Note | None:
    """Return the note of this log in a text that a person kept: a mail, a scan, typed from paper.

    Blanks and quotation marks around the lines, a hyphen for the dash and signatures broken into lines are what such texts have.
    """
    lines = [re.sub(r"^[>\s]+|\s+$", "", line) for line in text.splitlines()]
    for place, line in enumerate(lines):
        if line != origin:
            continue
        below = "".join(f"{one}\n" for one in _mended(lines[place + 3 :]))
        note = parse("\n".join(lines[place : place + 3]) + "\n\n" + below)
        if note is not None:
            return note
    return None


def _mended(lines: Iterable[str]) -> Iterator[str]:
    """Yield the signature lines among lines, each put together from the lines that it was broken into."""
    name, blob = "", ""
    for line in lines:
        begun = _BEGUN.fullmatch(line)
        if begun is not None:
            name, blob = begun["name"], begun["blob"] or ""
        elif name and _PART.fullmatch(line):
            blob += line
        elif line:
            name = ""
        if name and _is_whole(blob):
            yield f"— {name} {blob}"
            name = ""


def _is_whole(blob: str) -> bool:
    try:
        return len(base64.b64decode(blob, validate=True)) in _BLOB_BYTES
    except binascii.Error:
        return False
