"""Reading a bundle: a ZIP that anybody may have made. Nothing in it is believed; whatever can't be read is `CannotVerifyError`."""

import hashlib
import json
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auditor.report import CannotVerifyError, Report

FORMAT = "vms-audit-bundle/1"
LARGEST_FILE_BYTES = 1 << 30
"""Of one file, unpacked: 65,536 entries are some twenty megabytes."""

_BLOCK_BYTES = 1 << 18

_UNREADABLE = (
    OSError,
    EOFError,
    ValueError,
    KeyError,
    IndexError,
    RuntimeError,
    OverflowError,
    NotImplementedError,  # a compression that it does not know
    AttributeError,
    struct.error,
    zlib.error,
    zipfile.BadZipFile,
)
"""What `zipfile` raises about a file that is none, or was made to break it."""


@dataclass(frozen=True, slots=True)
class Packed:
    """A file in the bundle, as the manifest has it."""

    name: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the bundle says of itself.

    Args:
        size: number of entries.
        run: entries per file, a power of two.
        start, end, made_at: instants as the ledger writes them.
    """

    origin: str
    size: int
    run: int
    start: str
    end: str
    made_at: str
    files: dict[str, Packed]

    @property
    def is_current(self) -> bool:
        """Whether the bundle goes to the moment it was made: then the state of the system fits its end."""
        return self.end >= self.made_at

    @property
    def until(self) -> str:
        """Up to when the bundle has entries."""
        return min(self.end, self.made_at)

    def entry_files(self) -> list[tuple[int, Packed]]:
        """Return the files of entries in order, each with its first entry's number.

        Raises:
            CannotVerifyError: one is missing.
        """
        found = []
        for first in range(0, self.size, self.run):
            name = f"entries/{first:012}.jsonl"
            if name not in self.files:
                raise CannotVerifyError("file-missing", name=name)
            found.append((first, self.files[name]))
        return found

    def named(self, folder: str) -> list[Packed]:
        """Return the files of a folder, in order of their names."""
        return [self.files[name] for name in sorted(self.files) if name.startswith(folder + "/")]


class Bundle:
    """An open bundle.

    Raises:
        CannotVerifyError: it can't be read, or is none.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._zip = zipfile.ZipFile(path)
            names = [info.filename for info in self._zip.infolist()]
        except _UNREADABLE as error:
            raise CannotVerifyError("bundle-unreadable", name=str(path), why=str(error)) from error
        if len(set(names)) != len(names):
            raise CannotVerifyError("bundle-twice", name=str(path))
        self.names = frozenset(names)
        self.manifest = _manifest(_object("manifest.json", self.read("manifest.json")))

    def read(self, name: str) -> bytes:
        """Return a file, whole.

        Raises:
            CannotVerifyError: it is missing, too large or damaged.
        """
        try:
            info = self._zip.getinfo(f"audit/{name}")
            with self._zip.open(info) as file:
                data = file.read(LARGEST_FILE_BYTES + 1)
        except KeyError as error:
            raise CannotVerifyError("file-missing", name=name) from error
        except _UNREADABLE as error:
            raise CannotVerifyError("file-unreadable", name=name, why=str(error)) from error
        if len(data) > LARGEST_FILE_BYTES:
            raise CannotVerifyError("file-too-large", name=name)
        return data

    def blocks(self, name: str) -> Iterator[bytes]:
        """Yield a file in blocks of whole lines; the last may lack its line end. A block fits a processor's cache.

        Raises:
            CannotVerifyError: it is missing, too large or damaged; blocks before the damage have been yielded.
        """
        begun: list[bytes] = []
        size_bytes = 0
        try:
            with self._zip.open(f"audit/{name}") as file:
                while piece := file.read(_BLOCK_BYTES):
                    size_bytes += len(piece)
                    if size_bytes > LARGEST_FILE_BYTES:
                        raise CannotVerifyError("file-too-large", name=name)
                    end = piece.rfind(b"\n") + 1
                    if end:
                        yield b"".join((*begun, piece[:end]))
                        begun.clear()
                    begun.append(piece[end:])
        except KeyError as error:
            raise CannotVerifyError("file-missing", name=name) from error
        except _UNREADABLE as error:
            raise CannotVerifyError("file-unreadable", name=name, why=str(error)) from error
        if rest := b"".join(begun):
            yield rest

    def checked(self, packed: Packed, report: Report) -> bytes:
        """Return a file; that it differs from the manifest is a finding."""
        data = self.read(packed.name)
        if hashlib.sha256(data).hexdigest() != packed.sha256:
            report.find("file-changed", name=packed.name)
        return data

    def documents(self, packed: Packed, report: Report) -> Iterator[dict[str, Any]]:
        """Yield the JSON objects of a file with one a line; a line that is none is a finding."""
        for number, line in enumerate(lines_of(self.checked(packed, report)), 1):
            document = parse_object(line)
            if document is None:
                report.find("line-unreadable", name=packed.name, line=number)
            else:
                yield document

    def compare_files(self, report: Report) -> None:
        """Compare the files with the manifest: entries by their names only, the tree has their bytes; checkpoints when they are read."""
        listed = {f"audit/{name}" for name in self.manifest.files} | {"audit/manifest.json"}
        for name in sorted(self.names - listed):
            report.find("file-unlisted", name=name)
        for name in sorted(listed - self.names):
            report.find("file-missing", name=name)
        for packed in self.manifest.files.values():
            is_read_anyway = packed.name.startswith("entries/") or packed.name == "checkpoints.jsonl"
            if not is_read_anyway and f"audit/{packed.name}" in self.names:
                self.checked(packed, report)

    def sha256(self) -> str:
        """Return the SHA-256 of the bundle itself, for the report."""
        digest = hashlib.sha256()
        with self.path.open("rb") as file:
            while piece := file.read(1 << 20):
                digest.update(piece)
        return digest.hexdigest()

    def document(self, name: str, report: Report) -> dict[str, Any]:
        """Return a file that is one JSON object.

        Raises:
            CannotVerifyError: it is missing, or none.
        """
        packed = self.manifest.files.get(name)
        if packed is None:
            raise CannotVerifyError("file-missing", name=name)
        return _object(name, self.checked(packed, report))


