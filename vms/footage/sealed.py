"""Small things derived from footage, at rest in a row: encrypted like footage, their key wrapped by the key of an hour.

With that hour key they become unreadable, wherever copies of the database are (docs/erasing.md).
"""

import io
from dataclasses import dataclass, field
from datetime import datetime

from vms.footage.chunked import BytesSource, ChunkedReader, ChunkedWriter
from vms.footage.keys import KeyService


@dataclass(frozen=True, slots=True)
class Sealed:
    """What stands in the row.

    Args:
        hour_at: the clock hour whose key wraps the key.
        data: cipher text.
    """

    hour_at: datetime
    wrapped_key: bytes = field(repr=False)
    data: bytes = field(repr=False)


def seal(keys: KeyService, hour_at: datetime, context: bytes, plain: bytes) -> Sealed:
    """Encrypt under a new key of an hour.

    Args:
        context: what the bytes belong to; they open in no other.
    """
    key = keys.new_segment_key(hour_at)
    sink = io.BytesIO()
    writer = ChunkedWriter(sink, key.plain, context)
    writer.write(plain)
    writer.finish()
    return Sealed(hour_at, key.wrapped, sink.getvalue())


def unseal(keys: KeyService, sealed: Sealed, context: bytes) -> bytes:
    """Return what was sealed.

    Raises:
        NotFound: its hour key is gone.
        IntegrityLost: it is not what was written.
    """
    key = keys.unwrap(sealed.hour_at, sealed.wrapped_key)
    return ChunkedReader(BytesSource(sealed.data), key, context).read_all_readable()
