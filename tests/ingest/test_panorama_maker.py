"""The worker's panorama: stored masked and encrypted, greyed by each plan that comes, never shown under another one, and gone in time."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from blanking.frames import BlankedFrame
from blanking.panorama import Panorama
from blanking.plan_values import DirectionPlan
from blanking.pose import PoseSample
from ingest.panorama import PanoramaMaker
from ingest.plan_watch import ActivePlan
from retention.derived import erase_due_derivatives
from retention.parts import RetentionParts
from tests import builders
from tests.blanking.test_panorama import cell, picture, plan
from vms.clock import ManualClock
from vms.db import hour_keys, panoramas
from vms.db.engine import Database
from vms.db.panoramas import StoredPanorama
from vms.errors import IntegrityLost, NotFound
from vms.footage.keys import FileKeyring
from vms.footage.panorama import opened_panorama
from vms.footage.store import FootageStore
from vms.ledger.log import Ledger
from vms.ledger.search import Filter, search
from vms.model import PlacementId, hour_of

HERE = PlacementId("place-1")
KEEP_FOR = timedelta(days=27)
MIDDLE = ((-5.0, -5.0), (5.0, -5.0), (5.0, 5.0), (-5.0, 5.0))


@pytest.fixture
def keys(tmp_path: Path) -> FileKeyring:
    """A keyring."""
    return FileKeyring(tmp_path / "keys")


@pytest.fixture
def maker(sqlite_database: Database, keys: FileKeyring, clock: ManualClock) -> PanoramaMaker:
    """A maker of a placed camera."""
    with sqlite_database.write() as conn:
        builders.add_people(conn)
        builders.add_placement(conn, HERE)
    return PanoramaMaker(HERE, sqlite_database, keys, clock, KEEP_FOR)


def active(version: int, *masks: tuple[tuple[float, float], ...]) -> ActivePlan:
    """An approved plan."""
    return ActivePlan(version, plan(*masks), no_dwelling_in_sight=False)


def look(
    maker: PanoramaMaker,
    clock: ManualClock,
    under: ActivePlan,
    *,
    turning_deg: float = 0.0,
    frame: BlankedFrame | None = None,
) -> None:
    """The camera looks ahead, and the maker has all the time it needs."""
    clock.advance(timedelta(seconds=61))
    maker.forget_poses()
    maker.sample(PoseSample(-0.1, -0.1, 0.0, 0.0, 0.0, 0.0))
    maker.sample(PoseSample(0.1, 0.1, 0.2, turning_deg, 0.0, 0.0))
    maker.offer(frame or picture(200), under)
    maker.step()
    clock.advance(timedelta(seconds=61))
    maker.step()


def stored(db: Database) -> StoredPanorama | None:
    """What is in the database."""
    with db.read() as conn:
        return panoramas.find(conn, HERE)


def shown(db: Database, keys: FileKeyring, azimuth_deg: float, elevation_deg: float) -> int:
    """The red of a stored cell."""
    row = stored(db)
    assert row is not None
    plain = opened_panorama(keys, row)
    rgb = np.frombuffer(plain.rgb, np.uint8).reshape(plain.rows, plain.columns, 3)
    return int(rgb[cell(azimuth_deg, elevation_deg)][0])


def test_it_is_stored_masked_and_encrypted_under_the_key_of_its_hour(
    maker: PanoramaMaker, sqlite_database: Database, keys: FileKeyring, clock: ManualClock
) -> None:
    """Like footage: readable with the hour's key only, and bound to placement, plan and beginning."""
    begun = clock.now()
    look(maker, clock, active(1, MIDDLE))
    row = stored(sqlite_database)
    assert row is not None
    assert row.plan_version == 1
    assert begun <= row.begun_at <= clock.now()
    assert row.due_at == row.begun_at + KEEP_FOR
    assert shown(sqlite_database, keys, 0.0, 0.0) == 128
    assert shown(sqlite_database, keys, 15.0, 0.0) > 190
    assert shown(sqlite_database, keys, 120.0, 0.0) == 128
    assert b"\xc8" * 64 not in row.sealed
    with pytest.raises(IntegrityLost):
        opened_panorama(keys, StoredPanorama(**{**_fields(row), "plan_version": 2}))
    keys.destroy_hour(row.hour_at)
    with pytest.raises(NotFound):
        opened_panorama(keys, row)


def _fields(row: StoredPanorama) -> dict[str, object]:
    return {name: getattr(row, name) for name in StoredPanorama.__dataclass_fields__}


def test_a_camera_that_moves_or_a_grey_picture_adds_nothing(
    maker: PanoramaMaker, sqlite_database: Database, clock: ManualClock
) -> None:
    """A pose that is not known exactly would put a dwelling beside its mask."""
    look(maker, clock, active(1), turning_deg=0.2)
    assert stored(sqlite_database) is None
    maker.forget_poses()
    clock.advance(timedelta(seconds=61))
    maker.offer(picture(200), active(1))
    maker.step()
    assert stored(sqlite_database) is None


def test_a_tighter_plan_greys_what_is_stored_at_once(
    maker: PanoramaMaker, sqlite_database: Database, keys: FileKeyring, clock: ManualClock
) -> None:
    """Without waiting for another picture; also by a worker that has just started."""
    look(maker, clock, active(1))
    assert shown(sqlite_database, keys, 0.0, 0.0) > 190
    another = PanoramaMaker(HERE, sqlite_database, keys, clock, KEEP_FOR)
    another.replan(active(2, MIDDLE))
    another.step()
    row = stored(sqlite_database)
    assert row is not None
    assert row.plan_version == 2
    assert shown(sqlite_database, keys, 0.0, 0.0) == 128
    assert shown(sqlite_database, keys, 15.0, 0.0) > 190


