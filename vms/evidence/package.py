"""The package as a stream: a stored ZIP, hashed as it is written, encrypted before it meets a disk.

Nothing is sought back to, so that the ZIP can run straight through the chunked encryption; video is not compressed (it doesn't shrink).
Memory: one chunk, and one line for each file.
"""

import hashlib
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, Final, Protocol, cast

_READABLE_BY_OWNER: Final = 0o100600 << 16
_PIECE_BYTES: Final = 1 << 20


class Sink(Protocol):
    """Takes the bytes of the package in order."""

    def write(self, data: bytes) -> None:
        """Take all bytes."""


@dataclass(frozen=True, slots=True)
class PackedFile:
    """One file of the package.

    Args:
        name: path in the package.
        size_bytes: length.
        sha256: hexadecimal.
    """

    name: str
    size_bytes: int
    sha256: str


class _HashingSink:
    """What zipfile writes to: it can't be sought in, and counts and hashes what passes."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self.size_bytes = 0
        self.digest = hashlib.sha256()

    def write(self, data: bytes | memoryview) -> int:
        piece = bytes(data)
        self._sink.write(piece)
        self.digest.update(piece)
        self.size_bytes += len(piece)
        return len(piece)

    def flush(self) -> None:
        """Do nothing: nothing waits here."""


class PackageWriter:
    """Writes files into a package, one after the other.

    Args:
        sink: where the package's bytes go.
        folder: everything stands below this name, so that unpacking makes one folder.
        made_at: time stamp of the files.
    """

    def __init__(self, sink: Sink, folder: str, made_at: datetime) -> None:
        self._sink = _HashingSink(sink)
        self._folder = folder
        self._date = made_at.astimezone(UTC).timetuple()[:6]
        # The cast: typeshed asks for a file that can be sought in; the library does not when there is no `tell`.
        self._zip = zipfile.ZipFile(cast("IO[bytes]", self._sink), "w", zipfile.ZIP_STORED)
        self.files: list[PackedFile] = []

    def add(self, name: str, pieces: Iterable[bytes], *, compressed: bool = False) -> PackedFile:
        """Write one file and return its length and digest (of what it holds, not of its compressed form)."""
        info = zipfile.ZipInfo(f"{self._folder}/{name}", date_time=self._date)
        if compressed:
            info.compress_type = zipfile.ZIP_DEFLATED
        info.external_attr = _READABLE_BY_OWNER
        digest, size_bytes = hashlib.sha256(), 0
        # force_zip64: the length is not known beforehand, and a file may pass 4 GiB.
        with self._zip.open(info, "w", force_zip64=True) as entry:
            for piece in pieces:
                for offset in range(0, len(piece), _PIECE_BYTES):
                    entry.write(piece[offset : offset + _PIECE_BYTES])
                digest.update(piece)
                size_bytes += len(piece)
        packed = PackedFile(name, size_bytes, digest.hexdigest())
        self.files.append(packed)
        return packed

    def finish(self) -> tuple[int, str]:
        """Write the directory of the ZIP; return the package's length and SHA-256 (both of the plain text)."""
        self._zip.close()
        return self._sink.size_bytes, self._sink.digest.hexdigest()
