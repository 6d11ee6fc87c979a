"""The store of root keys that the settings name."""

from config import Settings
from vms.errors import InvalidInput
from vms.footage.roots.files import CredentialRoots, FileRoots, read_credential
from vms.footage.roots.store import RootStore
from vms.footage.roots.token import TokenAccess, TokenRoots
from vms.footage.roots.tpm import TpmRoots

KINDS = (FileRoots.kind, CredentialRoots.kind, TokenRoots.kind, TpmRoots.kind)


def root_store(settings: Settings, kind: str = "") -> RootStore:
    """Return the store.

    Args:
        settings: where each store is.
        kind: another than the one in use.

    Raises:
        InvalidInput: there is no such kind, or a setting or a program that it needs is missing; says which.
    """
    kind = kind or settings.root_store
    if kind == CredentialRoots.kind:
        return CredentialRoots(settings.keyring, read_credential(settings.root_credential))
    if kind == TokenRoots.kind:
        if settings.pkcs11_module is None or settings.pkcs11_pin_file is None or not settings.pkcs11_token:
            raise InvalidInput(
                "root_store pkcs11 needs pkcs11_module, pkcs11_token and pkcs11_pin_file", code="settings.pkcs11"
            )
        return TokenRoots(
            TokenAccess(settings.pkcs11_module, settings.pkcs11_token, settings.pkcs11_pin_file, settings.root_hardware)
        )
    if kind == TpmRoots.kind:
        return TpmRoots(settings.tpm_tcti, settings.root_hardware)
    if kind == FileRoots.kind:
        return FileRoots(settings.keyring)
    raise InvalidInput(f"there is no root store '{kind}': one of {', '.join(KINDS)}", code="settings.root-store")
