"""What a store of root keys does, and what it may claim.

A root opens the keyring. It is made in the store, and when it is destroyed there, no copy of the keyring under it opens any more.
The store gives the keyring a fresh key of 32 bytes with each root: `Root.key`. What has to be kept beside the keyring so that the store
finds that key again is `Root.sealed`; it says nothing without the store.

Invariants: a root is durable before `make` returns; `destroy` may be repeated; `names` lists half-made roots too.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

OWNER_BYTES = 8
ROOT_ID_BYTES = 16
KEY_BYTES = 32


class Level(StrEnum):
    """How surely a destroyed root is gone (docs/erasing.md)."""

    FILE = "file"
    """Overwritten and unlinked: no proof against a laboratory that has the medium."""
    HARDWARE = "hardware"
    """Deleted within a device that never gave it out, and that an administrator vouches for."""


@dataclass(frozen=True, slots=True)
class Root:
    """A fresh root.

    Attributes:
        id: 16 bytes; the first 8 are the owner's.
        sealed: stands in the keyring's file; empty if the store needs nothing.
        key: 32 bytes; seals the keyring, is never written by the caller.
    """

    id: bytes
    sealed: bytes
    key: bytes = field(repr=False)


class RootStore(Protocol):
    """Makes, opens and destroys roots. Several keyrings may share one device; each names itself by `owner`, 8 bytes."""

    @property
    def kind(self) -> str:
        """The store's name in settings and keyrings."""

    def level(self) -> Level:
        """Return what may be claimed of a root that is destroyed here. Unavailable: the store can't be asked."""

    def device(self) -> str:
        """Return what the store says of itself, one line. Unavailable: the store can't be asked."""

    def make(self, owner: bytes) -> Root:
        """Make a root and return it when it is durable. StorageFull, Unavailable."""

    def key(self, root_id: bytes, sealed: bytes) -> bytes:
        """Return the root's 32-byte key. NotFound: it is gone; IntegrityLost: it is not what was made; Unavailable."""

    def name(self, root_id: bytes) -> str:
        """Return the name under which `names` lists the root."""

    def names(self, owner: bytes) -> frozenset[str]:
        """Return the owner's roots, half-made ones included. Unavailable."""

    def destroy(self, owner: bytes, names: frozenset[str]) -> None:
        """Destroy roots for good; one that is gone is fine. Unavailable: repeat it."""


def hardware_if_stated(device: str, stated: str, *, contradicted: bool) -> Level:
    """Return the level of a device: hardware if an administrator names this very device and it does not say otherwise itself."""
    return Level.HARDWARE if stated and stated == device and not contradicted else Level.FILE
