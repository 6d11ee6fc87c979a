"""The keys that open footage: hour keys and hold keys in one small keyring, which dies and is born again with every key that dies.

    root key    32 bytes in a file of its own; exists once
     +- keyring     one file, AES-256-GCM under the root key: an hour key per clock hour, a hold key per hold
         +- segment keys    wrapped (RFC 3394) by their hour key in the segment's row, by the hold key in the hold's row

Erasing a key writes the remaining keys under a fresh root key, then overwrites, syncs and unlinks the old root key. Copies of the old
keyring file, wherever a disk or backup kept them, can then not be opened. What remains to be trusted is that 32 overwritten bytes
are gone: assurance level "file" (docs/erasing.md); `KeyService` is the seam for a root key in hardware.

Invariants: the keyring names the root key that opens it. At every instant that keyring and that root key are on disk. A root key that
the keyring does not name is dead and is shredded by whoever takes the lock next. Readers never see half a keyring.
"""

import fcntl
import json
import os
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from vms.errors import IntegrityLost, NotFound, Unavailable
from vms.footage.durable import replace_file, shred_file, storage_errors, sync_folder
from vms.model import HoldId

ASSURANCE_LEVEL = "file"

_MAGIC = b"VMSKEYS1"
_ROOT_ID_BYTES = 16
_NONCE_BYTES = 12
_HEAD_BYTES = len(_MAGIC) + _ROOT_ID_BYTES + _NONCE_BYTES
_KEY_BYTES = 32
_READ_ATTEMPTS = 20


@dataclass(frozen=True, slots=True)
class SegmentKey:
    """A fresh segment key, plain for the writer and wrapped for the row."""

    plain: bytes = field(repr=False)
    wrapped: bytes = field(repr=False)


class KeyService(Protocol):
    """Makes, wraps and destroys keys. Hours are the starts of UTC clock hours."""

    def new_segment_key(self, hour_at: datetime) -> SegmentKey:
        """Return a fresh key wrapped by the hour's key, which is made if the hour has none."""

    def unwrap(self, hour_at: datetime, wrapped: bytes) -> bytes:
        """Return the plain segment key. NotFound: the hour key is gone; IntegrityLost: not wrapped by it."""

    def has_hour(self, hour_at: datetime) -> bool:
        """Return whether the hour's key exists."""

    def hours(self) -> frozenset[datetime]:
        """Return the hours that have a key."""

    def destroy_hour(self, hour_at: datetime) -> None:
        """Destroy the hour's key for good; a second call finishes what the first could not."""

    def new_hold_key(self, hold_id: HoldId) -> None:
        """Make the hold's key; nothing happens if it exists."""

    def wrap_for_hold(self, hold_id: HoldId, plain: bytes) -> bytes:
        """Return the key wrapped by the hold's key. NotFound: no such hold key."""

    def unwrap_for_hold(self, hold_id: HoldId, wrapped: bytes) -> bytes:
        """Return the plain key. NotFound: the hold key is gone; IntegrityLost: not wrapped by it."""

    def has_hold(self, hold_id: HoldId) -> bool:
        """Return whether the hold's key exists."""

    def holds(self) -> frozenset[HoldId]:
        """Return the holds that have a key."""

    def destroy_hold(self, hold_id: HoldId) -> None:
        """Destroy the hold's key for good; a second call finishes what the first could not."""


@dataclass(frozen=True, slots=True)
class _Ring:
    head: bytes
    keys: dict[str, bytes] = field(repr=False)

    @property
    def root_id(self) -> str:
        return self.head[len(_MAGIC) : len(_MAGIC) + _ROOT_ID_BYTES].hex()


def _hour_name(hour_at: datetime) -> str:
    if hour_at.tzinfo is None or (hour_at.minute, hour_at.second, hour_at.microsecond) != (0, 0, 0):
        raise ValueError(f"{hour_at} is not the start of a UTC clock hour")
    return f"hour/{hour_at.astimezone(UTC):%Y-%m-%dT%H}"


