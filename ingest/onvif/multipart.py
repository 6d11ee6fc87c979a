"""Answers in several parts (MTOM): the envelope is the first of them, or the one that the header names.

Source: RFC 2387 (multipart/related), RFC 2046 section 5.1.1 (boundaries), W3C SOAP Message Transmission Optimization Mechanism.
"""

from email.message import Message
from email.parser import BytesHeaderParser

_MOST_PARTS = 16


def root_part(content_type: str, body: bytes) -> tuple[str, bytes]:
    """Return the content type and the bytes of an answer's envelope; an answer in one part as it is."""
    whole = Message()
    whole["Content-Type"] = content_type
    boundary = whole.get_boundary()
    if whole.get_content_maintype() != "multipart" or not boundary:
        return content_type, body
    pieces = (b"\r\n" + body).split(b"\r\n--" + boundary.encode(), _MOST_PARTS)[1:]
    parts = [_part(one) for one in pieces if not one.startswith(b"--")]
    start = whole.get_param("start")
    named = next((one for one in parts if one[0] == start), None)
    found = named or next(iter(parts), None)
    return ("", b"") if found is None else (found[1], found[2])


def _part(piece: bytes) -> tuple[str | None, str, bytes]:
    """Return a part's name, content type and bytes."""
    head, _, body = piece.partition(b"\r\n\r\n")
    headers = BytesHeaderParser().parsebytes(head.lstrip(b"\r\n") + b"\r\n\r\n")
    return headers.get("Content-ID"), headers.get("Content-Type") or "", body
