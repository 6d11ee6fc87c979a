"""Checkpoints at the command line, carried to a witness and back, and what starts on a database that was set back."""

import shutil
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from config import load
from tests.cli.test_commands import CommandLine
from tests.serving import serving
from vms.cli.parts import build
from vms.cli.witnessing import CoSigner, application
from vms.clock import SystemClock
from vms.ledger import cosignatures, notes, outside
from vms.ledger.notes import Verifier
from vms.ledger.signer import FileSigner
from vms.ledger.witness import Witness

SIGNER = CoSigner(FileSigner("fg.test/witness", Ed25519PrivateKey.from_private_bytes(bytes(range(2, 34)))))


@pytest.fixture
def vms(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """Return the command line with a migrated database, and a ledger that is not empty."""
    command_line = CommandLine(tmp_path, capsys, monkeypatch)
    assert command_line("migrate").status == 0
    grow(command_line)
    return command_line


def grow(vms: CommandLine) -> None:
    """Add an entry."""
    assert vms("retention", "--confirm-clock").status == 0


def book(vms: CommandLine) -> Witness:
    """A witness that knows the ledger."""
    log = Verifier.parse(vms("checkpoint", "--key").stdout)
    return Witness(vms.folder / "witness", SIGNER, [log], SystemClock())


def test_a_checkpoint_is_printed_as_it_is_signed(vms: CommandLine) -> None:
    """To mail and to print: it is the one that is kept, and its key is what `--key` says."""
    printed = vms("checkpoint").stdout
    assert printed == outside.kept(load(None).keys)
    assert notes.verify(printed, Verifier.parse(vms("checkpoint", "--key").stdout)).size == 1


def test_a_checkpoint_goes_to_the_witness_and_back_as_files(
    vms: CommandLine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """For a witness without a network; the wrong line is refused."""
    assert "witness_key" in vms("checkpoint", "--request", str(tmp_path / "r")).stderr
    monkeypatch.setenv("VMS_WITNESS_KEY", SIGNER.verifier.text)
    witness = book(vms)
    for _ in range(2):
        grow(vms)
        assert vms("checkpoint", "--request", str(tmp_path / "r")).status == 0
        (tmp_path / "line").write_text(witness.answer((tmp_path / "r").read_bytes()).text, encoding="utf-8")
        assert "signed" in vms("checkpoint", "--cosigned", str(tmp_path / "line")).stdout
    grow(vms)
    assert vms("checkpoint").status == 0
    stale = vms("checkpoint", "--cosigned", str(tmp_path / "line"))
    assert (stale.status, "wrong" in stale.stderr) == (2, True)


def test_nothing_starts_on_an_older_copy_of_the_database(vms: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though the checkpoint beside the keys was put back too: only the witness still knows."""
    settings = load(None)
    with serving(application(book(vms))) as url:
        monkeypatch.setenv("VMS_WITNESS_URL", url)
        monkeypatch.setenv("VMS_WITNESS_KEY", SIGNER.verifier.text)
        assert vms("checkpoint").status == 0
        old = shutil.copytree(settings.data_dir, vms.folder / "old")
        grow(vms)
        assert vms("checkpoint").status == 0
        parts = build(load(None))
        assert parts.witness is not None
        cosignatures.cosign(parts.db, parts.ledger, parts.witness, parts.clock)
        parts.db.dispose()
        shutil.rmtree(settings.data_dir)
        old.rename(settings.data_dir)
        refused = vms("api", "--port", "0")
    assert refused.status == 2
    assert "older copy of the database was restored" in refused.stderr


def test_a_witness_needs_its_key(vms: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """One whose answers nobody can check is none."""
    monkeypatch.setenv("VMS_WITNESS_URL", "http://witness.invalid")
    refused = vms("checkpoint")
    assert (refused.status, "witness_key" in refused.stderr) == (2, True)
    assert vms("witness", "--folder", str(vms.folder / "w"), "--name", "n", "--log", "nonsense").status == 2
