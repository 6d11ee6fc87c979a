"""Build an export package from an active hold: streamed, encrypted under the hold's key, never plain on disk.

    APPROVED -> BUILDING (ledger: export.build) -> file written, durable, renamed -> READY (ledger: export.ready)
                                                  or FAILED (ledger: export.failed); the part is removed

A builder that dies leaves BUILDING and a part; `resume` gives such an export back, and the next builder starts anew. The package's key is
made for it and wrapped by the hold's key: with the hold dies the package, wherever copies of it are.
"""

import hashlib
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

import structlog

from vms import __version__
from vms.clock import Clock
from vms.db import exports, holds
from vms.db.engine import Database
from vms.db.exports import Export
from vms.db.holds import Hold
from vms.db.segments import Segment
from vms.errors import Conflict, IntegrityLost, NotFound, StorageFull, VmsError
from vms.evidence import manifest, remux
from vms.evidence.dossier import Dossier, Held, open_dossier
from vms.evidence.manifest import OriginalFile, PackedPlacement, ViewFile
from vms.evidence.package import PackageWriter, PackedFile
from vms.evidence.proofs import proofs_of
from vms.footage.chunked import ChunkedReader
from vms.footage.durable import sync_folder
from vms.footage.fmp4 import TIMESCALE
from vms.footage.keys import KeyService
from vms.footage.playback import FootageReader
from vms.footage.store import FileSource, FootageStore, PartWriter
from vms.ledger import notes
from vms.ledger.acts import Act
from vms.ledger.entries import Actor, Entry, Origin, Private, Result, Value
from vms.ledger.log import Ledger
from vms.ledger.notes import Signer
from vms.model import ExportId, ExportState, HoldState

SOFTWARE: Final = f"vms {__version__}"
_ACTOR: Final = Actor.service("export-builder")
_ORIGIN: Final = Origin(app=f"vms-evidence/{__version__}")
_KEY_BYTES: Final = 32
_PROGRESS_EVERY_S: Final = 0.5
_PASSES: Final = 2
"""Each segment is read for `original/` and again for `view/`: two steps of progress."""

log = structlog.get_logger(__name__)


class Interrupted(Exception):  # noqa: N818 - not an error: the program is being stopped
    """Building was told to stop."""


@dataclass(frozen=True, slots=True)
class Workshop:
    """What a builder works with."""

    db: Database
    keys: KeyService
    store: FootageStore
    reader: FootageReader
    ledger: Ledger
    signer: Signer
    clock: Clock


@dataclass(frozen=True, slots=True)
class Built:
    """A package that is written.

    Args:
        size_bytes: of the plain package.
        sha256: of the plain package.
        summary: what the database keeps of the manifest.
    """

    size_bytes: int
    sha256: str
    summary: dict[str, object]


def package_path(store: FootageStore, export_id: ExportId) -> Path:
    """Return where an export's package stands."""
    return store.folder / "exports" / f"{export_id}.vpkg"


def context_of(export: Export) -> bytes:
    """Return what the package's cipher text is bound to."""
    return f"vms-export-v1|{export.id}|{export.hold_id}".encode()


def build(shop: Workshop, export_id: ExportId, stopping: Callable[[], bool] = lambda: False) -> None:
    """Build an approved export; ends READY, FAILED, or APPROVED again when told to stop.

    Raises:
        Conflict: somebody else builds it, or it is not approved.
    """
    key = secrets.token_bytes(_KEY_BYTES)
    export = _begin(shop, export_id, key)
    part = package_path(shop.store, export_id).with_suffix(".part")
    try:
        dossier = open_dossier(shop.db, export_id)
        part.unlink(missing_ok=True)
        writer = PartWriter(part, key, context_of(export))
        try:
            built = _Builder(shop, dossier, writer, stopping).run()
            writer.chunks.finish()
            writer.close_durably()
        except BaseException:
            writer.discard()
            raise
        _finish(shop, dossier, part, built)
    except Interrupted:
        with shop.db.write() as conn:
            exports.rebuild(conn, export_id)
    # Whatever it is: the person who waits must learn that there is no package, and the next export must be built.
    except Exception as error:  # noqa: BLE001 - see the line above
        part.unlink(missing_ok=True)
        _fail(shop, export, error)


def resume(shop: Workshop, export_id: ExportId) -> None:
    """Give back an export whose builder died.

    Raises:
        Conflict: it is not being built.
    """
    package_path(shop.store, export_id).with_suffix(".part").unlink(missing_ok=True)
    with shop.db.write() as conn:
        exports.rebuild(conn, export_id)


