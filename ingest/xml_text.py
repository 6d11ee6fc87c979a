"""XML that a camera sent, as text: in whatever encoding it is declared, without what could expand.

XML parsers know a few encodings only, and look for document types after they have begun to expand them. Here bytes become text first.

Source: RFC 7303 section 3 (which declaration counts: byte order mark, HTTP charset, XML declaration), XML 1.0 appendix F,
WHATWG Encoding (labels that mean a larger set than they say).
"""

import codecs
import contextlib
import re

from vms.errors import Unavailable

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_WIDE = ((b"<\0\0\0", "utf-32-le"), (b"\0\0\0<", "utf-32-be"), (b"<\0", "utf-16-le"), (b"\0<", "utf-16-be"))
_LARGER = {
    "ascii": "utf-8", "gb2312": "gb18030", "gbk": "gb18030", "euc_kr": "cp949", "shift_jis": "cp932", "big5": "big5hkscs",
    "utf-16": "utf-16-le", "utf-32": "utf-32-le",
}  # fmt: skip
_OTHER_LABELS = {
    "windows-31j": "cp932", "x-sjis": "cp932", "x-gbk": "gbk", "windows-874": "cp874", "x-euc-jp": "euc_jp", "iso-8859-8-i": "iso8859-8",
}  # fmt: skip
_CHARACTER_SETS = re.compile(
    r"utf-8|utf-8-sig|utf-16-[lb]e|utf-32-[lb]e|iso8859-\d+|cp125\d|cp(?:437|737|775|85\d|86\d|874|932|949|950)|gb18030|big5hkscs|"
    r"euc_jp|iso2022_(?:jp|kr)|johab|koi8-[rut]|mac-(?:roman|cyrillic|greek|turkish)|ptcp154|tis-620"
)
"""Python's names. Its other codecs are no character sets: some of them unpack, unescape or run other codecs."""
_DECLARATION = re.compile(r"\s*<\?xml\b[^>]*?\?>")
_DECLARED = re.compile(rb"""\s*<\?xml\b[^>]*?\bencoding\s*=\s*["']([A-Za-z][\w.:-]*)["']""")
_EXPANDING = re.compile(r"<!\s*(?:DOCTYPE|ENTITY)", re.IGNORECASE)


def xml_text(body: bytes, charset: str | None = None) -> str:
    """Return a document as text, without byte order mark and XML declaration. Bytes that its encoding does not have become U+FFFD.

    Args:
        charset: of the HTTP header.

    Raises:
        Unavailable: nobody knows its encoding, or it declares a document type or an entity.
    """
    text = decoded_text(body, charset)
    refuse_document_types(text)
    return text


def decoded_text(body: bytes, charset: str | None = None) -> str:
    """Return text that may be something else than XML, likewise; not to be parsed as it is.

    Raises:
        Unavailable: nobody knows its encoding.
    """
    mark, encoding = next(((mark, name) for mark, name in _MARKS if body.startswith(mark)), (b"", None))
    encoding = encoding or next((name for start, name in _WIDE if body[:4].startswith(start)), None)
    text = body[len(mark) :].decode(encoding, "replace") if encoding else _decoded(body, charset)
    text = text.lstrip("\ufeff")
    return text[found.end() :] if (found := _DECLARATION.match(text)) else text.lstrip()


def refuse_document_types(text: str) -> None:
    """Refuse what could expand.

    Raises:
        Unavailable: it declares a document type or an entity.
    """
    if _EXPANDING.search(text):
        raise Unavailable(
            "the camera answers ONVIF with nonsense (XML with a document type, which is not read)",
            code="camera.onvif-nonsense",
        )


def _decoded(body: bytes, charset: str | None) -> str:
    """Decode what shows no encoding by itself.

    The header counts before the declaration, by RFC 7303. But servers add a charset to whatever they send, and SOAP libraries a
    declaration: where the two differ, the declaration counts if all bytes fit it, else the header.
    """
    labels = [one for one in (_declared(body), charset) if one] or ["utf-8"]
    encodings = [_character_set(one) for one in labels]
    # Some write UTF-8 under a declaration of what they hold in memory: UTF-16 would have been seen.
    encodings = [
        "utf-8" if one.startswith(("utf-16", "utf-32")) and b"\0" not in body[:4] else one for one in encodings
    ]
    for encoding in encodings[:-1]:
        with contextlib.suppress(UnicodeDecodeError):
            return body.decode(encoding)
    return body.decode(encodings[-1], "replace")


def _declared(body: bytes) -> str | None:
    found = _DECLARED.match(body[:200])
    return found.group(1).decode() if found else None


def _character_set(label: str) -> str:
    label = label.strip().strip("\"'")
    try:
        name = codecs.lookup(_OTHER_LABELS.get(label.lower(), label)).name
    except (LookupError, ValueError):
        name = ""
    name = _LARGER.get(name, name)
    if not _CHARACTER_SETS.fullmatch(name):
        shown = re.sub(r"[^\w.:-]", "?", label)[:40]
        raise Unavailable(
            f"the camera answers ONVIF in an encoding that is not known ({shown}); set its language or encoding to UTF-8",
            code="camera.onvif-nonsense",
        )
    return name
