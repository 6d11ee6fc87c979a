"""Root keys in files of the keyring's folder, plain or wrapped by a credential of the machine."""

import os
import secrets
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from vms.errors import IntegrityLost, InvalidInput, NotFound
from vms.footage.durable import replace_file, shred_file, storage_errors, sync_folder
from vms.footage.roots.store import KEY_BYTES, OWNER_BYTES, ROOT_ID_BYTES, Level, Root

CREDENTIALS_VARIABLE = "CREDENTIALS_DIRECTORY"
_LEAST_CREDENTIAL_BYTES = 32


class FileRoots:
    """A root is 32 bytes in a file `root-<id>.key`; destroyed by overwriting, syncing and unlinking.

    Args:
        folder: the keyring's own; every `root-*` in it is this keyring's.
    """

    kind = "file"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def level(self) -> Level:
        """Return "file"."""
        return Level.FILE

    def device(self) -> str:
        """Return the folder."""
        return f"files in {self._folder}"

    def make(self, owner: bytes) -> Root:
        """Make a root."""
        root_id, key = owner + secrets.token_bytes(ROOT_ID_BYTES - OWNER_BYTES), secrets.token_bytes(KEY_BYTES)
        replace_file(self._folder / self.name(root_id), self._stored(key))
        return Root(root_id, b"", key)

    def key(self, root_id: bytes, sealed: bytes) -> bytes:
        """Return the root's key."""
        del sealed
        path = self._folder / self.name(root_id)
        with storage_errors(path):
            try:
                stored = path.read_bytes()
            except FileNotFoundError as error:
                raise NotFound(f"there is no {path}", code="keys.root-gone") from error
        return self._plain(stored)

    def name(self, root_id: bytes) -> str:
        """Return the file's name."""
        return f"root-{root_id.hex()}.key"

    def names(self, owner: bytes) -> frozenset[str]:
        """Return all roots of the folder."""
        del owner
        return frozenset(path.name for path in self._folder.glob("root-*"))

    def destroy(self, owner: bytes, names: frozenset[str]) -> None:
        """Overwrite, sync and unlink."""
        del owner
        for name in sorted(names):
            shred_file(self._folder / name)
        if names:
            sync_folder(self._folder)

    def _stored(self, key: bytes) -> bytes:
        return key

    def _plain(self, stored: bytes) -> bytes:
        return stored


class CredentialRoots(FileRoots):
    """Root files wrapped (RFC 3394) by a secret that systemd hands to the service, e.g. bound to the machine's TPM.

    A stolen disk without the machine does not open the keyring. A root still dies as a file does: the secret stays the same, so the level
    stays "file".

    Args:
        folder: the keyring's.
        secret: the credential, at least 32 bytes.
    """

    kind = "credential"

    def __init__(self, folder: Path, secret: bytes) -> None:
        super().__init__(folder)
        if len(secret) < _LEAST_CREDENTIAL_BYTES:
            raise InvalidInput(
                f"the credential has {len(secret)} bytes; make one of at least {_LEAST_CREDENTIAL_BYTES} random bytes "
                "(docs/erasing.md)",
                code="keys.credential",
            )
        self._wrapping = HKDF(SHA256(), KEY_BYTES, salt=None, info=b"vms root keys").derive(secret)

    def device(self) -> str:
        """Return the folder."""
        return f"{super().device()}, wrapped by a credential of this machine"

    def _stored(self, key: bytes) -> bytes:
        return aes_key_wrap(self._wrapping, key)

    def _plain(self, stored: bytes) -> bytes:
        try:
            return aes_key_unwrap(self._wrapping, stored)
        except (InvalidUnwrap, ValueError) as error:
            raise IntegrityLost(
                "the root key is not wrapped by this machine's credential", code="keys.other-credential"
            ) from error


def read_credential(name: str) -> bytes:
    """Return the credential that systemd gave to this service.

    Raises:
        InvalidInput: there is none of this name; says what to put into the unit.
    """
    try:
        return (Path(os.environ[CREDENTIALS_VARIABLE]) / name).read_bytes()
    except (KeyError, OSError) as error:
        raise InvalidInput(
            f"systemd gave no credential {name}: put LoadCredentialEncrypted={name}:... into the unit (docs/erasing.md)",
            code="keys.credential",
        ) from error
