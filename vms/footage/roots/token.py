"""Root keys in a PKCS#11 token: a smart card, a USB token, a hardware security module.

A root is an AES-256 key object that the token made itself and never gives out. It encrypts a random 32-byte key, which seals the
keyring; C_DestroyObject destroys it. AES-CBC without padding, because every token has it and random bytes need no more; that the answer
is the right one is proved by the keyring's own seal.

Source: PKCS#11 v2.40, 2.8 (AES), 4.4 (token objects).
"""

import fcntl
import importlib
import os
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vms.errors import IntegrityLost, InvalidInput, NotFound, StorageFull, Unavailable, VmsError
from vms.footage.durable import storage_errors
from vms.footage.roots.store import KEY_BYTES, OWNER_BYTES, ROOT_ID_BYTES, Level, Root, hardware_if_stated
from vms.hardening import refuse_exposed_secret

_IV_BYTES = 16
_CKF_HW_SLOT = 4
"""Slot flag: "is a hardware slot" (PKCS#11 v2.40, table 7)."""


@dataclass(frozen=True, slots=True)
class TokenAccess:
    """How to reach the token.

    Attributes:
        module: the vendor's PKCS#11 library.
        token: the token's label.
        pin_file: a file with the user's PIN.
        stated: what an administrator vouches for: `TokenRoots.device`, or nothing.
    """

    module: Path
    token: str
    pin_file: Path
    stated: str = ""


