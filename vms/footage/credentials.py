"""Passwords of cameras, sealed: a copy of the database opens no camera."""

import os
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from vms.errors import IntegrityLost
from vms.sharing import file_mode, folder_mode

KEY_FILE = "credentials.key"
_NONCE_BYTES = 12
_KEY_BYTES = 32
_CONTEXT = b"vms-camera-password-v1"


class CredentialBox:
    """Seal and unseal camera passwords with a key beside the keyring (AES-256-GCM, a random nonce each).

    Args:
        keys_dir: folder of keys; the key is made there at first use, readable by its owner only.
    """

    def __init__(self, keys_dir: Path) -> None:
        self._path = keys_dir / KEY_FILE

    def seal(self, password: str) -> bytes:
        """Return nonce and ciphertext."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + AESGCM(self._key()).encrypt(nonce, password.encode(), _CONTEXT)

    def unseal(self, sealed: bytes) -> str:
        """Return the password.

        Raises:
            IntegrityLost: it was sealed with another key, or has been changed; enter the camera's password again.
        """
        try:
            plain = AESGCM(self._key()).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _CONTEXT)
        except (InvalidTag, ValueError) as error:
            raise IntegrityLost(
                f"a camera's password can't be opened with {self._path}: enter it again with `vms camera password`",
                code="camera.password-sealed",
            ) from error
        return plain.decode()

    def _key(self) -> bytes:
        try:
            key = self._path.read_bytes()
        except FileNotFoundError:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=folder_mode())
            # Made complete under another name, then linked: two processes at once agree on one key.
            draft = self._path.with_name(f"{KEY_FILE}.{os.getpid()}")
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, file_mode())
            with os.fdopen(descriptor, "wb") as file:
                file.write(os.urandom(_KEY_BYTES))
                file.flush()
                os.fsync(file.fileno())
            try:
                os.link(draft, self._path)
            except FileExistsError:
                pass  # the other process was first; its key is the key
            finally:
                draft.unlink()
            key = self._path.read_bytes()
        if len(key) != _KEY_BYTES:
            raise IntegrityLost(f"{self._path} is not a key of {_KEY_BYTES} bytes", code="keys.damaged")
        return key
