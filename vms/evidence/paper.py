"""A checkpoint on paper: what an auditor signs, takes away, and types or scans years later to check today's log (docs/ledger.md)."""

import textwrap
from datetime import datetime
from typing import Final

import segno

from vms.errors import InvalidInput
from vms.evidence.sheet import HEIGHT_PT, WIDTH_PT, Font, Sheet
from vms.ledger import notes
from vms.ledger.notes import Verifier

_MARGIN: Final = 50.0
_QR_SIDE: Final = 190.0
_QUIET_MODULES: Final = 4
_MONO_COLUMNS: Final = 80
_BLOB_COLUMNS: Final = 64
"""Of a signature in a line: short enough to type, and `vms-audit` puts the lines together again."""
_WHAT_NL: Final = (
    "Dit blad legt de stand van het logboek vast: zoveel regels, met deze gezamenlijke vingerafdruk, ondertekend door het "
    "systeem. Wie later een regel wijzigt of weglaat, kan dit blad niet meer laten kloppen. Bewaar het buiten de organisatie "
    "die het systeem beheert. Er staan geen namen of beelden in."
)
_WHAT_EN: Final = (
    "This sheet states the log as it stands: so many entries, with this fingerprint over all of them, signed by the system. "
    "Whoever changes or leaves out an entry later can't make this sheet fit again. Keep it outside the organisation that "
    "runs the system. It holds no names and no pictures."
)
_CHECK: Final = (
    ("Controleren", "Scan de QR-code of typ de regels over in", "een tekstbestand (papier.txt) en geef dat met"),
    ("", "een nieuwe auditbundel aan vms-audit:", ""),
    ("To check", "Scan the QR code, or type the lines into a", "text file (papier.txt), and give it with a"),
    ("", "new audit bundle to vms-audit:", ""),
)
_COMMAND: Final = ("vms-audit check-old-checkpoint", "  bundel.zip papier.txt --vkey SLEUTEL")


def checkpoint_page(note: str, key: Verifier, made_at: datetime) -> bytes:
    """Return a checkpoint as a PDF of one A4 page, in Dutch and English.

    Args:
        note: with all signature lines under it.
        key: the ledger's.
        made_at: when the page is made, UTC.

    Raises:
        InvalidInput: the ledger's name has letters that the page's fonts lack, or the note is too long for a QR code.
    """
    checkpoint = notes.parse(note)
    sheet = Sheet(f"Controlepunt {checkpoint.size} - {checkpoint.origin}", "nl")
    top = _MARGIN + 14
    sheet.text(_MARGIN, top, "Controlepunt van het logboek", size_pt=19, font=Font.BOLD)
    top += 17
    sheet.text(_MARGIN, top, "Checkpoint of the log", size_pt=12)
    top += 20
    made = f"Gemaakt / made: {made_at:%Y-%m-%d %H:%M:%S} UTC      Regels / entries: {checkpoint.size}"
    sheet.text(_MARGIN, top, made, size_pt=10)
    top += 12
    sheet.rule(_MARGIN, top, WIDTH_PT - 2 * _MARGIN)
    for heading, words in (("Wat dit is", _WHAT_NL), ("What this is", _WHAT_EN)):
        top += 18
        sheet.text(_MARGIN, top, heading, size_pt=10, font=Font.BOLD)
        for line in textwrap.wrap(words, 104):
            top += 12.5
            sheet.text(_MARGIN, top, line, size_pt=9.5)
    top += 24
    sheet.text(_MARGIN, top, "Het controlepunt / the checkpoint", size_pt=10, font=Font.BOLD)
    top += 4
    for line in _typed(note):
        top += 13.5
        sheet.text(_MARGIN, top, line, size_pt=10, font=Font.MONO)
    top += 22
    _draw_qr(sheet, note, top)
    _say_how(sheet, top)
    top += _QR_SIDE + 16
    sheet.text(_MARGIN, top, "De sleutel van het logboek / the log's public key (SLEUTEL)", size_pt=10, font=Font.BOLD)
    for line in textwrap.wrap(key.text, _MONO_COLUMNS, break_on_hyphens=False):
        top += 13
        sheet.text(_MARGIN, top, line, size_pt=10, font=Font.MONO)
    _draw_signing(sheet)
    return sheet.pdf()


def _typed(note: str) -> list[str]:
    """Return the note's lines; a signature's name stands in a line of its own, its base64 in lines below."""
    text, _, below = note.partition("\n\n")
    lines = [*text.split("\n"), ""]
    for signature in below.splitlines():
        dash, name, blob = signature.split(" ", 2)
        lines += [f"{dash} {name}", *textwrap.wrap(blob, _BLOB_COLUMNS)]
    return [piece for line in lines for piece in (textwrap.wrap(line, _MONO_COLUMNS) or [""])]


def _draw_qr(sheet: Sheet, note: str, top: float) -> None:
    try:
        code = segno.make_qr(note, error="m", encoding="utf-8")
    except segno.DataOverflowError as error:
        raise InvalidInput(
            f"{len(note)} letters of a checkpoint don't fit in a QR code: use `vms checkpoint` and print that",
            code="sheet.too-long",
        ) from error
    rows = [list(row) for row in code.matrix]
    side = _QR_SIDE / (len(rows) + 2 * _QUIET_MODULES)
    sheet.squares(_MARGIN + _QUIET_MODULES * side, top + _QUIET_MODULES * side, side, rows)


def _say_how(sheet: Sheet, top: float) -> None:
    left, base = _MARGIN + _QR_SIDE + 20, top + 22
    for heading, *words in _CHECK:
        if heading:
            base += 6
            sheet.text(left, base, heading, size_pt=10, font=Font.BOLD)
            base += 13
        for line in filter(None, words):
            sheet.text(left, base, line, size_pt=9.5)
            base += 12.5
    base += 6
    for line in _COMMAND:
        sheet.text(left, base, line, size_pt=9, font=Font.MONO)
        base += 12


def _draw_signing(sheet: Sheet) -> None:
    width = (WIDTH_PT - 2 * _MARGIN - 40) / 3
    for place, words in enumerate(("Naam / name", "Plaats en datum / place and date", "Handtekening / signature")):
        left = _MARGIN + place * (width + 20)
        sheet.rule(left, HEIGHT_PT - _MARGIN - 14, width)
        sheet.text(left, HEIGHT_PT - _MARGIN - 3, words, size_pt=8.5)