def erase_package(store: FootageStore, export_id: ExportId) -> None:
    """Remove an export's file durably. Missing is fine."""
    path = package_path(store, export_id)
    for found in (path, path.with_suffix(".part")):
        found.unlink(missing_ok=True)
    if path.parent.exists():
        sync_folder(path.parent)


def open_package(shop: Workshop, export: Export) -> tuple[FileSource, ChunkedReader]:
    """Open a finished package for reading its plain text.

    Raises:
        Conflict: it is not ready, or its hold has been released.
        NotFound: its file or key is gone.
        IntegrityLost: the file is not the one that was built.
    """
    with shop.db.read() as conn:
        hold = holds.get(conn, export.hold_id)
    if export.state is not ExportState.READY or export.wrapped_key is None or hold.state is not HoldState.ACTIVE:
        raise Conflict(f"export {export.id} is {export.state}, its hold {hold.state}", code="export.not-ready")
    key = shop.keys.unwrap_for_hold(export.hold_id, export.wrapped_key)
    source = FileSource(package_path(shop.store, export.id))
    try:
        return source, ChunkedReader(source, key, context_of(export))
    except BaseException:
        source.close()
        raise


def _begin(shop: Workshop, export_id: ExportId, key: bytes) -> Export:
    with shop.db.read() as conn:
        export = exports.get(conn, export_id)
        total = _PASSES * len(holds.list_segments(conn, export.hold_id))
    try:
        wrapped = shop.keys.wrap_for_hold(export.hold_id, key)
    except NotFound:
        wrapped = None  # the hold is gone: begin, so that the failure is written down
    with shop.db.write() as conn:
        exports.begin_building(conn, export_id, total=max(total, 1), wrapped_key=wrapped)
        shop.ledger.append(
            conn, Entry(Act.EXPORT_BUILD, _ACTOR, _ORIGIN, {"export_id": export_id, "hold_id": export.hold_id})
        )
    return export


def _finish(shop: Workshop, dossier: Dossier, part: Path, built: Built) -> None:
    path = part.with_suffix(".vpkg")
    part.replace(path)
    sync_folder(path.parent)
    try:
        with shop.db.write() as conn:
            hold = _active(holds.get(conn, dossier.hold.id, lock=True))
            exports.finish(
                conn,
                dossier.export.id,
                size_bytes=built.size_bytes,
                sha256=built.sha256,
                manifest=built.summary,
                ready_at=shop.clock.now(),
            )
            obj: dict[str, Value] = {
                "export_id": dossier.export.id,
                "hold_id": hold.id,
                "placement_ids": list(hold.placement_ids),
                "size_bytes": built.size_bytes,
                "sha256": built.sha256,
                "manifest_sha256": str(built.summary["manifest_sha256"]),
            }
            shop.ledger.append(conn, Entry(Act.EXPORT_READY, _ACTOR, _ORIGIN, obj))
    except BaseException:
        erase_package(shop.store, dossier.export.id)
        raise
    log.info("export ready", export=dossier.export.id, size_bytes=built.size_bytes)


def _active(hold: Hold) -> Hold:
    if hold.state is not HoldState.ACTIVE:
        raise Conflict(f"hold {hold.id} was released meanwhile", code="export.hold-not-active")
    return hold


def _fail(shop: Workshop, export: Export, error: Exception) -> None:
    code = error.code if isinstance(error, VmsError) else type(error).__name__
    log.error("export failed", export=export.id, code=code, problem=str(error), exc_info=error)
    with shop.db.write() as conn:
        exports.fail(conn, export.id, code)
        obj: dict[str, Value] = {"export_id": export.id, "hold_id": export.hold_id, "problem": Private(str(error))}
        shop.ledger.append(conn, Entry(Act.EXPORT_FAILED, _ACTOR, _ORIGIN, obj, Result.FAILED, why=code))


