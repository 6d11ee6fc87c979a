"""Answers in several parts (MTOM): the envelope is the first of them, or the one that the header names.

Source: RFC 2387 (multipart/related), RFC 2046 section 5.1.1 (boundaries), W3C SOAP Message Transmission Optimization Mechanism.
"""

from ingest.onvif.http_head import fields_of, parameters

_MOST_PARTS = 16
_MOST_HEAD_BYTES = 8 * 1024


def root_part(content_type: str, body: bytes) -> tuple[str, bytes]:
    """Return the content type and the bytes of an answer's envelope; an answer in one part as it is."""
    kind, given = parameters(content_type)
    boundary = given.get("boundary")
    if not kind.startswith("multipart/") or not boundary:
        return content_type, body
    pieces = (b"\r\n" + body).split(b"\r\n--" + boundary.encode("latin-1"), _MOST_PARTS)[1:]
    parts = [_part(one) for one in pieces if not one.startswith(b"--")]
    start = given.get("start")
    named = next((one for one in parts if one[0] == start), None)
    found = named or next(iter(parts), None)
    return ("", b"") if found is None else (found[1], found[2])


def _part(piece: bytes) -> tuple[str | None, str, bytes]:
    """Return a part's name, content type and bytes; of a longer head than any honest one nothing."""
    head, _, body = piece.partition(b"\r\n\r\n")
    headers = fields_of(head.lstrip(b"\r\n").split(b"\r\n") if len(head) <= _MOST_HEAD_BYTES else [])
    return headers.get("Content-ID"), headers.get("Content-Type") or "", body
