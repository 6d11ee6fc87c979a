"""A sweep after days off: real rows, real files, each camera-hour claimed, wiped, unlinked, checked and confirmed, every step durable.

The peer is what most systems do: unlink the same files, and make each folder durable as often as we do; no database, no ledger, no
keys. A hundred cameras, two hours a round (`VMS_BENCH_MINUTES`); three days are 36 such rounds. Files have 4 KiB: a real segment has
some 30 MB, and unlinking it costs the file system more, us and the peer alike.
"""

import hashlib
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from bench.report import Ratio, Report, table
from retention.sweep import run_sweep
from tests.footage.scene import KEEP_FOR
from tests.postgres import running_server
from tests.retention.asking import confirm_clock
from tests.retention.town import LIMITS, Town
from vms.clock import ManualClock
from vms.db import migrate, segments
from vms.db.engine import Database
from vms.footage.durable import sync_folder
from vms.footage.store import SegmentRef
from vms.model import PlacementId, SegmentMode, SegmentState, Span, hour_of

CAMERAS = 100
MINUTES = int(os.environ.get("VMS_BENCH_MINUTES", "120"))
THREE_DAYS = CAMERAS * 3 * 24 * 60
NEED_PER_S = CAMERAS / 60
_FILE = secrets.token_bytes(4096)
_SHA256 = hashlib.sha256(_FILE).hexdigest()
_START_AT = datetime(2026, 11, 1, 12, tzinfo=UTC)
_MINUTE = timedelta(minutes=1)


def run(*, rounds: int, quick: bool) -> Report:
    """Measure both databases."""
    cameras, minutes = (4, 10) if quick else (CAMERAS, MINUTES)
    rows, ratios, figures = [], [], []
    folder = Path(tempfile.mkdtemp(prefix="vms-bench-"))
    try:
        with running_server(durable=True) as server:
            for name, url in (
                ("SQLite", f"sqlite:///{folder}/vms.sqlite"),
                ("PostgreSQL", server.url(server.create())),
            ):
                ours, peer = _rounds(url, folder / name, cameras, minutes, rounds)
                ratio = Ratio.of(f"erase a segment, {name}, against unlink and fsync", ours=ours, peer=peer, unit="ms")
                ratios.append(ratio)
                rate = 1000 / ratio.ours
                minutes_off = THREE_DAYS / rate / 60
                rows.append(
                    (name, f"{rate:.0f}", f"{1000 / ratio.peer:.0f}", f"{rate / NEED_PER_S:.0f}", f"{minutes_off:.0f}")
                )
                figures.append((f"{THREE_DAYS} segments (three days off) erased in, {name}", f"{minutes_off:.0f} min"))
    finally:
        shutil.rmtree(folder)
    header = ("database", "segments/s", "unlink/s", "times the need", "three days, min")
    note = (
        f"{cameras} cameras, {cameras * minutes} segments a round, {rounds} rounds; need {NEED_PER_S:.1f}/s;"
        f" three days are {THREE_DAYS} segments, reckoned from the rate; wall time."
    )
    return Report("Erasing", (*table(header, rows), note), tuple(ratios), tuple(figures))


def _rounds(url: str, folder: Path, cameras: int, minutes: int, rounds: int) -> tuple[list[float], list[float]]:
    """Return milliseconds per segment, ours and the peer's, per round."""
    migrate.upgrade(url)
    clock, db = ManualClock(_START_AT), Database(url)
    with closing(_Disposing(db)):
        town = Town(db, clock, folder, placement_count=cameras)
        run_sweep(town.parts, LIMITS)
        ours, peer = [], []
        for _ in range(rounds):
            refs = _record(town, cameras, minutes)
            copies = _copy(refs, town, folder / "peer")
            clock.advance(KEEP_FOR + timedelta(hours=2))
            confirm_clock(town)
            ours.append(_took_s(lambda: run_sweep(town.parts, LIMITS)) * 1000 / len(refs))
            _check(town, refs)
            peer.append(_took_s(partial(_unlink, copies)) * 1000 / len(refs))
    return ours, peer


class _Disposing:
    def __init__(self, db: Database) -> None:
        self.close = db.dispose


def _record(town: Town, cameras: int, minutes: int) -> list[SegmentRef]:
    """Make sealed segments, a transaction a camera: how they come to be is not measured here."""
    made = []
    for number in range(cameras):
        placement_id = PlacementId(f"p{number}")
        with town.db.write() as conn:
            for minute in range(minutes):
                start_at = town.clock.now() + minute * _MINUTE
                key = town.keys.new_segment_key(hour_of(start_at))
                epoch = town.epochs[placement_id]
                given = segments.open_segment(
                    conn,
                    placement_id,
                    epoch,
                    start_at=start_at,
                    due_at=start_at + KEEP_FOR,
                    mode=SegmentMode.MASKED,
                    plan_version=1,
                    wrapped_key=key.wrapped,
                )
                segments.seal_segment(
                    conn,
                    placement_id,
                    given,
                    epoch,
                    end_at=start_at + _MINUTE,
                    size_bytes=len(_FILE),
                    sha256=_SHA256,
                    blanking={},
                    fragments=[(0, len(_FILE), 0)],
                    grey_spans=[],
                )
                made.append(SegmentRef(placement_id, start_at, epoch, given))
    for ref in made:
        path = town.store.path(ref)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_FILE)
    town.clock.advance(minutes * _MINUTE)
    return made


def _copy(refs: list[SegmentRef], town: Town, folder: Path) -> list[list[Path]]:
    """Make the peer's files, in folders like ours; return them by camera-hour."""
    groups: dict[tuple[str, datetime], list[Path]] = {}
    for ref in refs:
        path = folder / town.store.path(ref).relative_to(town.store.folder)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_FILE)
        groups.setdefault((ref.placement_id, hour_of(ref.start_at)), []).append(path)
    return list(groups.values())


def _unlink(groups: list[list[Path]]) -> None:
    for group in groups:
        for path in group:
            path.unlink()
        for parent in {path.parent for path in group}:
            sync_folder(parent)


def _check(town: Town, refs: list[SegmentRef]) -> None:
    assert not any(town.store.exists(ref) for ref in refs), "the sweep must have erased"
    ever = Span(_START_AT - timedelta(days=1), town.clock.now())
    with town.db.read() as conn:
        left = segments.covering(conn, refs[-1].placement_id, ever, [SegmentState.SEALED, SegmentState.EXPIRING])
    assert left == [], "and confirmed it"


def _took_s(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin
