"""One A4 page as PDF: lines of text, rules and squares, in the fonts that every reader has.

Lengths are points (1/72 inch), places from the lower left.

Source: ISO 32000-1, 7.5 (file structure), 9.6.2.2 (standard fonts), Annex D (WinAnsiEncoding, which is Python's cp1252).
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from vms.errors import InvalidInput

WIDTH_PT: Final = 595.28
HEIGHT_PT: Final = 841.89


class Font(StrEnum):
    """The standard fonts that are used here."""

    PLAIN = "Helvetica"
    BOLD = "Helvetica-Bold"
    MONO = "Courier"


class Sheet:
    """A page that is being written.

    Args:
        title: for the reader's window.
        language: of its text, e.g. `nl`.
    """

    def __init__(self, title: str, language: str) -> None:
        self._title, self._language = title, language
        self._drawn: list[bytes] = []

    def text(self, left_pt: float, base_pt: float, line: str, *, size_pt: float, font: Font = Font.PLAIN) -> None:
        """Write a line.

        Raises:
            InvalidInput: a letter is not in the fonts' encoding (Western European).
        """
        place = f"BT /{font.name} {size_pt:.2f} Tf {left_pt:.2f} {base_pt:.2f} Td ".encode()
        self._drawn.append(place + _literal(line) + b" Tj ET")

    def rule(self, left_pt: float, base_pt: float, width_pt: float) -> None:
        """Draw a thin horizontal line."""
        self._drawn.append(f"0.5 w {left_pt:.2f} {base_pt:.2f} m {left_pt + width_pt:.2f} {base_pt:.2f} l S".encode())

    def squares(self, left_pt: float, top_pt: float, side_pt: float, rows: Iterable[Iterable[int]]) -> None:
        """Draw black squares where the rows are not 0, from the upper left."""
        for down, row in enumerate(rows, 1):
            for across, is_black in enumerate(row):
                if is_black:
                    left, low = left_pt + across * side_pt, top_pt - down * side_pt
                    self._drawn.append(f"{left:.3f} {low:.3f} {side_pt:.3f} {side_pt:.3f} re".encode())
        self._drawn.append(b"f")

    def pdf(self) -> bytes:
        """Return the file."""
        content = b"\n".join(self._drawn)
        fonts = list(Font)
        named = " ".join(f"/{font.name} {number} 0 R" for number, font in enumerate(fonts, 6))
        box = f"[0 0 {WIDTH_PT} {HEIGHT_PT}]"
        objects = [
            f"<< /Type /Catalog /Pages 2 0 R /Lang ({self._language}) >>".encode(),
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            f"<< /Type /Page /Parent 2 0 R /MediaBox {box} /Contents 4 0 R /Resources << /Font << {named} >> >> >>".encode(),
            b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
            b"<< /Title %s >>" % _literal(self._title),
            *(
                f"<< /Type /Font /Subtype /Type1 /BaseFont /{font.value} /Encoding /WinAnsiEncoding >>".encode()
                for font in fonts
            ),
        ]
        out = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
        places = []
        for number, body in enumerate(objects, 1):
            places.append(len(out))
            out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
        table = len(out)
        out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
        out += b"".join(b"%010d 00000 n \n" % place for place in places)
        out += b"trailer\n<< /Size %d /Root 1 0 R /Info 5 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, table)
        return bytes(out)


def _literal(text: str) -> bytes:
    try:
        raw = text.encode("cp1252")
    except UnicodeEncodeError as error:
        raise InvalidInput(
            f"{text[error.start : error.end]!r} can't be printed on this page: use `vms checkpoint` and print that",
            code="sheet.letters",
        ) from error
    return b"(" + raw.replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)") + b")"
