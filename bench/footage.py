"""Footage at rest: encrypting against bare AES-GCM, sealing and erasing against what a hundred cameras need.

CPU seconds where the disk plays no part, so that a busy machine matters less; wall time where it does.
"""

import hashlib
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bench.cpu import own_cpu
from bench.report import Ratio, Report, table
from retention.sweep import run_sweep
from tests.footage.scene import KEEP_FOR, Scene, packets
from tests.postgres import running_server
from tests.retention.asking import confirm_clock
from tests.retention.town import LIMITS, Town
from vms.clock import ManualClock
from vms.db import migrate
from vms.db.engine import Database
from vms.footage.chunked import CHUNK_BYTES, BytesSource, ChunkedReader, ChunkedWriter
from vms.model import PlacementId

CAMERAS = 100
BIT_RATE_BPS = 4_000_000
PLACEMENTS = 10
_START_AT = datetime(2026, 11, 1, 12, tzinfo=UTC)


class _Sink:
    def __init__(self) -> None:
        self.parts: list[bytes] = []

    def write(self, data: bytes, /) -> None:
        self.parts.append(data)


def run(*, rounds: int, quick: bool) -> Report:
    """Measure."""
    size = (2 if quick else 32) << 20
    segments = 60 if quick else 1200
    ours, peer, reading = _cipher(size, rounds)
    folder = Path(tempfile.mkdtemp(prefix="vms-bench-"))
    try:
        pictures = _record(folder / "recorder", 20 if quick else 110, rounds)
        rows = [("SQLite", *_life(f"sqlite:///{folder}/life.sqlite", folder / "sqlite", segments))]
        with running_server(durable=True) as server:
            rows.append(("PostgreSQL", *_life(server.url(server.create()), folder / "postgresql", segments)))
    finally:
        shutil.rmtree(folder)
    need = CAMERAS / 60
    lines = [
        (
            f"need of {CAMERAS} cameras: {CAMERAS * BIT_RATE_BPS / 8e6:.0f} MB/s encrypted, {CAMERAS * 25} pictures/s,"
            f" {need:.1f} segments/s sealed and erased"
        ),
        f"read in ranges of 1 MiB: {size / 1e6 / reading:.0f} MB per CPU second",
        f"record pictures of 20 kB, rows included: {pictures:.0f} per CPU second",
        "",
        *table(
            ("database", "sealed/s", "erased/s", "three days off caught up in"),
            [(name, f"{s:.0f}", f"{e:.0f}", f"{CAMERAS * 4320 / e / 60:.0f} min") for name, s, e in rows],
        ),
        "Tiny files; one recorder after another; wall time, every step durable.",
    ]
    figures = [(f"segments erased a second, {name} (need {need:.1f})", f"{e:.0f}") for name, _, e in rows]
    ratio = Ratio.of("encrypt and digest, against bare AES-GCM and SHA-256", ours=ours, peer=peer, unit="CPU s")
    return Report("Footage at rest", tuple(lines), (ratio,), tuple(figures))


def _cipher(size: int, rounds: int) -> tuple[list[float], list[float], float]:
    plain, key = secrets.token_bytes(size), secrets.token_bytes(32)
    pieces = [plain[begin : begin + 200_000] for begin in range(0, size, 200_000)]
    ours, peer, reading = [], [], []
    for _ in range(rounds):
        sink = _Sink()
        with own_cpu() as spent:
            writer = ChunkedWriter(sink, key, b"bench")
            for piece in pieces:
                writer.write(piece)
            writer.finish()
        ours.append(spent.seconds)
        with own_cpu() as spent:
            _bare(plain, key)
        peer.append(spent.seconds)
        reader = ChunkedReader(BytesSource(b"".join(sink.parts)), key, b"bench")
        with own_cpu() as spent:
            for begin in range(0, size, 1 << 20):
                reader.read(begin, 1 << 20)
        reading.append(spent.seconds)
    return ours, peer, min(reading)


def _bare(plain: bytes, key: bytes) -> None:
    aead, digest = AESGCM(key), hashlib.sha256()
    for number in range(len(plain) // CHUNK_BYTES):
        chunk = plain[number * CHUNK_BYTES : (number + 1) * CHUNK_BYTES]
        digest.update(aead.encrypt(number.to_bytes(12), chunk, None))


def _record(folder: Path, seconds: int, rounds: int) -> float:
    folder.mkdir()
    url = f"sqlite:///{folder}/vms.sqlite"
    migrate.upgrade(url)
    clock, filler = ManualClock(_START_AT), b"\x00\x00\x00\x01\x06\x05" + b"\x55" * (BIT_RATE_BPS // 8 // 25)
    best = 0.0
    db = Database(url)
    scene = Scene.make(db, clock, folder)
    for number in range(rounds):
        taken = list(packets(_START_AT + timedelta(hours=number), seconds))
        padded = [type(one)(one.data + filler, one.captured_at, one.is_keyframe, 64, 48, "h264") for one in taken]
        with own_cpu() as spent, closing(scene.recorder()) as recorder:
            for packet in padded:
                recorder.append(packet)
        best = max(best, len(padded) / spent.seconds)
    db.dispose()
    return best


def _life(url: str, folder: Path, segments: int) -> tuple[float, float]:
    """Return segments sealed and erased a second."""
    migrate.upgrade(url)
    clock, db = ManualClock(_START_AT), Database(url)
    town = Town(db, clock, folder, placement_count=PLACEMENTS)
    run_sweep(town.parts, LIMITS)

    def record_all() -> None:
        for _ in range(segments // PLACEMENTS):
            for number in range(PLACEMENTS):
                town.record(PlacementId(f"p{number}"))
            clock.advance(timedelta(seconds=60))

    sealed_s = _took_s(record_all)
    clock.advance(KEEP_FOR + timedelta(hours=2))
    confirm_clock(town)
    erased_s = _took_s(lambda: run_sweep(town.parts, LIMITS))
    assert not town.store.has_any(town.recorded[-1].ref), "the sweep must have erased"
    db.dispose()
    return segments / sealed_s, segments / erased_s


def _took_s(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin
