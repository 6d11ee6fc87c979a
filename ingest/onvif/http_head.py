"""The head of a camera's answer, and the parameters of a media type: read line by line, bounded, and by no parser of mail.

`http.client` hands the head to Python's mail parser, which takes the square of a long header's length, unfolds what it should not, and
raises errors of its own. From here on `http.client` reads the body alone.

Source: RFC 9112 sections 4 (status line), 5 (fields; 5.2: folded lines), 6.3 (length of the body), RFC 9110 section 5.6.6 (parameters).
"""

import re
from http.client import BadStatusLine, HTTPException, HTTPMessage, HTTPResponse, RemoteDisconnected
from typing import Any, Final

MOST_HEAD_BYTES: Final = 64 * 1024
"""Of all lines together, those of interim answers and chunk sizes not counted; honest heads take less than one KiB."""
_MOST_LINES = 100
_MOST_INTERIM = 16
_MOST_TYPE_CHARS = 1000
_STATUS = re.compile(r"HTTP/1\.(\d) +(\d{3})(?: .*)?")
_FIELD_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_PARAMETER = re.compile(r';\s*([^\s=;"]+)\s*=\s*(?:"((?:[^"\\]|\\.)*+)"|([^;\s"]*))')


class HeadTooLargeError(HTTPException):
    """More lines or bytes than the head of an answer may have."""


class Answer(HTTPResponse):
    """An answer whose head is read here. Its private fields are those that `http.client` reads the body by."""

    def begin(self) -> None:
        """Read the head.

        Raises:
            HTTPException: it is none, or larger than any honest one.
        """
        for _ in range(_MOST_INTERIM):
            self.version, self.status, fields = _head(self.fp)
            if not 100 <= self.status < 200:
                break
        else:
            raise HeadTooLargeError
        self.code, self.reason = self.status, ""
        self.headers = self.msg = fields
        codings = ",".join(fields.get_all("Transfer-Encoding") or []).lower()
        self.chunked = codings.strip() == "chunked"
        if codings and not self.chunked:
            raise HTTPException("an unknown transfer coding")
        self.chunk_left = None
        self.length = None if self.chunked else self._stated_length()
        if self.status == 204:
            self.length = 0
        said = ",".join(fields.get_all("Connection") or []).lower()
        stays = "close" not in said and (self.version >= 11 or "keep-alive" in said)
        self.will_close = not stays or not (self.chunked or self.length is not None)

    def _stated_length(self) -> int | None:
        stated = {one.strip() for line in self.headers.get_all("Content-Length") or [] for one in line.split(",")}
        if not stated:
            return None
        (length, *others) = stated
        if others or not (length.isascii() and length.isdigit()) or len(length) > 15:
            raise HTTPException("a length that is none")
        return int(length)


def parameters(content_type: str) -> tuple[str, dict[str, str]]:
    """Return a media type in lower case, and its parameters by name in lower case; of a name that comes twice the first."""
    kind, _, _ = (content_type := content_type[:_MOST_TYPE_CHARS]).partition(";")
    found: dict[str, str] = {}
    for name, quoted, plain in _PARAMETER.findall(content_type):
        found.setdefault(name.lower(), re.sub(r"\\(.)", r"\1", quoted) or plain)
    return kind.strip().lower(), found


def fields_of(lines: list[bytes]) -> HTTPMessage:
    """Return the fields of a head without its first line; lines that are none are left out, and folded ones are one."""
    unfolded: list[str] = []
    for line in lines:
        text = line.decode("latin-1").replace("\r", " ").replace("\n", " ")
        if text[:1] in {" ", "\t"} and unfolded:
            unfolded[-1] += " " + text.strip()
        else:
            unfolded.append(text)
    fields = HTTPMessage()
    for name, colon, value in (one.partition(":") for one in unfolded):
        if colon and _FIELD_NAME.fullmatch(name.strip()):
            fields[name.strip()] = value.strip()
    return fields


def _head(stream: Any) -> tuple[int, int, HTTPMessage]:
    first = stream.readline(MOST_HEAD_BYTES + 1)
    if not first:
        raise RemoteDisconnected("no answer")
    found = _STATUS.fullmatch(first.decode("latin-1").strip())
    if found is None:
        raise BadStatusLine("no status")
    lines, left_bytes = list[bytes](), MOST_HEAD_BYTES - len(first)
    while (line := stream.readline(max(0, left_bytes) + 1)) not in {b"\r\n", b"\n"}:
        left_bytes -= len(line)
        if left_bytes < 0 or len(lines) >= _MOST_LINES:
            raise HeadTooLargeError
        if not line:
            raise HTTPException("a head that ends in its middle")
        lines.append(line.rstrip(b"\r\n"))
    return 10 if found.group(1) == "0" else 11, int(found.group(2)), fields_of(lines)
