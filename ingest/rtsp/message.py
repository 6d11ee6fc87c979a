"""RTSP messages: writing requests, reading answers.

Source: RFC 2326 sections 6 (request), 7 (response), 12 (headers).
"""

import re
from dataclasses import dataclass

from ingest import failure

MOST_HEAD_BYTES = 16 * 1024
MOST_BODY_BYTES = 256 * 1024
_MOST_HEADERS = 100
_STATUS = re.compile(r"RTSP/1\.\d (\d{3})\b")


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of the camera, or a request by it (status 0).

    Args:
        headers: names in lower case, in order; a name may come more than once.
        method: of a request.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes = b""
    method: str = ""

    def header(self, name: str) -> str:
        """Return the first header of a name, empty if there is none."""
        return next((value for found, value in self.headers if found == name), "")

    def all(self, name: str) -> list[str]:
        """Return every header of a name."""
        return [value for found, value in self.headers if found == name]


def encode_request(method: str, url: str, headers: dict[str, str]) -> bytes:
    """Return the bytes of a request without a body."""
    lines = [f"{method} {url} RTSP/1.0", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def parse_head(head: bytes) -> tuple[Answer, int]:
    """Return a message without its body, and how long that is.

    Raises:
        CameraFailure: it is no RTSP, or larger than any honest answer.
    """
    first, *lines = head.decode("utf-8", "replace").split("\r\n")
    status = _STATUS.match(first)
    if status is None and not first.endswith("RTSP/1.0"):
        raise failure.unreachable("what answers there speaks no RTSP")
    headers = tuple(
        (name.strip().lower(), value.strip())
        for name, colon, value in (line.partition(":") for line in lines[:_MOST_HEADERS])
        if colon
    )
    method = "" if status else first.partition(" ")[0]
    answer = Answer(int(status.group(1)) if status else 0, headers, method=method)
    length = answer.header("content-length") or "0"
    if not (length.isascii() and length.isdigit()) or len(length) > 9 or int(length) > MOST_BODY_BYTES:
        raise failure.refused("its answer is too large")
    return answer, int(length)