class TokenRoots:
    """Roots as key objects of one token.

    Args:
        access: see there.

    Raises:
        InvalidInput: python-pkcs11 is not installed, or module or PIN file can't be read.
    """

    kind = "pkcs11"

    def __init__(self, access: TokenAccess) -> None:
        self._access = access
        try:
            self._pkcs11: Any = importlib.import_module("pkcs11")
        except ImportError as error:
            raise InvalidInput(
                "root_store pkcs11 needs the Python package python-pkcs11: install requirements/tokens.txt",
                code="keys.no-pkcs11",
            ) from error
        try:
            refuse_exposed_secret(access.pin_file, "pkcs11_pin_file")
            self._pin = access.pin_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidInput(f"pkcs11_pin_file {access.pin_file} can't be read: {error}", code="keys.pin") from error
        # A user logs in once for all sessions of a process, so there is one session at a time.
        self._turn = threading.Lock()

    def level(self) -> Level:
        """Return "hardware" if the slot says it is hardware and an administrator names this very token."""
        token = self._found()
        says_hardware = bool(int(token.slot.flags) & _CKF_HW_SLOT)
        return hardware_if_stated(_describe(token), self._access.stated, contradicted=not says_hardware)

    def device(self) -> str:
        """Return manufacturer, model and serial number."""
        return _describe(self._found())

    def make(self, owner: bytes) -> Root:
        """Have the token make a key object."""
        root_id = owner + secrets.token_bytes(ROOT_ID_BYTES - OWNER_BYTES)
        key, iv = secrets.token_bytes(KEY_BYTES), secrets.token_bytes(_IV_BYTES)
        flags = self._pkcs11.Attribute
        template = {flags.EXTRACTABLE: False, flags.SENSITIVE: True, flags.PRIVATE: True, flags.WRAP: False}
        template |= {flags.UNWRAP: False, flags.DERIVE: False, flags.SIGN: False, flags.VERIFY: False}
        with self._session(rw=True) as session:
            made = session.generate_key(
                self._pkcs11.KeyType.AES, 256, id=root_id, label=_label(owner), store=True, template=template
            )
            self._check(made, root_id)
            sealed = made.encrypt(key, mechanism=self._pkcs11.Mechanism.AES_CBC, mechanism_param=iv)
        return Root(root_id, iv + sealed, key)

    def key(self, root_id: bytes, sealed: bytes) -> bytes:
        """Have the token open the sealed key."""
        iv, inner = sealed[:_IV_BYTES], sealed[_IV_BYTES:]
        if len(inner) != KEY_BYTES:
            raise IntegrityLost(f"the sealed root has {len(sealed)} bytes", code="keys.sealed-root")
        with self._session(rw=False) as session:
            found = [*self._objects(session, {self._pkcs11.Attribute.ID: root_id})]
            if not found:
                raise NotFound(f"the token has no key {root_id.hex()}", code="keys.root-gone")
            self._check(found[0], root_id)
            opened: bytes = found[0].decrypt(inner, mechanism=self._pkcs11.Mechanism.AES_CBC, mechanism_param=iv)
        return opened

    def name(self, root_id: bytes) -> str:
        """Return the object's CKA_ID."""
        return root_id.hex()

    def names(self, owner: bytes) -> frozenset[str]:
        """Return the CKA_IDs of the owner's key objects."""
        flags = self._pkcs11.Attribute
        with self._session(rw=False) as session:
            return frozenset(one[flags.ID].hex() for one in self._objects(session, {flags.LABEL: _label(owner)}))

    def destroy(self, owner: bytes, names: frozenset[str]) -> None:
        """Destroy the key objects, and look that they are gone."""
        if not names:
            return
        flags = self._pkcs11.Attribute
        for name in sorted(names):
            wanted = {flags.ID: bytes.fromhex(name), flags.LABEL: _label(owner)}
            with self._session(rw=True) as session:
                for one in [*self._objects(session, wanted)]:
                    one.destroy()
        if left := self.names(owner) & names:
            raise Unavailable(f"the token keeps {', '.join(sorted(left))} though told to destroy it", code="keys.token")

    def _objects(self, session: Any, wanted: dict[Any, Any]) -> Iterator[Any]:
        yield from session.get_objects(wanted | {self._pkcs11.Attribute.CLASS: self._pkcs11.ObjectClass.SECRET_KEY})

    def _check(self, key: Any, root_id: bytes) -> None:
        """See that the token itself made the key and that nobody can have taken it out."""
        flags = self._pkcs11.Attribute
        if not (key[flags.LOCAL] and key[flags.NEVER_EXTRACTABLE] and key[flags.ALWAYS_SENSITIVE]):
            raise IntegrityLost(
                f"the token's key {root_id.hex()} was not made in the token, or can be taken out of it",
                code="keys.extractable",
            )

    def _found(self) -> Any:
        with self._errors():
            tokens = [*self._library().get_tokens(token_label=self._access.token)]
        if len(tokens) != 1:
            raise Unavailable(
                f"{self._access.module} has {len(tokens)} tokens labelled '{self._access.token}', there must be one: "
                "is it plugged in, is pkcs11_token right?",
                code="keys.token",
            )
        return tokens[0]

    def _library(self) -> Any:
        try:
            return self._pkcs11.lib(str(self._access.module))
        except (OSError, RuntimeError) as error:
            raise InvalidInput(
                f"pkcs11_module {self._access.module} can't be loaded: {error}", code="keys.module"
            ) from error

    @contextmanager
    def _session(self, *, rw: bool) -> Iterator[Any]:
        with self._turn, self._alone(), self._errors(), self._found().open(rw=rw, user_pin=self._pin) as session:
            yield session

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep the other processes of this keyring out: cheap tokens, and SoftHSM, fail when several change and read objects at once."""
        with storage_errors(self._access.pin_file):
            handle = os.open(self._access.pin_file, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        known = self._pkcs11.exceptions
        try:
            yield
        except VmsError:
            raise
        except (known.PinIncorrect, known.PinInvalid, known.PinLocked, known.PinExpired) as error:
            raise InvalidInput(
                f"the token '{self._access.token}' refuses the PIN in {self._access.pin_file} ({type(error).__name__}); "
                "set it right before trying again: tokens lock themselves after a few wrong ones",
                code="keys.pin",
            ) from error
        except known.DeviceMemory as error:
            raise StorageFull(f"the token '{self._access.token}' is full", code="keys.token-full") from error
        except known.PKCS11Error as error:
            raise Unavailable(
                f"the token '{self._access.token}' fails: {type(error).__name__} {error}", code="keys.token"
            ) from error


def _label(owner: bytes) -> str:
    return f"vms-root-{owner.hex()}"


def _describe(token: Any) -> str:
    serial = token.serial.decode("ascii", "replace") if isinstance(token.serial, bytes) else str(token.serial)
    return " ".join(f"{token.manufacturer_id} {token.model} {serial}".split())
