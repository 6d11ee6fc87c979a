"""Reading XML whose name spaces nobody can rely on: prefixes are taken off, declared or not.

Half the cameras of the field answer with undeclared prefixes or missing elements.
"""

import re
import xml.etree.ElementTree as ET

from ingest.xml_text import xml_text
from vms.errors import Unavailable

LONGEST_BYTES = 256 * 1024
_DEEPEST = 256
_MOST_MARKUP = 60_000
"""Tags, and attributes: the profiles of a large camera have some ten thousand. A megabyte of text can be a quarter of a million."""
_DECLARATION = re.compile(r"""\sxmlns(:[\w.-]+)?\s*=\s*("[^"]*"|'[^']*')""")
_TAG_PREFIX = re.compile(r"(</?)[\w.-]+:")
_ATTRIBUTE_PREFIX = re.compile(r"\s[\w.-]+:([\w.-]+\s*=)")


def parse_tolerantly(body: bytes) -> ET.Element | None:
    """Return the root of an XML document with all name space prefixes taken off; None when it is no XML that we read."""
    if len(body) > LONGEST_BYTES:
        return None
    try:
        return bare_root(xml_text(body))
    except Unavailable:
        return None


def bare_root(text: str) -> ET.Element | None:
    """Return the root of what `xml_text` returned, likewise; None when it is no XML, has too many elements, or is nested too deeply."""
    if text.count("<") > _MOST_MARKUP or text.count("=") > _MOST_MARKUP:
        return None
    bare = _ATTRIBUTE_PREFIX.sub(r" \1", _TAG_PREFIX.sub(r"\1", _DECLARATION.sub("", text)))
    try:
        # What could expand was refused with the text.
        parser = ET.XMLParser(target=_ShallowBuilder())  # noqa: S314 - see above
        parser.feed(bare)
        root: ET.Element = parser.close()
    except (ET.ParseError, ValueError, LookupError):
        return None
    return root


def text_of(element: ET.Element | None) -> str:
    """Return an element's text without space around it; empty where there is none."""
    return "" if element is None else (element.text or "").strip()


class _ShallowBuilder(ET.TreeBuilder):
    """Builds a tree of bounded depth: whatever walks it later may recurse."""

    def __init__(self) -> None:
        super().__init__()
        self._depth = 0

    def start(self, tag: str, attrs: dict[str, str], /) -> ET.Element:
        """Open an element."""
        self._depth += 1
        if self._depth > _DEEPEST:
            raise ValueError("nested too deeply")
        return super().start(tag, attrs)

    def end(self, tag: str, /) -> ET.Element:
        """Close one."""
        self._depth -= 1
        return super().end(tag)