def lines_of(data: bytes) -> list[bytes]:
    """Return the lines; what stands after the last line end is one too."""
    lines = data.split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    return lines


def parse_object(text: bytes) -> dict[str, Any] | None:
    """Return a JSON object, None when the text is none."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def listed(words: object, name: str) -> list[Any]:
    """Return a list in a document, empty for none."""
    found = words.get(name) if isinstance(words, dict) else None
    return found if isinstance(found, list) else []


def _object(name: str, text: bytes) -> dict[str, Any]:
    document = parse_object(text)
    if document is None:
        raise CannotVerifyError("file-unreadable", name=name, why="JSON")
    return document


def _manifest(words: dict[str, Any]) -> Manifest:
    if words.get("format") != FORMAT:
        raise CannotVerifyError("format", found=str(words.get("format"))[:40], wanted=FORMAT)
    try:
        texts = [words[name] for name in ("origin", "from", "to", "made_at")]
        size, run = words["size"], words["entries_per_file"]
        files = [Packed(one["name"], one["size_bytes"], one["sha256"]) for one in words["files"]]
    except (KeyError, TypeError) as error:
        raise CannotVerifyError("file-unreadable", name="manifest.json", why=repr(error)) from error
    is_shaped = all(isinstance(one, str) for one in texts) and all(type(one) is int for one in (size, run))
    is_shaped = is_shaped and all(isinstance(one.name, str) and isinstance(one.sha256, str) for one in files)
    if not is_shaped or not 0 <= size < 1 << 40 or run != 1 << 16 or len({one.name for one in files}) != len(files):
        raise CannotVerifyError("file-unreadable", name="manifest.json", why="values")
    origin, start, end, made_at = texts
    return Manifest(origin, size, run, start, end, made_at, {one.name: one for one in files})
