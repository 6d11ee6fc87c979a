"""One A4 page as PDF: lines of text, rules and squares, in the fonts that every reader has.

Lengths are points (1/72 inch), places from the upper left.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from fpdf import FPDF
from fpdf.errors import FPDFUnicodeEncodingException

from vms.errors import InvalidInput

WIDTH_PT: Final = 595.28
HEIGHT_PT: Final = 841.89


class Font(StrEnum):
    """The standard fonts that are used here: named, not embedded."""

    PLAIN = "helvetica"
    BOLD = "helveticaB"
    MONO = "courier"


class Sheet:
    """A page that is being written.

    Args:
        title: for the reader's window.
        language: of its text, e.g. `nl`.
    """

    def __init__(self, title: str, language: str) -> None:
        self._page = FPDF(unit="pt", format="A4")
        # The standard fonts' own encoding; it has the dash in front of signatures.
        self._page.core_fonts_encoding = "cp1252"
        self._page.set_title(title)
        self._page.set_lang(language)
        self._page.add_page()

    def text(self, left_pt: float, base_pt: float, line: str, *, size_pt: float, font: Font = Font.PLAIN) -> None:
        """Write a line.

        Raises:
            InvalidInput: a letter is not in the fonts' encoding (Western European).
        """
        self._page.set_font(font.removesuffix("B"), style="B" if font is Font.BOLD else "", size=size_pt)
        try:
            self._page.text(left_pt, base_pt, line)
        except FPDFUnicodeEncodingException as error:
            raise InvalidInput(
                f"{error.character!r} can't be printed on this page: use `vms checkpoint` and print that",
                code="sheet.letters",
            ) from error

    def rule(self, left_pt: float, base_pt: float, width_pt: float) -> None:
        """Draw a thin horizontal line."""
        self._page.set_line_width(0.5)
        self._page.line(left_pt, base_pt, left_pt + width_pt, base_pt)

    def squares(self, left_pt: float, top_pt: float, side_pt: float, rows: Iterable[Iterable[int]]) -> None:
        """Draw black squares where the rows are not 0, from the upper left."""
        for down, row in enumerate(rows):
            for across, is_black in enumerate(row):
                if is_black:
                    self._page.rect(left_pt + across * side_pt, top_pt + down * side_pt, side_pt, side_pt, style="F")

    def pdf(self) -> bytes:
        """Return the file."""
        return bytes(self._page.output())
