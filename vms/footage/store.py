"""Segment files in a folder: where they stand, how they are written, read and erased.

    <folder>/<placement>/<YYYY>/<MM>/<DD>/<start>-<epoch>.part              being written, or waiting for its row, or left by a crash
    <folder>/<placement>/<YYYY>/<MM>/<DD>/<start>-<epoch>.note              beside it: what its row needs (see `notes`)
    <folder>/<placement>/<YYYY>/<MM>/<DD>/<start>-<epoch>.note.part         the same, half-written, left by a crash
    <folder>/<placement>/<YYYY>/<MM>/<DD>/<start>-<epoch>.mend              being written by the repair
    <folder>/<placement>/<YYYY>/<MM>/<DD>/<start>-<number>-<epoch>.vseg     complete, has a row

`<start>` is in whole microseconds since 1970. The place follows from the row and is stored nowhere. A file gets its last name only
after its bytes are on disk. Every file is cipher text (`chunked`): nothing in this package writes plain pictures.
"""

import hashlib
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal, Self

from vms.errors import InvalidInput, NotFound, StorageFull
from vms.footage.chunked import ChunkedWriter
from vms.footage.durable import replace_file, storage_errors, sync_folder, write_all
from vms.model import PlacementId
from vms.sharing import file_mode, folder_mode

EXPORTS = "exports"
"""The folder of export packages; no placement may have this name."""

