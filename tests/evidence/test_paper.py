"""A checkpoint on paper: what is scanned or typed from it is what was signed, and the auditor's tool takes it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import pypdfium2
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.auditor.bundles import make_bundle, signer_of, vms_audit
from tests.retention.conftest import quick_database, quick_folder, quick_url, town
from tests.retention.town import Town
from vms.cli.witnessing import CoSigner
from vms.errors import InvalidInput
from vms.evidence.paper import checkpoint_page
from vms.evidence.sheet import Font, Sheet
from vms.ledger import notes
from vms.ledger.acts import Act
from vms.ledger.entries import Actor, Entry, Origin
from vms.ledger.notes import Checkpoint
from vms.ledger.signer import FileSigner

__all__ = ["quick_database", "quick_folder", "quick_url", "town"]

AT = datetime(2026, 11, 28, 8, 30, tzinfo=UTC)
LOG = FileSigner("vms.test/log", Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
WITNESSES = [
    CoSigner(
        FileSigner(f"{name}.test/witness", Ed25519PrivateKey.from_private_bytes(bytes(range(number, 32 + number))))
    )
    for number, name in enumerate(("privacy-officer", "police", "auditor"), 1)
]


def looked_at(page: bytes) -> tuple[str, str]:
    """Return what a scanner reads of the QR code in the picture of a page, and the page's text."""
    with pypdfium2.PdfDocument(page) as document:
        assert len(document) == 1
        sheet = document[0]
        picture = sheet.render(scale=200 / 72).to_numpy()
        text = sheet.get_textpage().get_text_bounded()
        sheet.close()
    # The other detector of OpenCV misses a fifth of such codes, by how their squares happen to lie.
    scanned, *_ = cv2.QRCodeDetectorAruco().detectAndDecode(picture)
    return scanned, text


def test_the_page_of_a_real_ledger_is_scanned_and_typed_and_checked(town: Town, tmp_path: Path) -> None:
    """The way of the paper: printed, kept while the log grows, scanned or typed, held against a new bundle."""
    with town.db.write() as conn:
        town.parts.ledger.append(conn, Entry(Act.SYSTEM_START, Actor.service("t"), Origin("t"), {"process": "t"}))
        note = town.parts.ledger.checkpoint(conn, signer_of(town))
    note += notes.parse(note).cosigned(WITNESSES[0], 1_790_000_000)
    scanned, text = looked_at(checkpoint_page(note, signer_of(town).verifier, AT))
    assert scanned == note
    assert signer_of(town).verifier.text in text.splitlines()
    typed = "\n".join(line.replace("— ", "- ") for line in text.splitlines())
    town.clock.advance(timedelta(days=700))
    bundle = make_bundle(town, tmp_path / "new.zip")
    key = ("--vkey", signer_of(town).verifier.text)
    for kept in (scanned, text, typed):
        (tmp_path / "paper.txt").write_text(kept, encoding="utf-8")
        outcome = vms_audit("check-old-checkpoint", bundle, tmp_path / "paper.txt", *key)
        assert (outcome.status, outcome.report["findings"], outcome.report["notes"]) == (0, [], [])
        assert outcome.report["facts"]["paper_size"] == 1
    (blob,) = [line for line in text.splitlines() if note.split("\n")[4].endswith(line) and line]
    (tmp_path / "paper.txt").write_text(text.replace(blob, blob.swapcase()), encoding="utf-8")
    assert vms_audit("check-old-checkpoint", bundle, tmp_path / "paper.txt", *key).codes == {"checkpoint-signature"}


def test_a_page_with_three_witnesses_is_still_read(town: Town) -> None:
    """The code grows with the note; a scanner must still take it in at 200 dots per inch."""
    checkpoint = Checkpoint("vms.test/log", 10**12, bytes(range(32)))
    note = checkpoint.signed(LOG) + "".join(checkpoint.cosigned(one, 1_790_000_000) for one in WITNESSES)
    scanned, text = looked_at(checkpoint_page(note, LOG.verifier, AT))
    assert scanned == note
    for words in ("Controlepunt van het logboek", "Checkpoint of the log", "2026-11-28 08:30:00 UTC", "Handtekening"):
        assert words in text


def test_a_note_too_long_for_a_code_is_refused_in_words() -> None:
    """Nobody chooses how many witnesses sign: the answer says what to do instead."""
    checkpoint = Checkpoint("vms.test/log", 1, bytes(32))
    note = checkpoint.signed(LOG) + checkpoint.cosigned(WITNESSES[0], 1_790_000_000) * 25
    with pytest.raises(InvalidInput, match="vms checkpoint"):
        checkpoint_page(note, LOG.verifier, AT)


def test_what_the_fonts_lack_is_refused_and_what_pdf_means_is_escaped() -> None:
    """A ledger's name may be in any script; a page with other letters than were signed would be worse than none."""
    name = FileSigner("журнал.test/log", Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
    with pytest.raises(InvalidInput, match="vms checkpoint"):
        checkpoint_page(Checkpoint(name.verifier.name, 1, bytes(32)).signed(name), name.verifier, AT)
    sheet = Sheet("a (b", "nl")
    sheet.text(50, 700, r"open ( close ) back \ é — '", size_pt=12, font=Font.MONO)
    assert looked_at(sheet.pdf())[1] == r"open ( close ) back \ é — '"