@pytest.mark.parametrize("plan_now", [None, "broken"])
def test_without_a_plan_that_can_be_drawn_it_is_erased(
    maker: PanoramaMaker,
    sqlite_database: Database,
    clock: ManualClock,
    monkeypatch: pytest.MonkeyPatch,
    plan_now: str | None,
) -> None:
    """Fail closed: what can't be greyed is not kept."""
    look(maker, clock, active(1))
    if plan_now is None:
        maker.replan(ActivePlan(None, None, no_dwelling_in_sight=False))
    else:

        def fail(_whole: Panorama, _plan: DirectionPlan) -> None:
            raise ArithmeticError("a mask can't be cut")

        monkeypatch.setattr(Panorama, "grey", fail)
        maker.replan(active(2, MIDDLE))
    maker.step()
    assert stored(sqlite_database) is None


def test_it_is_begun_anew_every_week(
    maker: PanoramaMaker, sqlite_database: Database, keys: FileKeyring, clock: ManualClock
) -> None:
    """Nothing in it is older than that, whatever was seen when."""
    look(maker, clock, active(1))
    first = stored(sqlite_database)
    assert first is not None
    clock.advance(timedelta(days=7))
    half = np.full((368, 640), 200, np.uint8)
    look(maker, clock, active(1), frame=picture(half - 100))
    row = stored(sqlite_database)
    assert row is not None
    assert row.begun_at >= first.begun_at + timedelta(days=7)
    assert shown(sqlite_database, keys, 0.0, 0.0) < 120


def test_it_is_begun_anew_when_it_was_begun_in_the_future(
    maker: PanoramaMaker, sqlite_database: Database, keys: FileKeyring, clock: ManualClock
) -> None:
    """By a clock that was ahead: it would go on growing until that instant and be kept from then on."""
    clock.step_wall_clock(timedelta(days=3))
    look(maker, clock, active(1))
    clock.step_wall_clock(timedelta(days=-3))
    begun = clock.now()
    half = np.full((368, 640), 200, np.uint8)
    look(maker, clock, active(1), frame=picture(half - 100))
    row = stored(sqlite_database)
    assert row is not None
    assert begun <= row.begun_at <= clock.now()
    assert shown(sqlite_database, keys, 0.0, 0.0) < 120


def test_what_was_erased_with_its_footage_does_not_come_back(
    maker: PanoramaMaker, sqlite_database: Database, keys: FileKeyring, clock: ManualClock
) -> None:
    """The worker has the same in memory: early erasure is for that, too."""
    look(maker, clock, active(1))
    with sqlite_database.write() as conn:
        assert panoramas.drop(conn, HERE)
    half = np.full((368, 640), 200, np.uint8)
    for _ in range(2):
        look(maker, clock, active(1), frame=picture(half - 100))
    assert shown(sqlite_database, keys, 0.0, 0.0) < 120


def test_it_is_erased_when_due_and_the_ledger_says_so(
    maker: PanoramaMaker, sqlite_database: Database, keys: FileKeyring, clock: ManualClock, tmp_path: Path
) -> None:
    """Nobody has to look at it for it to go."""
    look(maker, clock, active(1))
    row = stored(sqlite_database)
    assert row is not None
    assert row.hour_at == hour_of(row.begun_at)
    with sqlite_database.read() as conn:
        assert hour_keys.get(conn, row.hour_at) is not None
    parts = RetentionParts(
        sqlite_database,
        keys,
        FootageStore(tmp_path / "footage"),
        Ledger("test.example/log", clock),
        clock,
    )
    assert erase_due_derivatives(parts, clock.now()) == 0
    clock.advance(KEEP_FOR)
    assert erase_due_derivatives(parts, clock.now()) == 1
    assert stored(sqlite_database) is None
    with sqlite_database.read() as conn:
        assert [entry.act.value for entry in search(conn, Filter(), limit=9)] == ["panorama.erased"]


def test_a_picture_that_cost_much_is_followed_by_a_long_rest(
    sqlite_database: Database, keys: FileKeyring, clock: ManualClock
) -> None:
    """Whatever plan, machine and picture: the panorama takes under two hundredths of a processor from what blanks and records."""
    with sqlite_database.write() as conn:
        builders.add_people(conn)
        builders.add_placement(conn, HERE)
    spent = iter(range(10_000))
    a_step_s = 0.1
    maker = PanoramaMaker(HERE, sqlite_database, keys, clock, KEEP_FOR, cpu_s=lambda: next(spent) * a_step_s)
    began_s = clock.monotonic_s()
    steps = 0
    while clock.monotonic_s() - began_s < 600:
        maker.forget_poses()
        maker.sample(PoseSample(-0.1, -0.1, 0.0, 0.0, 0.0, 0.0))
        maker.sample(PoseSample(0.1, 0.1, 0.2, 0.0, 0.0, 0.0))
        before = maker.taken
        maker.offer(picture(200), active(1))
        if maker.taken > before:
            maker.step()
            steps += 1
        clock.advance(timedelta(seconds=1))
    assert 2 < steps <= 600 * 0.02 / a_step_s
