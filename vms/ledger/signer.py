"""The ledger's own signing key: an Ed25519 key in a file of its own, outside database and backups."""

import os
import secrets
import stat
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from vms.errors import IntegrityLost, InvalidInput
from vms.ledger.notes import Verifier
from vms.sharing import file_mode, folder_mode, others

FILE_NAME = "ledger-signing-key.pem"


class FileSigner:
    """Signs with a key held in memory; made by `load_or_make`."""

    def __init__(self, name: str, key: Ed25519PrivateKey) -> None:
        self._key = key
        self._verifier = Verifier(name, key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))

    @property
    def verifier(self) -> Verifier:
        """The public half."""
        return self._verifier

    def sign(self, message: bytes) -> bytes:
        """Return the 64 bytes of the Ed25519 signature."""
        return self._key.sign(message)


def load_or_make(keys_dir: Path, name: str) -> FileSigner:
    """Return the signer whose key lies in the folder; make the key when there is none. Several processes may start at once.

    Args:
        keys_dir: made, for its owner only, where it does not exist.
        name: of the ledger, e.g. `vms.utrecht.nl/audit-2026`.

    Raises:
        InvalidInput: others than the owner may read the file.
        IntegrityLost: the file is there but holds no Ed25519 key.
    """
    keys_dir.mkdir(mode=folder_mode(), parents=True, exist_ok=True)
    path = keys_dir / FILE_NAME
    if not path.exists():
        _make(path)
    mode = stat.S_IMODE(path.stat().st_mode)
    if exposed := mode & others(path):
        raise InvalidInput(
            f"{path} may be read by others (mode {mode:o}): run chmod {mode & ~exposed:o} {path}",
            code="ledger.key-mode",
        )
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise IntegrityLost(
            f"{path} holds no key: put back the key or start a new ledger", code="ledger.key"
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise IntegrityLost(f"{path} holds another kind of key than Ed25519", code="ledger.key")
    return FileSigner(name, key)


def _make(path: Path) -> None:
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, file_mode())
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)
        file.flush()
        os.fsync(file.fileno())
    try:
        # A link, not a rename: it fails when another process was first, and then its key is the one.
        path.hardlink_to(draft)
    except FileExistsError:
        return
    finally:
        draft.unlink()
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
