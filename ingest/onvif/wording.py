"""What a camera says, made fit for a message: one line, no control characters, short."""

import re

from vms.errors import Unavailable

_MOST_CHARS = 120
_MOST_MARKUP_CHARS = 4000
"""Of a page: markup that never closes costs the square of it, at each answer."""
_MARKUP = re.compile(r"(?is)<(script|style)\b.*?</\1\s*>|<[^<>]*>")


def printable(text: str, most_chars: int = _MOST_CHARS) -> str:
    """Return text on one line, without what can't be printed, cut where it is long."""
    # Cut twice: cleaning a megabyte costs time.
    clean = " ".join("".join(one if one.isprintable() else " " for one in text[: 20 * most_chars]).split())
    return clean if len(clean) <= most_chars else clean[: most_chars - 1] + "…"


def first_words(text: str) -> str:
    """Return the beginning of a page's text, without its markup."""
    return printable(_MARKUP.sub(" ", text[:_MOST_MARKUP_CHARS]))


def required(value: object, missing: str) -> str:
    """Return the text of what an answer must hold.

    Raises:
        Unavailable: it is missing: as text that would be the word "None".
    """
    if value is None or value == "":
        raise Unavailable(f"the camera answers ONVIF with nonsense ({missing})", code="camera.onvif-nonsense")
    return str(value)
