"""The whole way of a frame in real processes: what was recorded and what a viewer got never shows a dwelling."""

import json
import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.ingest.leaks import Findings, Inspector, Picture
from tests.ingest.running import City, House, running_city, running_house, until
from tests.ingest.watching import View, decoded, watching
from vms.db import plans
from vms.ledger.acts import Act
from vms.ledger.search import Filter, search
from vms.model import GapCause, PlacementId, SegmentState, UserId

CAMERA = "vredenmarkt"


@dataclass
class Run:
    """A run of about a minute with a PTZ camera that never stands still, and what came of it."""

    city: City
    house: House
    view: View
    phases: dict[str, tuple[float, float]] = field(default_factory=dict)
    recorded: list[Picture] = field(default_factory=list)

    def phase(self, name: str, seconds: float, settle_s: float = 0.0) -> None:
        """Let a phase last; the first `settle_s` of it don't count as the phase."""
        began_s = time.time() + settle_s
        deadline = time.monotonic() + settle_s + seconds
        until(lambda: time.monotonic() >= deadline, settle_s + seconds + 10)
        self.phases[name] = (began_s, time.time())

    def within(self, name: str) -> list[Picture]:
        """Recorded pictures taken during a phase."""
        began_s, ended_s = self.phases[name]
        return [one for one in self.recorded if began_s <= one.captured_s < ended_s]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Pan; draw another mask; lose packets; cut the telemetry; change the resolution; kill the worker; pan on, and be tested throughout."""
    folder = tmp_path_factory.mktemp("way")
    with (
        running_city(folder / "city", CAMERA) as city,
        running_house(folder / "house", selftest_every_s=3) as house,
        watching(house.parts.settings.run, CAMERA) as view,
    ):
        city.order(CAMERA, do="autopilot", pattern="sweep", speed_deg_s=25)
        house.add(city.cameras[CAMERA])
        made = Run(city, house, view)
        worker = house.start(CAMERA)
        house.until_state(CAMERA, "live", 120)
        tester = house.run("selftest")
        made.phase("panning", 25)
        replan(house)
        until(lambda: house.status(CAMERA).get("plan_version") == 2, 60, "the new plan applies")
        made.phase("replanned", 4)
        city.order(CAMERA, fault="loss", percent=3)
        made.phase("loss", 8)
        city.order(CAMERA, fault="none")
        city.order(CAMERA, fault="telemetry", mode="cut")
        made.phase("telemetry cut", 6, settle_s=3)
        city.order(CAMERA, fault="none")
        house.until_state(CAMERA, "live", 60)
        city.order(CAMERA, fault="resolution", width=640, height=360)
        house.until_state(CAMERA, "grey", 60, reason="size-mismatch")
        made.phase("other size", 4)
        city.order(CAMERA, fault="none")
        house.until_state(CAMERA, "live", 60)
        made.phase("again", 3)
        # A segment cut off by a crash comes back without its grey spans: the kill hits a later one than those looked at.
        ended_s = made.phases["other size"][1]
        until(
            lambda: any(row.end_at and row.end_at.timestamp() > ended_s for row in house.segments(CAMERA)),
            90,
            "the segment is sealed",
        )
        # One that is killed before its first group of pictures is whole is lost, rightly: the kill hits one that has several.
        until(lambda: _written_s(house) > 3.0, 90, "the next segment has pictures in it")
        worker.send_signal(signal.SIGKILL)
        worker.wait(10)
        worker = house.start(CAMERA)
        until(lambda: house.status(CAMERA).get("epoch") == 2, 120)
        house.until_state(CAMERA, "live", 120)
        made.phase("after the kill", 6)
        assert house.stop(tester, 40) == 0
        assert house.stop(worker, 40) == 0
    # The city has ended: looking at the pictures takes long enough without it.
    for row, data in house.recorded(CAMERA):
        start_s = row.start_at.timestamp()
        made.recorded += [Picture(start_s + at_s, planes) for at_s, planes in decoded(data)]
    return made


def replan(house: House) -> None:
    """Approve another version while the camera turns: one more mask, in the middle of what it sees."""
    placement_id, now_at = PlacementId(CAMERA), datetime.now(UTC)
    with house.parts.db.write() as conn:
        before = plans.current(conn, placement_id)
        assert before is not None
        document = json.loads(json.dumps(before.document))
        azimuth, elevation = (sum(one) / len(one) for one in zip(*document["masks"][0]["polygon_deg"], strict=True))
        corners = [[azimuth + x, elevation - 8 + y] for x, y in ((-6, -4), (6, -4), (6, 4), (-6, 4))]
        document["masks"].append({"id": "new", "polygon_deg": corners})
        new = plans.add_draft(
            conn, placement_id, document=document, reason="a new house", drawn_by=UserId("drawer"), drawn_at=now_at
        )
        plans.approve(conn, placement_id, new.version, approved_by=UserId("approver"), approved_at=now_at)


def _written_s(house: House) -> float:
    """For how long the segment that is being written has been."""
    began_at = [row.start_at for row in house.segments(CAMERA) if row.state is SegmentState.OPEN]
    return (datetime.now(UTC) - max(began_at)).total_seconds() if began_at else 0.0


def _sampled(pictures: list[Picture], most: int) -> list[Picture]:
    """Evenly many of them: the truth takes long per picture."""
    step = max(1, len(pictures) // most)
    return pictures[::step]


@pytest.fixture(scope="module")
def findings(run: Run) -> Findings:
    """What the truth says of the recording."""
    return Inspector(run.city.truth, CAMERA, run.recorded).inspect(_sampled(run.recorded, 120))


@pytest.mark.processes
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_no_dwelling_pixel_is_in_the_recording(findings: Findings) -> None:
    """The promise of the whole product, through panning, loss, cut telemetry, another size and a killed worker."""
    assert findings.leaks == []
    assert findings.unmatched == 0
    assert findings.checked >= 15
    assert findings.dwelling_pixels > 100_000


@pytest.mark.processes
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_street_is_visible_while_the_camera_pans(run: Run) -> None:
    """All grey would pass every leak test."""
    panning = run.within("panning")
    assert panning
    assert sum(not one.all_grey for one in panning) > 0.5 * len(panning)


@pytest.mark.processes
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_viewer_gets_the_very_pictures_that_are_recorded(run: Run, findings: Findings) -> None:
    """One encode serves both, so that the recording's proof is the viewer's too; what only a viewer saw is inspected by itself."""
    recorded = {round(one.captured_s * 1e4): one for one in run.recorded}
    seen = [Picture(at_us / 1e6, planes) for at_us, planes in run.view.pictures()]
    assert len(seen) > 0.5 * len(run.recorded)
    only_seen = []
    for one in seen:
        key = round(one.captured_s * 1e4)
        twin = next((recorded[near] for near in (key, key - 1, key + 1, key - 2, key + 2) if near in recorded), None)
        if twin is None or any((a != b).any() for a, b in zip(one.planes, twin.planes, strict=True)):
            only_seen.append(one)
    assert len(only_seen) < 0.2 * len(seen)
    extra = Inspector(run.city.truth, CAMERA, seen).inspect(_sampled(only_seen, 12))
    assert extra.leaks == []
    assert findings.leaks == []


@pytest.mark.processes
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_self_test_looked_throughout_and_accused_nobody(run: Run) -> None:
    """By the plan before and after a mask was drawn in mid-pan, and across a killed worker: it sees enough, and no fault where none is."""
    with run.house.parts.db.read() as conn:
        passed = search(conn, Filter(acts=(Act.SELFTEST_PASSED,)))
        failed = search(conn, Filter(acts=(Act.SELFTEST_FAILED,)))
    assert [dict(entry.object) for entry in failed] == []
    looks: Counter[str] = Counter()
    for entry in passed:
        looks.update(dict(entry.object["looks"]))
    assert looks["live"] >= 3
    assert looks["recorded"] >= 1
    assert sum(entry.object["tested_px"] for entry in passed) > 1000
    assert {row.plan_version for row in run.house.segments(CAMERA)} == {1, 2}


@pytest.mark.processes
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_everything_is_grey_while_the_telemetry_is_cut(run: Run) -> None:
    """Nobody knows where the camera looks: nothing may be shown, and the recording says why."""
    cut = run.within("telemetry cut")
    assert cut
    began_s, ended_s = run.phases["telemetry cut"]
    inspector = Inspector(run.city.truth, CAMERA, ())
    records = [inspector.record_of_code(one) for one in cut if not one.all_grey]
    # A recorded instant may be off by what our idea of the camera's clock is: the simulator knows better when a picture was taken.
    shown = [record for record in records if record is None or began_s <= record.true_utc_s < ended_s]
    assert shown == []
    reasons = {
        grey.reason
        for grey in run.house.greys(CAMERA)
        if grey.start_at.timestamp() < ended_s and grey.end_at.timestamp() > began_s
    }
    assert reasons & {"pose-late", "pose-stale", "pose-missing"}, reasons


@pytest.mark.processes
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_everything_is_grey_at_another_size_than_the_plans(run: Run) -> None:
    """Another profile may have another crop: the plan's masks say nothing about it."""
    other = run.within("other size")
    assert other
    assert all(one.all_grey for one in other)