FileKind = Literal["part", "note", "note.part", "mend", "vseg"]
_KINDS: tuple[FileKind, ...] = ("part", "note", "note.part", "mend", "vseg")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAME = re.compile(
    r"(?P<start>[0-9]+)-(?:(?P<number>[0-9]+)-)?(?P<epoch>[0-9]+)\.(?P<kind>part|note|note\.part|mend|vseg)"
)
_PLACEMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True, slots=True)
class SegmentRef:
    """What places a segment on disk.

    Args:
        placement_id: whose footage.
        start_at: instant of the first frame.
        epoch: the recorder's epoch.
        number: the segment's number; None while it has no row.
    """

    placement_id: PlacementId
    start_at: datetime
    epoch: int
    number: int | None = None

    def __post_init__(self) -> None:
        if not _PLACEMENT.fullmatch(self.placement_id) or self.placement_id == EXPORTS:
            raise InvalidInput(
                f"{self.placement_id!r} can't name a folder: use letters, digits, '-', '_', '.'", code="placement.id"
            )

    @property
    def start_us(self) -> int:
        """Start in whole microseconds since 1970."""
        return (self.start_at - _EPOCH) // timedelta(microseconds=1)

    @property
    def context(self) -> bytes:
        """What the cipher text is bound to; without the number, which a spooled segment has not yet."""
        return f"vms-segment-v1|{self.placement_id}|{self.epoch}|{self.start_us}".encode()


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file found in the store."""

    ref: SegmentRef
    kind: FileKind
    path: Path
    size_bytes: int
    changed_at: datetime


class FileSource:
    """An open file that ranges are read from; safe in several threads, readable on after an unlink."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise NotFound(f"there is no file {path.name}", code="footage.no-file") from None
        self._size_bytes = os.fstat(self._handle).st_size

    def read_at(self, offset_bytes: int, length_bytes: int) -> bytes:
        """Return the bytes at the offset."""
        with storage_errors(self._path):
            return os.pread(self._handle, length_bytes, offset_bytes)

    def size_bytes(self) -> int:
        """Return the length of the file when it was opened."""
        return self._size_bytes

    def sha256(self) -> str:
        """Return the SHA-256 of the whole file, hexadecimal."""
        digest = hashlib.sha256()
        for offset in range(0, self._size_bytes, 1 << 20):
            digest.update(self.read_at(offset, 1 << 20))
        return digest.hexdigest()

    def close(self) -> None:
        """Close the file."""
        os.close(self._handle)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _RawFile:
    """Writes straight to the kernel: what was written outlives this process."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with storage_errors(path):
            path.parent.mkdir(mode=folder_mode(), parents=True, exist_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            self.handle: int | None = os.open(path, flags, file_mode())

    def write(self, data: bytes, /) -> None:
        assert self.handle is not None, "the file is open while it is written"
        with storage_errors(self._path):
            write_all(self.handle, data)

    def close(self) -> None:
        if self.handle is not None:
            os.close(self.handle)
            self.handle = None


class PartWriter:
    """A segment file being written.

    Ends by `chunks.finish` and `close_durably`, by `abandon` (the file stays for the repair) or by `discard`.
    """

    def __init__(self, path: Path, key: bytes, context: bytes) -> None:
        self.path = path
        self._file = _RawFile(path)
        self.chunks = ChunkedWriter(self._file, key, context)

    def write(self, data: bytes) -> None:
        """Encrypt and write. StorageFull: the file is to be abandoned."""
        self.chunks.write(data)

    def close_durably(self) -> None:
        """Make the bytes durable and close; a second call does nothing."""
        if self._file.handle is not None:
            with storage_errors(self.path):
                os.fsync(self._file.handle)
            self.abandon()

    def abandon(self) -> None:
        """Close the file and leave it as it is; a second call does nothing."""
        self._file.close()

    def discard(self) -> None:
        """Close and remove the file: it holds no footage."""
        self.abandon()
        self.path.unlink(missing_ok=True)


class FootageStore:
    """All segment files below one folder.

    Args:
        footage_dir: the folder, made if missing.
        free_bytes_floor: with fewer bytes free no new file is begun.
    """

    def __init__(self, footage_dir: Path, free_bytes_floor: int = 0) -> None:
        self.folder = footage_dir
        self._free_bytes_floor = free_bytes_floor
        with storage_errors(footage_dir):
            footage_dir.mkdir(mode=folder_mode(), parents=True, exist_ok=True)

    def path(self, ref: SegmentRef, kind: FileKind = "vseg") -> Path:
        """Return where the segment's file of this kind stands."""
        if kind == "vseg" and ref.number is None:
            raise ValueError("a segment without a number has no final name")
        middle = f"-{ref.number}" if kind == "vseg" else ""
        day = f"{ref.start_at.astimezone(UTC):%Y/%m/%d}"
        # One text, parsed once: joining parts with `/` was the largest cost of erasing.
        return Path(f"{self.folder}/{ref.placement_id}/{day}/{ref.start_us}{middle}-{ref.epoch}.{kind}")

    def has_room(self) -> bool:
        """Return whether the volume has more bytes free than the floor."""
        return self.free_bytes() >= self._free_bytes_floor

    def create(self, ref: SegmentRef, key: bytes, *, kind: FileKind = "part") -> PartWriter:
        """Begin a segment's file.

        Raises:
            StorageFull: fewer bytes are free than the floor, or none.
        """
        if not self.has_room():
            raise StorageFull(f"less than {self._free_bytes_floor} bytes free in {self.folder}", code="footage.full")
        return PartWriter(self.path(ref, kind), key, ref.context)

    def promote(self, ref: SegmentRef, source: FileKind) -> None:
        """Give a complete, durable file its last name. A second call after a crash is fine.

        Raises:
            NotFound: there is neither the one nor the other.
        """
        old, new = self.path(ref, source), self.path(ref)
        with storage_errors(new):
            if old.exists():
                old.replace(new)
            elif not new.exists():
                raise NotFound(f"there is no file {old.name}", code="footage.no-file")
            sync_folder(new.parent)

    def open_source(self, ref: SegmentRef) -> FileSource:
        """Open the segment's cipher text.

        Raises:
            NotFound: there is no file.
        """
        return FileSource(self.path(ref))

    def exists(self, ref: SegmentRef, kind: FileKind = "vseg") -> bool:
        """Return whether the file is there."""
        return self.path(ref, kind).exists()

    def erase(self, ref: SegmentRef) -> None:
        """Remove every file of the segment, whatever its name, durably. Missing is fine."""
        self.erase_all([ref])

    def erase_all(self, refs: Iterable[SegmentRef]) -> None:
        """Remove every file of several segments, making each folder durable once. Missing is fine."""
        folders = set()
        for ref in refs:
            for path in self._paths(ref):
                with storage_errors(path):
                    path.unlink(missing_ok=True)
                folders.add(path.parent)
        for folder in sorted(folders):
            with storage_errors(folder):
                if folder.exists():
                    sync_folder(folder)

    def erase_leftovers(self, ref: SegmentRef) -> None:
        """Remove what is left of writing the segment, but not its last file."""
        for kind in _KINDS:
            if kind != "vseg" and self.exists(ref, kind):
                self.erase_path(self.path(ref, kind))

    def erase_path(self, path: Path) -> None:
        """Remove one file of the store durably. Missing is fine."""
        with storage_errors(path):
            path.unlink(missing_ok=True)
            if path.parent.exists():
                sync_folder(path.parent)

    def has_any(self, ref: SegmentRef) -> bool:
        """Return whether any file of the segment is left."""
        return any(path.exists() for path in self._paths(ref))

    def _paths(self, ref: SegmentRef) -> list[Path]:
        """Return where files of the segment may stand."""
        return [self.path(ref, kind) for kind in _KINDS if kind != "vseg" or ref.number is not None]

    def write_note(self, ref: SegmentRef, data: bytes) -> None:
        """Keep an unsealed segment's data beside it."""
        path = self.path(ref, "note")
        with storage_errors(path):
            path.parent.mkdir(mode=folder_mode(), parents=True, exist_ok=True)
        replace_file(path, data)

    def read_note(self, ref: SegmentRef) -> bytes | None:
        """Return the note beside an unsealed segment; None if there is none."""
        try:
            return self.path(ref, "note").read_bytes()
        except FileNotFoundError:
            return None

    def erase_note(self, ref: SegmentRef) -> None:
        """Remove the note; not durably: one that comes back after a power cut is erased with its segment."""
        self.path(ref, "note").unlink(missing_ok=True)

    def placements(self) -> list[PlacementId]:
        """Return the placements that have a folder."""
        names = (path.name for path in self.folder.iterdir() if path.is_dir() and path.name != EXPORTS)
        return [PlacementId(name) for name in sorted(names) if _PLACEMENT.fullmatch(name)]

    def days(self, placement_id: PlacementId) -> list[datetime]:
        """Return the UTC days of which a placement has a folder."""
        found = []
        for path in sorted((self.folder / placement_id).glob("[0-9][0-9][0-9][0-9]/[0-9][0-9]/[0-9][0-9]")):
            year, month, day = path.parts[-3:]
            found.append(datetime(int(year), int(month), int(day), tzinfo=UTC))
        return found

    def files_of_day(self, placement_id: PlacementId, day: datetime) -> list[StoredFile]:
        """Return a placement's files of segments that begin on a day, in order of time."""
        folder = self.folder / placement_id / f"{day:%Y/%m/%d}"
        found = [self._stored(path) for path in sorted(folder.glob("*"))]
        return [item for item in found if item is not None]

    def files(self, placement_id: PlacementId, kind: FileKind) -> Iterator[StoredFile]:
        """Yield a placement's files of one kind, in order of time."""
        for day in self.days(placement_id):
            yield from (item for item in self.files_of_day(placement_id, day) if item.kind == kind)

    def export_names(self) -> list[str]:
        """Return the names, without ending, of the export packages and what builders left of some."""
        return sorted({path.name.split(".")[0] for path in (self.folder / EXPORTS).glob("*") if path.is_file()})

    def strange_files(self) -> Iterator[Path]:
        """Yield every file that is none of ours."""
        for path in self.folder.rglob("*"):
            inside = path.relative_to(self.folder)
            if inside.parts[0] != EXPORTS and path.is_file() and self._stored(path) is None and path.exists():
                yield path

    def _stored(self, path: Path) -> StoredFile | None:
        match = _NAME.fullmatch(path.name)
        parts = path.relative_to(self.folder).parts
        if not match or len(parts) != 5 or not _PLACEMENT.fullmatch(parts[0]):
            return None
        kind = next(known for known in _KINDS if known == match["kind"])
        number = int(match["number"]) if match["number"] else None
        if (kind == "vseg") != (number is not None):
            return None
        start_at = _EPOCH + timedelta(microseconds=int(match["start"]))
        ref = SegmentRef(PlacementId(parts[0]), start_at, int(match["epoch"]), number)
        try:
            status = path.stat()
        except FileNotFoundError:
            return None  # went its way while we looked; the caller sees a bare path that is gone
        changed_at = datetime.fromtimestamp(status.st_mtime, UTC)
        return StoredFile(ref, kind, path, status.st_size, changed_at) if self.path(ref, kind) == path else None

    def free_bytes(self) -> int:
        """Return how many bytes the volume has left for us."""
        return shutil.disk_usage(self.folder).free
