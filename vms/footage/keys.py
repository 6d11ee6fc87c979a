"""The keys that open footage: hour keys and hold keys in one small keyring, which dies and is born again with every key that dies.

    root key    in a store (vms/footage/roots: a file, a token, a TPM); exists once
     +- keyring     one file, AES-256-GCM under the root key: an hour key per clock hour, a hold key per hold
         +- segment keys    wrapped (RFC 3394) by their hour key in the segment's row, by the hold key in the hold's row

Erasing a key writes the remaining keys under a fresh root key, then destroys the old root key in its store. Copies of the old keyring
file, wherever a disk or backup kept them, can then not be opened. What remains to be trusted is that the store's root is gone: the
assurance level (docs/erasing.md), which is the store's to say. A key that once lay under a weaker store keeps the weaker level.

Invariants: the keyring names the root key that opens it. At every instant that keyring and that root key exist. A root key that
the keyring does not name is dead and is destroyed by whoever takes the lock next. Readers never see half a keyring.
"""

import fcntl
import os
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from vms.errors import IntegrityLost, InvalidInput, NotFound, Unavailable
from vms.footage.durable import replace_file, storage_errors
from vms.footage.ring import HEAD_BYTES, NONCE_BYTES, Ring, SealedRing
from vms.footage.roots.files import FileRoots
from vms.footage.roots.store import KEY_BYTES, OWNER_BYTES, Level, RootStore
from vms.model import HoldId

_READ_ATTEMPTS = 20
_OWNER_ATTEMPTS = 8


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

    def level(self) -> Level:
        """Return the assurance level of keys that are made now."""

    def hour_level(self, hour_at: datetime) -> Level:
        """Return the assurance level of the hour's key, dead or alive, and of footage under it: that of the weakest store it was in."""

    def hold_level(self, hold_id: HoldId) -> Level:
        """Return the assurance level of the hold's key, dead or alive."""


def _hour_name(hour_at: datetime) -> str:
    if hour_at.tzinfo is None or (hour_at.minute, hour_at.second, hour_at.microsecond) != (0, 0, 0):
        raise ValueError(f"{hour_at} is not the start of a UTC clock hour")
    return f"hour/{hour_at.astimezone(UTC):%Y-%m-%dT%H}"