@pytest.mark.processes
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_killed_worker_leaves_a_gap_with_its_cause_and_no_hole_in_the_numbers(run: Run) -> None:
    """Completeness is interval arithmetic: every number is there, and every missing second has a reason."""
    rows = run.house.segments(CAMERA)
    assert [row.number for row in rows] == list(range(1, len(rows) + 1))
    assert {row.state.value for row in rows} == {"sealed"}
    assert GapCause.WORKER_CRASHED in {gap.cause for gap in run.house.gaps(CAMERA)}
    began_s, _ = run.phases["after the kill"]
    assert any(one.captured_s >= began_s and not one.all_grey for one in run.recorded)


@pytest.mark.processes
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_capture_instants_are_on_our_clock_although_the_cameras_is_wrong(run: Run) -> None:
    """Footage of several cameras must be comparable; this camera's clock is 37.5 s ahead."""
    inspector = Inspector(run.city.truth, CAMERA, ())
    found = [
        (one.captured_s, record)
        for one in run.within("panning")
        if (record := inspector.record_of_code(one)) is not None
    ]
    assert found
    errors_s = sorted(captured_s - record.true_utc_s for captured_s, record in found)
    # Our clock of the camera is as late as the quickest picture on its way: on a busy machine the simulator itself is late.
    quickest_s = min(record.sent_utc_s - record.true_utc_s for _, record in found if record.sent_utc_s is not None)
    assert errors_s[len(errors_s) // 2] == pytest.approx(quickest_s, abs=0.5)
    assert Path(run.city.truth).is_dir()
