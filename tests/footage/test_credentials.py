"""Camera passwords at rest."""

from pathlib import Path

import pytest

from vms.errors import IntegrityLost
from vms.footage.credentials import CredentialBox


def test_a_sealed_password_comes_back_and_does_not_show(tmp_path: Path) -> None:
    """What lies in the database must not open a camera."""
    sealed = CredentialBox(tmp_path).seal("p@ss wörd")
    assert b"p@ss" not in sealed
    assert CredentialBox(tmp_path).unseal(sealed) == "p@ss wörd"


def test_the_same_password_never_looks_the_same(tmp_path: Path) -> None:
    """Equal passwords of two cameras must not be visible as such."""
    box = CredentialBox(tmp_path)
    assert box.seal("same") != box.seal("same")


@pytest.mark.parametrize("position", [0, 12, -1])
def test_a_changed_byte_is_noticed(tmp_path: Path, position: int) -> None:
    """A password that decrypts to something else would lock the camera out."""
    sealed = bytearray(CredentialBox(tmp_path).seal("secret"))
    sealed[position] ^= 1
    with pytest.raises(IntegrityLost, match="enter it again"):
        CredentialBox(tmp_path).unseal(bytes(sealed))


def test_the_key_is_for_its_owner_only(tmp_path: Path) -> None:
    """Other accounts of the machine have no business with it."""
    CredentialBox(tmp_path).seal("x")
    assert (tmp_path / "credentials.key").stat().st_mode & 0o077 == 0