class FileKeyring:
    """The key service on a keyring file; several processes may use one folder at once.

    Args:
        keys_dir: folder for the keyring, made if missing; not on the database's volume, never in a backup.
        roots: where its root keys live; files in the same folder by default.
        moving_from: the store in which the root is: first put the keyring under a root of `roots` and destroy those of the
            old store, or finish what was begun of that. Every other process that uses the keyring must have ended: they know
            the old store only.

    Raises:
        IntegrityLost: there is a keyring, but not the root key that opens it.
        InvalidInput: the keyring's root is in another store than those given, or both are of one kind.
        Unavailable: the folder or the store can't be used.
    """

    def __init__(self, keys_dir: Path, roots: RootStore | None = None, *, moving_from: RootStore | None = None) -> None:
        self._dir = keys_dir
        self._ring_path = keys_dir / "keyring"
        self._roots: RootStore = FileRoots(keys_dir) if roots is None else roots
        self._cache: Ring | None = None
        keys_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._locked():
            if not self._ring_path.exists():
                self._write({}, fresh_root=True)
            elif moving_from is not None:
                self._move(moving_from)
            self._destroy_dead_roots(self._read())

    def leaving(self) -> str:
        """Return the kind of the store from which a move is unfinished: roots in it may live; empty: none."""
        return self._ring().leaving

    def new_segment_key(self, hour_at: datetime) -> SegmentKey:
        """Return a fresh key wrapped by the hour's key."""
        name = _hour_name(hour_at)
        wrapping = self._ring().keys.get(name) or self._add(name)
        plain = secrets.token_bytes(KEY_BYTES)
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

    def level(self) -> Level:
        """Return the store's level."""
        return self._roots.level()

    def hour_level(self, hour_at: datetime) -> Level:
        """Return the level of the hour's key, dead or alive."""
        # A hold's key may have opened footage of the hour too; which is not known any more when both are dead.
        return self._level_of(lambda name: name == _hour_name(hour_at) or name.startswith("hold/"))

    def hold_level(self, hold_id: HoldId) -> Level:
        """Return the level of the hold's key, dead or alive."""
        return self._level_of(lambda name: name == f"hold/{hold_id}")

    def _level_of(self, is_meant: Callable[[str], bool]) -> Level:
        return Level.FILE if any(map(is_meant, self._ring().once_file)) else self._roots.level()

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
                keys[name] = secrets.token_bytes(KEY_BYTES)
                self._write(keys, fresh_root=False)
            return keys[name]

    def _destroy(self, name: str) -> None:
        with self._locked():
            ring = self._read()
            if name in ring.keys:
                self._write({other: key for other, key in ring.keys.items() if other != name}, fresh_root=True)
                ring = self._read()
            self._destroy_dead_roots(ring)

    def _move(self, old: RootStore) -> None:
        if old.kind == self._roots.kind:
            raise InvalidInput(f"the root key is to be moved from '{old.kind}' to itself", code="keys.same-store")
        data = self._bytes()
        if SealedRing(data).parts()[0] == old.kind:
            ring = self._open(data, old)
            # The new store's level may be stated later, so the keys are marked whatever it says today.
            once = frozenset(ring.keys) if old.level() is Level.FILE else frozenset()
            root = self._roots.make(self._owner())
            self._replace(Ring(root, b"", self._roots.kind, ring.keys, ring.once_file | once, leaving=old.kind))
        ring = self._read()
        if ring.leaving not in {"", old.kind}:
            raise InvalidInput(
                f"a move from the store '{ring.leaving}' is unfinished: finish it first", code="keys.unfinished-move"
            )
        old.destroy(self._owner(), old.names(self._owner()) - {self._roots.name(ring.root.id)})
        self._replace(replace(ring, leaving=""))

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

    def _ring(self) -> Ring:
        """Return the present keyring; the cached one if its head, which is new with every writing, is unchanged."""
        cached = self._cache
        if cached is not None:
            with storage_errors(self._ring_path), self._ring_path.open("rb") as handle:
                if handle.read(HEAD_BYTES) == cached.head:
                    return cached
        self._cache = self._read()
        return self._cache

    def _read(self) -> Ring:
        """Read and open the keyring, again if another process has replaced it meanwhile."""
        for _ in range(_READ_ATTEMPTS):
            data = self._bytes()
            try:
                return self._open(data, self._roots)
            except (NotFound, InvalidTag, ValueError) as error:
                if self._bytes() == data:
                    raise IntegrityLost(
                        f"{self._ring_path} does not open: its root key is missing or changed", code="keys.no-root"
                    ) from error
        raise Unavailable(f"{self._ring_path} changes faster than it can be read", code="keys.busy")

    def _bytes(self) -> bytes:
        with storage_errors(self._ring_path):
            return self._ring_path.read_bytes()

    def _open(self, data: bytes, roots: RootStore) -> Ring:
        found = SealedRing(data)
        kind, sealed, _ = found.parts()
        if kind != roots.kind:
            raise InvalidInput(
                f"the root key of {self._ring_path} is in the store '{kind}', the settings say '{roots.kind}': "
                "set root_store back, or move it with `vms keys move`",
                code="keys.other-store",
            )
        return found.open(roots.key(found.root_id, sealed))

    def _write(self, keys: dict[str, bytes], *, fresh_root: bool) -> None:
        """Put a keyring in place of the present one. The new root key is durable before the keyring that names it."""
        present = self._read() if self._ring_path.exists() else None
        root = self._roots.make(self._owner()) if fresh_root or present is None else present.root
        ring = Ring(root, b"", self._roots.kind, keys)
        if present is not None:
            ring = replace(ring, once_file=present.once_file, leaving=present.leaving)
        self._replace(ring)

    def _replace(self, ring: Ring) -> None:
        replace_file(self._ring_path, replace(ring, nonce=secrets.token_bytes(NONCE_BYTES)).to_bytes())

    def _owner(self) -> bytes:
        """Return by what this keyring's roots are known in a store that others use too: durable before the first root is made."""
        path = self._dir / "ring-id"
        if not path.exists():
            named = SealedRing(self._bytes()).root_id[:OWNER_BYTES] if self._ring_path.exists() else None
            replace_file(path, named or self._unused_owner())
        with storage_errors(path):
            return path.read_bytes()

    def _unused_owner(self) -> bytes:
        owner = secrets.token_bytes(OWNER_BYTES)
        for _ in range(_OWNER_ATTEMPTS):
            # A TPM has room for 16 bits of it only: another keyring's living roots must not look like our dead ones.
            if not self._roots.names(owner):
                break
            owner = secrets.token_bytes(OWNER_BYTES)
        return owner

    def _destroy_dead_roots(self, ring: Ring) -> None:
        """Destroy every root key that the keyring does not name, half-made ones included."""
        owner = self._owner()
        self._roots.destroy(owner, self._roots.names(owner) - {self._roots.name(ring.root.id)})


def undecryptable(unwraps: Iterable[Callable[[], bytes]]) -> bool:
    """Return whether none of the ways to a segment key works any more: the check after erasing."""
    for unwrap in unwraps:
        try:
            unwrap()
        except (NotFound, IntegrityLost):
            continue
        return False
    return True
