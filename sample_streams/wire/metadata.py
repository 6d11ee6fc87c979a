"""The metadata track: XML documents in RTP, the last packet of each marked.

Source: ONVIF Streaming Specification, section 5.1.2.1.1 (metadata over RTP), RFC 1952 (gzip).
"""

import gzip

from sample_streams.wire.rtp import Payload

METADATA_PAYLOAD_TYPE = 107
PLAIN = "vnd.onvif.metadata"
GZIPPED = "vnd.onvif.metadata.gzip"
MAX_FRAGMENT_BYTES = 480
"""Small on purpose: a status document then takes several packets, as the long ones of real cameras do."""


def packetise_document(document: bytes, encoding: str, max_bytes: int = MAX_FRAGMENT_BYTES) -> list[Payload]:
    """Cut one document into payloads; the marker ends it."""
    data = gzip.compress(document) if encoding == GZIPPED else document
    pieces = [data[start : start + max_bytes] for start in range(0, len(data), max_bytes)]
    return [Payload(piece, marker=index == len(pieces) - 1) for index, piece in enumerate(pieces)]
