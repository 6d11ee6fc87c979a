"""The ONVIF metadata stream's documents: joined from the packets that carry them, and read with tolerance.

The packets of one document have one time stamp; not every camera marks the last one.

Source: ONVIF Streaming Specification, section 5.1.2.1.1; metadatastream.xsd.
"""

import zlib

from ingest.position import Position, position_of
from ingest.tolerant_xml import parse_tolerantly

LONGEST_BYTES = 256 * 1024
_GZIP = b"\x1f\x8b"
_END = b"MetadataStream>"


class DocumentJoiner:
    """Put the pieces of documents together.

    Attributes:
        dropped: pieces of documents that never became whole.
    """

    def __init__(self) -> None:
        self._pts: int | None = None
        self._data = b""
        self.dropped = 0

    def add(self, pts: int | None, data: bytes) -> bytes | None:
        """Take a packet; return the document that it completes.

        Args:
            pts: its time stamp; a piece with another one than the last begins anew.
        """
        if pts != self._pts or pts is None:
            self.drop()
        self._pts = pts
        self._data += data
        if len(self._data) > LONGEST_BYTES:
            self.drop()
            return None
        document = _whole(self._data)
        if document is not None:
            self._data = b""
        return document

    def drop(self) -> None:
        """Forget an unfinished document: a piece of it is missing."""
        self.dropped += bool(self._data)
        self._data = b""


def statuses(document: bytes) -> list[Position] | None:
    """Return the PTZ statuses of a document, oldest first; None when it can't be read.

    A status inside an analytics frame that tells no time has the frame's: that is the very picture it belongs to.
    """
    root = parse_tolerantly(document)
    if root is None:
        return None
    times = {id(status): frame.get("UtcTime") for frame in root.iter("Frame") for status in frame.iter("PTZStatus")}
    return [position_of(status, times.get(id(status))) for status in root.iter("PTZStatus")]


def _whole(data: bytes) -> bytes | None:
    """Return the XML text if the document is complete."""
    if not data.startswith(_GZIP):
        return data if data.rstrip().endswith(_END) and b"</" in data[-80:] else None
    unpacker = zlib.decompressobj(wbits=31)
    try:
        text = unpacker.decompress(data, LONGEST_BYTES)
    except zlib.error:
        return None
    return text if unpacker.eof else None
