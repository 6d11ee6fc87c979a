"""Checkpoints as signed notes: a text that a person can read, print and compare, and that any C2SP verifier accepts.

    <origin>
    <size>
    <root, base64>
    <blank line>
    — <name> <base64 of key id and signature>

Source: C2SP tlog-checkpoint, signed-note (key id = first 4 bytes of SHA-256(name || newline || 0x01 || public key), Ed25519),
tlog-cosignature (a witness' key has 0x04 there, and signs `cosignature/v1`, its own time and the note's text).
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from vms.errors import IntegrityLost, InvalidInput
from vms.ledger.merkle import HASH_BYTES

LOG_KEY = 1
WITNESS_KEY = 4
_KEY_ID_BYTES = 4
_SIGNATURE_BYTES = 64
_NAME = re.compile(r"[^\s+]+")
_STAMP_BYTES = 8
_SIGNATURE_LINE = re.compile(r"— (?P<name>[^\s+]+) (?P<blob>[A-Za-z0-9+/=]+)")


class Signer(Protocol):
    """Something that signs notes under a name."""

    @property
    def verifier(self) -> "Verifier":
        """The public half."""

    def sign(self, message: bytes) -> bytes:
        """Return the 64 bytes of the Ed25519 signature."""


@dataclass(frozen=True, slots=True)
class Verifier:
    """A name and its public key.

    Args:
        name: a schema-less address that is ours, e.g. `vms.utrecht.nl/audit-2026`; no blanks, no plus sign.
        public_key: 32 bytes.
        kind: `LOG_KEY`, or `WITNESS_KEY` for one that co-signs.

    Raises:
        InvalidInput: the name can't stand in a note, or the key has another length.
    """

    name: str
    public_key: bytes
    kind: int = LOG_KEY

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise InvalidInput("a ledger's name has no blanks and no plus sign", code="ledger.name")
        if len(self.public_key) != 32:
            raise InvalidInput("an Ed25519 public key has 32 bytes", code="ledger.key")

    @property
    def key_id(self) -> bytes:
        """The four bytes by which a signature line names its key."""
        return hashlib.sha256(self.name.encode() + b"\n" + self._typed).digest()[:_KEY_ID_BYTES]

    @property
    def text(self) -> str:
        """The verifier key as people pass it on: name+key id+key."""
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(self._typed).decode()}"

    @property
    def _typed(self) -> bytes:
        return bytes([self.kind]) + self.public_key

    @classmethod
    def parse(cls, text: str, kind: int = LOG_KEY) -> "Verifier":
        """Return the verifier of its text.

        Raises:
            InvalidInput: the text is no Ed25519 verifier key of this kind.
        """
        name, _, rest = text.strip().partition("+")
        key_id, _, encoded = rest.partition("+")
        try:
            key = base64.b64decode(encoded, validate=True)
        except binascii.Error as error:
            raise InvalidInput("this is no verifier key", code="ledger.key") from error
        if key[:1] != bytes([kind]):
            what = "a witness'" if kind == WITNESS_KEY else "a log's"
            raise InvalidInput(f"this is not {what} Ed25519 verifier key", code="ledger.key")
        verifier = cls(name, key[1:], kind)
        if verifier.key_id.hex() != key_id:
            raise InvalidInput("the verifier key does not have the id it names", code="ledger.key")
        return verifier

    def accepts(self, message: bytes, signature: bytes) -> bool:
        """Return whether the signature is ours over the message."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public_key).verify(signature, message)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The ledger's size and root at an instant."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The lines that are signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    def signed(self, signer: Signer) -> str:
        """Return the note."""
        return f"{self.text}\n{_line(signer.verifier, signer.sign(self.text.encode()))}"

    def cosigned(self, signer: Signer, seconds: int) -> str:
        """Return a witness' signature line.

        Args:
            signer: the witness; its verifier is a `WITNESS_KEY`.
            seconds: since 1970, by the witness' own clock.
        """
        stamp = seconds.to_bytes(_STAMP_BYTES, "big")
        return _line(signer.verifier, stamp + signer.sign(_cosigned_text(self, seconds)))


def _line(verifier: Verifier, blob: bytes) -> str:
    return f"— {verifier.name} {base64.b64encode(verifier.key_id + blob).decode()}\n"


def _cosigned_text(checkpoint: Checkpoint, seconds: int) -> bytes:
    return f"cosignature/v1\ntime {seconds}\n{checkpoint.text}".encode()


def parse(note: str) -> Checkpoint:
    """Return what a note says, whoever signed it.

    Raises:
        InvalidInput: it is no checkpoint.
    """
    text, blank, _signatures = note.partition("\n\n")
    lines = text.split("\n")
    if not blank or len(lines) < 3:
        raise InvalidInput("this is no checkpoint: origin, size, root and a signature are expected", code="ledger.note")
    origin, size, root = lines[:3]
    try:
        checkpoint = Checkpoint(origin, int(size), base64.b64decode(root, validate=True))
    except ValueError as error:
        raise InvalidInput("this is no checkpoint: its size or root can't be read", code="ledger.note") from error
    if not origin or str(checkpoint.size) != size or checkpoint.size < 0 or len(checkpoint.root) != HASH_BYTES:
        raise InvalidInput("this is no checkpoint: its size or root can't be right", code="ledger.note")
    return checkpoint


def verify(note: str, verifier: Verifier) -> Checkpoint:
    """Return what a note says, once its signature by this key is found good; signatures by others are passed over.

    Raises:
        InvalidInput: it is no checkpoint.
        IntegrityLost: the key's signature is missing or wrong.
    """
    checkpoint = parse(note)
    text, _, signatures = note.partition("\n\n")
    for _, signature in _signatures_by(verifier, signatures):
        if len(signature) == _SIGNATURE_BYTES and verifier.accepts(f"{text}\n".encode(), signature):
            return checkpoint
        raise IntegrityLost(f"the signature of {verifier.name} under the checkpoint is wrong", code="ledger.signature")
    raise IntegrityLost(f"the checkpoint is not signed by {verifier.name}", code="ledger.signature")


def verify_cosigned(lines: str, checkpoint: Checkpoint, witness: Verifier) -> tuple[int, str]:
    """Return the seconds since 1970 at which a witness says that it saw a checkpoint, and the line in which it says so.

    Args:
        lines: signature lines; those of others are passed over.

    Raises:
        IntegrityLost: the witness' signature is missing or wrong.
    """
    for line, blob in _signatures_by(witness, lines):
        seconds = int.from_bytes(blob[:_STAMP_BYTES], "big")
        signature = blob[_STAMP_BYTES:]
        if len(signature) == _SIGNATURE_BYTES and witness.accepts(_cosigned_text(checkpoint, seconds), signature):
            return seconds, f"{line}\n"
        raise IntegrityLost(f"the co-signature of {witness.name} is wrong", code="ledger.cosignature")
    raise IntegrityLost(f"the checkpoint is not co-signed by {witness.name}", code="ledger.cosignature")


def _signatures_by(verifier: Verifier, lines: str) -> Iterator[tuple[str, bytes]]:
    """Yield each line that is by this key, and what stands behind the key id in it."""
    for line in lines.splitlines():
        match = _SIGNATURE_LINE.fullmatch(line)
        if match is None or match["name"] != verifier.name:
            continue
        try:
            blob = base64.b64decode(match["blob"], validate=True)
        except binascii.Error:
            # No signature at all, so not theirs; the caller says that theirs is missing.
            continue
        if blob[:_KEY_ID_BYTES] == verifier.key_id:
            yield line, blob[_KEY_ID_BYTES:]