class FileKeyring:
    """The key service on files; several processes may use one folder at once.

    Args:
        keys_dir: folder for keyring and root key, made if missing; not on the database's volume, never in a backup.

    Raises:
        IntegrityLost: there is a keyring, but not the root key that opens it.
        Unavailable: the folder can't be used.
    """

    def __init__(self, keys_dir: Path) -> None:
        self._dir = keys_dir
        self._ring_path = keys_dir / "keyring"
        self._cache: _Ring | None = None
        keys_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._locked():
            if not self._ring_path.exists():
                self._write({}, fresh_root=True)
            self._shred_dead_roots(self._read())

    def new_segment_key(self, hour_at: datetime) -> SegmentKey:
        """Return a fresh key wrapped by the hour's key."""
        name = _hour_name(hour_at)
        wrapping = self._ring().keys.get(name) or self._add(name)
        plain = secrets.token_bytes(_KEY_BYTES)
        return SegmentKey(plain, aes_key_wrap(wrapping, plain))

    def unwrap(self, hour_at: datetime, wrapped: bytes) -> bytes:
        """Return the plain segment key."""
        return self._unwrap(_hour_name(hour_at), wrapped)

    def has_hour(self, hour_at: datetime) -> bool:
        """Return whether the hour's key exists."""
        return _hour_name(hour_at) in self._ring().keys

    def hours(self) -> frozenset[datetime]:
        """Return the hours that have a key."""
        names = (name.removeprefix("hour/") for name in self._ring().keys if name.startswith("hour/"))
        return frozenset(datetime.strptime(name, "%Y-%m-%dT%H").replace(tzinfo=UTC) for name in names)

    def destroy_hour(self, hour_at: datetime) -> None:
        """Destroy the hour's key for good."""
        self._destroy(_hour_name(hour_at))

    def new_hold_key(self, hold_id: HoldId) -> None:
        """Make the hold's key."""
        if f"hold/{hold_id}" not in self._ring().keys:
            self._add(f"hold/{hold_id}")

    def wrap_for_hold(self, hold_id: HoldId, plain: bytes) -> bytes:
        """Return the key wrapped by the hold's key."""
        return aes_key_wrap(self._key(f"hold/{hold_id}"), plain)

    def unwrap_for_hold(self, hold_id: HoldId, wrapped: bytes) -> bytes:
        """Return the plain key."""
        return self._unwrap(f"hold/{hold_id}", wrapped)

    def has_hold(self, hold_id: HoldId) -> bool:
        """Return whether the hold's key exists."""
        return f"hold/{hold_id}" in self._ring().keys

    def holds(self) -> frozenset[HoldId]:
        """Return the holds that have a key."""
        return frozenset(HoldId(name.removeprefix("hold/")) for name in self._ring().keys if name.startswith("hold/"))

    def destroy_hold(self, hold_id: HoldId) -> None:
        """Destroy the hold's key for good."""
        self._destroy(f"hold/{hold_id}")

    def _key(self, name: str) -> bytes:
        try:
            return self._ring().keys[name]
        except KeyError:
            raise NotFound(f"the keyring has no key {name}", code="footage.key-gone", key=name) from None

    def _unwrap(self, name: str, wrapped: bytes) -> bytes:
        try:
            return aes_key_unwrap(self._key(name), wrapped)
        except (InvalidUnwrap, ValueError) as error:
            raise IntegrityLost(f"the wrapped key is not of {name}", code="footage.other-key", key=name) from error

    def _add(self, name: str) -> bytes:
        with self._locked():
            keys = dict(self._read().keys)
            if name not in keys:
                keys[name] = secrets.token_bytes(_KEY_BYTES)
                self._write(keys, fresh_root=False)
            return keys[name]

    def _destroy(self, name: str) -> None:
        with self._locked():
            ring = self._read()
            if name in ring.keys:
                self._write({other: key for other, key in ring.keys.items() if other != name}, fresh_root=True)
                ring = self._read()
            self._shred_dead_roots(ring)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the folder's lock against other processes and other instances in this one."""
        try:
            handle = os.open(self._dir / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise Unavailable(f"the keyring folder {self._dir} can't be used: {error}", code="keys.folder") from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _ring(self) -> _Ring:
        """Return the present keyring; the cached one if its head, which is new with every writing, is unchanged."""
        cached = self._cache
        if cached is not None:
            with storage_errors(self._ring_path), self._ring_path.open("rb") as handle:
                if handle.read(_HEAD_BYTES) == cached.head:
                    return cached
        self._cache = self._read()
        return self._cache

    def _read(self) -> _Ring:
        """Read and open the keyring, again if another process has replaced it meanwhile."""
        for _ in range(_READ_ATTEMPTS):
            data = self._bytes()
            try:
                return self._open(data)
            except (FileNotFoundError, InvalidTag, ValueError) as error:
                if self._bytes() == data:
                    raise IntegrityLost(
                        f"{self._ring_path} does not open: its root key is missing or changed", code="keys.no-root"
                    ) from error
        raise Unavailable(f"{self._ring_path} changes faster than it can be read", code="keys.busy")

    def _bytes(self) -> bytes:
        with storage_errors(self._ring_path):
            return self._ring_path.read_bytes()

    def _open(self, data: bytes) -> _Ring:
        head = data[:_HEAD_BYTES]
        ring = _Ring(head, {})
        root = self._root_path(ring.root_id).read_bytes()
        plain = AESGCM(root).decrypt(head[-_NONCE_BYTES:], data[_HEAD_BYTES:], head)
        return _Ring(head, {name: bytes.fromhex(key) for name, key in json.loads(plain).items()})

    def _write(self, keys: dict[str, bytes], *, fresh_root: bool) -> None:
        """Put a keyring in place of the present one. The new root key is on disk before the keyring that names it."""
        if fresh_root:
            root_id, root = secrets.token_bytes(_ROOT_ID_BYTES), secrets.token_bytes(_KEY_BYTES)
            replace_file(self._root_path(root_id.hex()), root)
        else:
            root_id = bytes.fromhex(self._read().root_id)
            root = self._root_path(root_id.hex()).read_bytes()
        head = _MAGIC + root_id + secrets.token_bytes(_NONCE_BYTES)
        plain = json.dumps({name: key.hex() for name, key in keys.items()}).encode("ascii")
        replace_file(self._ring_path, head + AESGCM(root).encrypt(head[-_NONCE_BYTES:], plain, head))

    def _root_path(self, root_id: str) -> Path:
        return self._dir / f"root-{root_id}.key"

    def _shred_dead_roots(self, ring: _Ring) -> None:
        """Destroy every root key that the keyring does not name, half-written ones included."""
        living = self._root_path(ring.root_id)
        dead = [path for path in self._dir.glob("root-*") if path != living]
        for path in dead:
            shred_file(path)
        if dead:
            sync_folder(self._dir)


def undecryptable(unwraps: Iterable[Callable[[], bytes]]) -> bool:
    """Return whether none of the ways to a segment key works any more: the check after erasing."""
    for unwrap in unwraps:
        try:
            unwrap()
        except (NotFound, IntegrityLost):
            continue
        return False
    return True