class _Builder:
    """Writes one package."""

    def __init__(self, shop: Workshop, dossier: Dossier, writer: PartWriter, stopping: Callable[[], bool]) -> None:
        self._shop = shop
        self._dossier = dossier
        self._stopping = stopping
        self._made_at = shop.clock.now()
        folder = f"{dossier.hold.case_number}_{dossier.export.id}"
        self._package = PackageWriter(writer, folder, self._made_at)
        self._done = 0
        self._told_s = shop.clock.monotonic_s()

    def run(self) -> Built:
        """Write everything."""
        self._package.add("LEESMIJ.txt", [manifest.readme_of(self._dossier, self._made_at)])
        packed = [self._placement(part) for part in self._dossier.parts]
        if not any(item.originals for item in packed):
            raise NotFound("no segment of this hold can be read", code="export.nothing")
        with self._shop.db.write() as conn:
            checkpoint = self._shop.ledger.checkpoint(conn, self._shop.signer)
        with self._shop.db.read() as conn:
            rows = [original.segment for item in packed for original in item.originals]
            proofs = proofs_of(conn, self._shop.ledger, rows, notes.parse(checkpoint).size)
        body = manifest.to_bytes(
            manifest.manifest_of(
                self._dossier,
                packed,
                self._package.files,
                made_at=self._made_at,
                software=SOFTWARE,
                checkpoint=checkpoint,
                proofs=proofs,
            )
        )
        self._package.add("manifest.json", [body])
        self._package.add("SHA256SUMS", [manifest.sums_of(self._package.files)])
        size_bytes, sha256 = self._package.finish()
        return Built(size_bytes, sha256, self._summary(packed, hashlib.sha256(body).hexdigest()))

    def _summary(self, packed: Sequence[PackedPlacement], manifest_sha256: str) -> dict[str, object]:
        return {
            "manifest_sha256": manifest_sha256,
            "files": len(self._package.files),
            "segments": sum(len(item.originals) for item in packed),
            "missing": sum(len(item.held.missing) + len(item.damaged) for item in packed),
            "views": [
                {
                    "name": view.file.name,
                    "placement_id": item.held.placement.id,
                    "start_at": manifest.instant(view.start_at),
                    "end_at": manifest.instant(view.end_at),
                    "size_bytes": view.file.size_bytes,
                }
                for item in packed
                for view in item.views
            ],
        }

    def _placement(self, held: Held) -> PackedPlacement:
        originals: list[OriginalFile] = []
        pieces: list[remux.Piece] = []
        damaged: dict[int, str] = {}
        for row in held.segments:
            try:
                file, head = self._original(held, row)
            except (IntegrityLost, NotFound) as error:
                # One spoilt file must not keep the others from the prosecutor; it is named in the manifest.
                damaged[row.number] = error.code
                log.warning("segment left out", placement=row.placement_id, number=row.number, problem=str(error))
            else:
                originals.append(OriginalFile(row, file))
                pieces.append(remux.Piece(row.number, row.start_at, row.end_at or row.start_at, head))
            self._step()
        views = tuple(self._view(held, run) for run in remux.stretches(pieces))
        return PackedPlacement(held, tuple(originals), views, damaged)

    def _original(self, held: Held, row: Segment) -> tuple[PackedFile, bytes]:
        with self._shop.reader.open(row.placement_id, row.number, self._dossier.hold.id) as segment:
            segment.verify()
            plain = segment.read()
        name = f"original/{held.placement.id}/{row.number:08d}_{row.start_at:%Y%m%dT%H%M%SZ}.mp4"
        return self._package.add(name, [plain]), remux.head_of(plain)

    def _view(self, held: Held, run: Sequence[remux.Piece]) -> ViewFile:
        """Write one playable file."""
        span = self._dossier.hold.span
        start_at, end_at = max(run[0].start_at, span.start_at), min(run[-1].end_at, span.end_at)
        name = f"view/{held.placement.id}_{start_at:%Y%m%dT%H%M%SZ}-{end_at:%Y%m%dT%H%M%SZ}_{run[0].number:08d}.mp4"
        joiner: remux.Joiner | None = None

        def pieces() -> Iterator[bytes]:
            nonlocal joiner
            yield run[0].head
            for piece in run:
                with self._shop.reader.open(held.placement.id, piece.number, self._dossier.hold.id) as segment:
                    plain = segment.read()
                places = remux.wanted_fragments(plain, piece.start_at, span)
                if joiner is None and places:
                    joiner = remux.Joiner(piece.start_at + timedelta(seconds=places[0].start / TIMESCALE))
                if joiner is not None:
                    yield from joiner.join(plain, piece.start_at, places)
                self._step()

        file = self._package.add(name, pieces())
        if joiner is None:
            raise IntegrityLost(f"segments {run[0].number}.. have no picture in the span", code="export.no-picture")
        return ViewFile(file, joiner.zero_at, joiner.end_at, tuple(piece.number for piece in run))

    def _step(self) -> None:
        if self._stopping():
            raise Interrupted
        if not self._shop.store.has_room():
            # Recording stops at the same mark: a package must not be what brings it there.
            raise StorageFull("the footage volume has no room for the package", code="footage.full")
        self._done += 1
        now_s = self._shop.clock.monotonic_s()
        if now_s - self._told_s >= _PROGRESS_EVERY_S:
            self._told_s = now_s
            with self._shop.db.write() as conn:
                exports.set_progress(conn, self._dossier.export.id, self._done)
