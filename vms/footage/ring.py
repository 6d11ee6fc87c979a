"""The keyring's file: a head that names the root key, and names and keys sealed (AES-256-GCM) by what that root key opens."""

import json
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from vms.footage.roots.files import FileRoots
from vms.footage.roots.store import ROOT_ID_BYTES, Root

_PLAIN_MAGIC = b"VMSKEYS1"
"""Keyring under a root file: after the head the sealed names and keys, nothing else."""
_STORE_MAGIC = b"VMSKEYS2"
"""Keyring under another store: after the head the store's kind and the sealed root, each after its length (1 and 2 bytes)."""
NONCE_BYTES = 12
HEAD_BYTES = len(_PLAIN_MAGIC) + ROOT_ID_BYTES + NONCE_BYTES


@dataclass(frozen=True, slots=True)
class Ring:
    """A keyring as it is in its file.

    Attributes:
        root: under which it is sealed.
        nonce: new with every writing.
        kind: of the root's store.
        keys: by name.
        once_file: names of keys that lay in a weaker store before the keyring was moved; those of dead keys stay.
        leaving: kind of the store from which it was moved and whose roots are not known to be destroyed; empty: none.
    """

    root: Root
    nonce: bytes
    kind: str
    keys: dict[str, bytes] = field(repr=False)
    once_file: frozenset[str] = frozenset()
    leaving: str = ""

    @property
    def is_plain(self) -> bool:
        """Whether it has the short form."""
        return self.kind == FileRoots.kind and not self.leaving

    @property
    def head(self) -> bytes:
        """What the file begins with: new with every writing."""
        return (_PLAIN_MAGIC if self.is_plain else _STORE_MAGIC) + self.root.id + self.nonce

    def to_bytes(self) -> bytes:
        """Return the file."""
        keys = {name: key.hex() for name, key in self.keys.items()}
        head, words = self.head, dict[str, object](keys)
        if not self.is_plain:
            kind = self.kind.encode("ascii")
            head += bytes([len(kind)]) + kind + len(self.root.sealed).to_bytes(2, "big") + self.root.sealed
            words = {"keys": keys, "once_file": sorted(self.once_file), "leaving": self.leaving}
        plain = json.dumps(words).encode("ascii")
        return head + AESGCM(self.root.key).encrypt(self.nonce, plain, head)


@dataclass(frozen=True, slots=True)
class SealedRing:
    """A keyring's file before its root is asked for. ValueError: it is no keyring."""

    data: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.data) < HEAD_BYTES or self.data[: len(_PLAIN_MAGIC)] not in {_PLAIN_MAGIC, _STORE_MAGIC}:
            raise ValueError("not a keyring")

    @property
    def root_id(self) -> bytes:
        """Which root opens it."""
        return self.data[len(_PLAIN_MAGIC) :][:ROOT_ID_BYTES]

    def parts(self) -> tuple[str, bytes, int]:
        """Return the store's kind, the sealed root, and where the sealed keys begin."""
        if self.data.startswith(_PLAIN_MAGIC):
            return FileRoots.kind, b"", HEAD_BYTES
        rest = self.data[HEAD_BYTES:]
        kind = rest[1:][: rest[0]] if rest else b""
        sealed_at = 1 + len(kind) + 2
        sealed = rest[sealed_at:][: int.from_bytes(rest[sealed_at - 2 : sealed_at], "big")]
        return kind.decode("ascii"), sealed, HEAD_BYTES + sealed_at + len(sealed)

    def open(self, key: bytes) -> Ring:
        """Return the keyring. InvalidTag: it is not sealed by this key; ValueError: it is damaged."""
        kind, sealed, at = self.parts()
        nonce = self.data[HEAD_BYTES - NONCE_BYTES : HEAD_BYTES]
        words = json.loads(AESGCM(key).decrypt(nonce, self.data[at:], self.data[:at]))
        if self.data.startswith(_PLAIN_MAGIC):
            words = {"keys": words}
        return Ring(
            root=Root(self.root_id, sealed, key),
            nonce=nonce,
            kind=kind,
            keys={name: bytes.fromhex(one) for name, one in words["keys"].items()},
            once_file=frozenset(words.get("once_file", ())),
            leaving=words.get("leaving", ""),
        )
