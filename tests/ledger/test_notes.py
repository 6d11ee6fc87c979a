"""Checkpoints are C2SP signed notes: anyone's verifier accepts them, and no changed one."""

import base64
import hashlib
import multiprocessing
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from vms.errors import IntegrityLost, InvalidInput
from vms.ledger import notes, outside, signer
from vms.ledger.notes import Checkpoint, Verifier
from vms.ledger.signer import FileSigner

NAME = "vms.utrecht.nl/audit-2026"
SIGNER = FileSigner(NAME, Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
CHECKPOINT = Checkpoint(NAME, 1000, hashlib.sha256(b"root").digest())


def test_the_golden_checkpoint_has_its_golden_text() -> None:
    """Ed25519 is deterministic: key, size and root give exactly this note, in any implementation."""
    assert CHECKPOINT.signed(SIGNER) == (
        "vms.utrecht.nl/audit-2026\n"
        "1000\n"
        "SBNJTRN+FjG7owHVrKtue7eqdM4RhdRWVl71HXN2d7I=\n"
        "\n"
        "— vms.utrecht.nl/audit-2026 4K8GhodzY366HQjv/Lp9vazmU2L4OvaRqpx+Cr8Yq2IG5E/MPSmCOPgIKHAKXm8u0X4l7NZM8ixI9edOxp4kYx474g8=\n"
    )
    assert SIGNER.verifier.text == "vms.utrecht.nl/audit-2026+e0af0686+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"


def test_the_signature_is_checked_with_nothing_but_the_published_rules() -> None:
    """Written out once more from the specification, so that signer and verifier can't share a mistake."""
    note = CHECKPOINT.signed(SIGNER)
    body, _, signature_line = note.rpartition("\n\n")
    dash, name, blob = signature_line.rstrip("\n").split(" ")
    decoded = base64.b64decode(blob)
    public = SIGNER.verifier.public_key
    assert (dash, name) == ("\N{EM DASH}", NAME)
    assert decoded[:4] == hashlib.sha256(NAME.encode() + b"\n\x01" + public).digest()[:4]
    Ed25519PublicKey.from_public_bytes(public).verify(decoded[4:], (body + "\n").encode())


def test_a_note_reads_back_as_what_was_signed() -> None:
    """The start-up check and the witness begin with this."""
    assert notes.verify(CHECKPOINT.signed(SIGNER), SIGNER.verifier) == CHECKPOINT


def test_signatures_of_others_are_passed_over() -> None:
    """A witness adds its line; extension lines may come: neither may disturb our verifier."""
    other = FileSigner("fg.utrecht.nl/witness", Ed25519PrivateKey.from_private_bytes(bytes(32)))
    note = CHECKPOINT.signed(SIGNER)
    both = note + CHECKPOINT.signed(other).rpartition("\n\n")[2]
    assert notes.verify(both, SIGNER.verifier) == CHECKPOINT
    assert notes.verify(both, other.verifier) == CHECKPOINT


@given(st.integers(0, 200), st.integers(1, 255))
def test_a_note_with_any_byte_changed_is_not_accepted(place: int, change: int) -> None:
    """Size, root, name or signature: nothing in it may be free to change."""
    raw = bytearray(CHECKPOINT.signed(SIGNER).encode())
    raw[place % len(raw)] ^= change
    try:
        changed = raw.decode()
    except UnicodeDecodeError:
        return
    try:
        accepted = notes.verify(changed, SIGNER.verifier)
    except (InvalidInput, IntegrityLost):
        return
    assert accepted == CHECKPOINT, "what was accepted must be what was signed"


@pytest.mark.parametrize(
    "note", ["", "a\nb\nc\n\n", f"{NAME}\n-1\n{'A' * 44}\n\n", f"{NAME}\n007\n{'A' * 43}=\n\n", "x" * 10]
)
def test_what_is_no_checkpoint_is_invalid_input(note: str) -> None:
    """An auditor who pastes the wrong file gets a sentence, not a stack trace."""
    with pytest.raises(InvalidInput):
        notes.parse(note)


def test_a_signature_by_another_key_under_our_name_is_an_incident() -> None:
    """The forger knows our name but not our key."""
    forger = FileSigner(NAME, Ed25519PrivateKey.from_private_bytes(bytes([7] * 32)))
    with pytest.raises(IntegrityLost):
        notes.verify(CHECKPOINT.signed(forger), SIGNER.verifier)


def test_a_verifier_key_survives_being_written_down() -> None:
    """It is printed on the acceptance certificate and typed in again."""
    assert Verifier.parse(f"  {SIGNER.verifier.text}\n") == SIGNER.verifier
    for wrong in ("", "name", SIGNER.verifier.text[:-4] + "AAA=", SIGNER.verifier.text.replace("audit", "other")):
        with pytest.raises(InvalidInput):
            Verifier.parse(wrong)


def test_the_key_is_made_once_and_read_by_its_owner_only(tmp_path: Path) -> None:
    """A key that others can read signs for others."""
    first = signer.load_or_make(tmp_path / "keys", NAME)
    assert signer.load_or_make(tmp_path / "keys", NAME).verifier == first.verifier
    path = tmp_path / "keys" / signer.FILE_NAME
    assert path.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in path.parent.iterdir()] == [signer.FILE_NAME]
    path.chmod(0o640)
    with pytest.raises(InvalidInput, match="chmod 600"):
        signer.load_or_make(tmp_path / "keys", NAME)


def test_a_spoilt_key_file_is_an_incident_and_not_replaced(tmp_path: Path) -> None:
    """A new key in silence would cut the ledger off from its past."""
    path = tmp_path / signer.FILE_NAME
    path.write_text("-----BEGIN NOTHING-----")
    path.chmod(0o600)
    with pytest.raises(IntegrityLost):
        signer.load_or_make(tmp_path, NAME)
    assert path.read_text() == "-----BEGIN NOTHING-----"


def public_key_made_in(folder: Path) -> bytes:
    """Run in several processes at once."""
    return signer.load_or_make(folder, NAME).verifier.public_key


@pytest.mark.processes
def test_processes_that_start_together_agree_on_one_key(tmp_path: Path) -> None:
    """API, ingest and retention start at the same instant on a new machine."""
    with multiprocessing.get_context("fork").Pool(4) as pool:
        keys = pool.map(public_key_made_in, [tmp_path] * 8)
    assert len(set(keys)) == 1


def test_the_checkpoint_kept_outside_only_grows(tmp_path: Path) -> None:
    """An older note must not replace a newer one: it is the high-water mark."""
    assert outside.kept(tmp_path) is None
    newer = CHECKPOINT.signed(SIGNER)
    outside.keep(tmp_path, newer)
    outside.keep(tmp_path, Checkpoint(NAME, 999, bytes(32)).signed(SIGNER))
    assert outside.kept(tmp_path) == newer
