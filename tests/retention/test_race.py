"""Holds and the sweep as processes of their own, racing for the same rows of a real PostgreSQL."""

import multiprocessing
import os
import random
import secrets
import sys
from collections.abc import Callable
from datetime import timedelta
from multiprocessing.synchronize import Barrier
from pathlib import Path

from retention.holds import HoldRequest, place_hold
from retention.parts import RetentionParts
from retention.sweep import run_sweep
from tests.footage.scene import INVESTIGATOR, KEEP_FOR
from tests.retention.town import LIMITS, PERSON, Town
from vms.clock import ManualClock
from vms.db import segments
from vms.db.engine import Database
from vms.footage.keys import FileKeyring
from vms.footage.store import FootageStore
from vms.ledger.log import Ledger
from vms.model import PlacementId, SegmentState, Span

SEGMENTS = int(os.environ.get("VMS_RACE_SEGMENTS", "240"))
"""Of both placements together; 10,000 in a long run."""
EACH = timedelta(seconds=10)
P = (PlacementId("p0"), PlacementId("p1"))
_DEADLINE_S = 1800
_FORK = multiprocessing.get_context("fork")


def parts_of(url: str, folder: Path, clock: ManualClock) -> RetentionParts:
    """A process' own connections and keyring on what the town has on disk; its clock stands still."""
    keys, store = FileKeyring(folder / "keys"), FootageStore(folder / "footage")
    return RetentionParts(Database(url), keys, store, Ledger("test.example/log", clock), clock)


def sweeping(url: str, folder: Path, clock: ManualClock, barrier: Barrier) -> None:
    """Erase what is due, until two rounds in a row find nothing."""
    parts = parts_of(url, folder, clock)
    barrier.wait()
    idle = 0
    while idle < 2:
        report = run_sweep(parts, LIMITS)
        assert not report.doubts
        idle = 0 if report.claimed else idle + 1


def holding(url: str, folder: Path, clock: ManualClock, barrier: Barrier, requests: list[HoldRequest]) -> None:
    """Place holds; what each was told it keeps goes into a file of its own, on which the oracle relies."""
    parts = parts_of(url, folder, clock)
    barrier.wait()
    for request in requests:
        result = place_hold(parts, request, PERSON)
        late = {
            number for ranges in result.late.values() for first, last in ranges for number in range(first, last + 1)
        }
        promise = folder / f"promise-{request.request_id}"
        promise.write_text(" ".join(map(str, sorted(late))), encoding="ascii")


def run(*works: Callable[[], None]) -> None:
    """Run each in a process of its own, all at once, and see that each ends well."""
    running = [_FORK.Process(target=work) for work in works]
    for process in running:
        process.start()
    for process in running:
        process.join(_DEADLINE_S)
    assert [process.exitcode for process in running] == [0] * len(running)


def test_a_hold_gets_its_footage_or_is_told_that_it_came_too_late(
    postgres_url: str, clock: ManualClock, quick_folder: Path
) -> None:
    """Each segment of each hold: readable, or gone and told so. None is both promised and gone, none is left over."""
    database = Database(postgres_url)
    town = Town(database, clock, quick_folder)
    begun_at = clock.now()
    for _ in range(SEGMENTS // len(P)):
        for placement_id in P:
            town.record(placement_id, EACH)
        clock.advance(EACH)
    # All become due in one sweep; one before it, so that this is no first start after a long absence.
    clock.advance(begun_at + KEEP_FOR - timedelta(minutes=1) - clock.now())
    town.record(P[0], EACH)
    run_sweep(town.parts, LIMITS)
    clock.advance(begun_at + KEEP_FOR + EACH * (SEGMENTS // len(P)) + timedelta(hours=1, minutes=1) - clock.now())
    rng = random.Random(1)
    requests = []
    for _ in range(max(8, SEGMENTS // 8)):
        item = rng.choice(town.recorded[:-1])
        span = Span(item.span.start_at, item.span.start_at + EACH * rng.randint(1, 8))
        requests.append(
            HoldRequest(
                request_id=secrets.token_hex(8),
                case_number="PL0900-2026-123456",
                ground="wpg-8",
                reason="assault near the fountain",
                placement_ids=(item.ref.placement_id,),
                span=span,
                review_on=clock.now() + timedelta(days=14),
                requested_by=INVESTIGATOR,
            )
        )
    database.dispose()
    barrier = _FORK.Barrier(3)
    half = len(requests) // 2
    run(
        lambda: sweeping(postgres_url, quick_folder, clock, barrier),
        lambda: holding(postgres_url, quick_folder, clock, barrier, requests[:half]),
        lambda: holding(postgres_url, quick_folder, clock, barrier, requests[half:]),
    )
    town.restart()
    kept = told = 0
    promised: set[tuple[PlacementId, int]] = set()
    for request in requests:
        late = {
            int(word) for word in (quick_folder / f"promise-{request.request_id}").read_text(encoding="ascii").split()
        }
        told += len(late)
        for item in town.recorded:
            number = item.ref.number or 0
            if item.ref.placement_id not in request.placement_ids or not item.span.overlaps(request.span):
                continue
            if number not in late:
                promised.add((item.ref.placement_id, number))
    for item in town.recorded[:-1]:
        name = (item.ref.placement_id, item.ref.number or 0)
        if name in promised:
            assert town.readable(item), f"{name} was promised and is gone"
            kept += 1
        else:
            assert not town.readable(item), f"{name} is due and was promised to nobody"
            assert not town.store.has_any(item.ref)
            with database.read() as conn:
                assert segments.get(conn, *name).state is SegmentState.DESTROYED
    assert kept, f"all {told} came too late: the race was none"
    assert told, f"all {kept} were kept: the race was none"
    sys.stderr.write(f"{SEGMENTS} segments, {len(requests)} holds: {kept} kept, {told} told too late\n")
    database.dispose()
