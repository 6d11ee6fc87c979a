"""Edge recordings: what a camera says that it keeps by itself is understood, written down and told, whatever it answers."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from ingest.address import CameraAddress
from ingest.edge import AGAIN_AFTER, EVERY, EdgeRecords, EdgeWatch, connect
from ingest.edge_answers import MOST_ASKED, Answers
from tests import builders
from tests.ingest.running import City, running_city, running_house, until
from vms.cli.main import app
from vms.clock import ManualClock, SystemClock
from vms.db import edge
from vms.db.edge import EdgeCheck, EdgeRecordings
from vms.db.engine import Database
from vms.errors import Unavailable, VmsError
from vms.ledger.acts import Act
from vms.ledger.log import Ledger
from vms.ledger.search import Filter, search
from vms.model import EdgeState, PlacementId

PLACE = PlacementId("place-1")
CAMERA = "spoorplein"
NONE = EdgeRecordings(EdgeState.NONE)
KEPT = EdgeRecordings(EdgeState.RECORDINGS, recordings=1, active_jobs=1, retention=timedelta(days=60))
AWAY = Unavailable("away", code="camera.unreachable")
FIRST, LAST = datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)


@dataclass
class FakeDevice:
    """Gives the answers that it is given, in turn."""

    answers: list[EdgeRecordings | VmsError]
    closed: int = 0
    switched: list[bool] = field(default_factory=list)

    def edge_recordings(self) -> EdgeRecordings:
        """Answer, or fail."""
        answer = self.answers.pop(0)
        if isinstance(answer, VmsError):
            raise answer
        return answer

    def switch_edge_off(self) -> int:
        """Note it."""
        self.switched.append(True)
        return 1

    def close(self) -> None:
        """Count."""
        self.closed += 1


@pytest.fixture
def records(database: Database, clock: ManualClock) -> EdgeRecords:
    """Records of a placed camera."""
    with database.write() as conn:
        builders.add_people(conn)
        builders.add_placement(conn, PLACE)
    return EdgeRecords(PLACE, database, Ledger("vms.test/edge", clock), clock)


def told(database: Database) -> list[tuple[str, Any, str | None]]:
    """The entries about edge recordings, oldest first."""
    with database.read() as conn:
        found = search(conn, Filter(acts=(Act.EDGE_FOUND, Act.EDGE_CHECKED, Act.EDGE_SWITCH_OFF)))
    return [(one.act.value, one.object.get("state"), one.document["why"]) for one in reversed(found)]


def test_recordings_are_in_the_ledger_every_day_and_anything_else_when_it_changes(
    records: EdgeRecords, database: Database, clock: ManualClock
) -> None:
    """A finding that was written once and forgotten is not "reported daily"; a log of 83 cameras that have nothing is noise."""
    device = FakeDevice([NONE, NONE, KEPT, KEPT, AWAY, AWAY, KEPT, replace(KEPT, state=EdgeState.EMPTY), NONE])
    for _ in range(9):
        records.asked(lambda: device)
        clock.advance(EVERY)
    assert told(database) == [
        ("edge.checked", "none", None),
        ("edge.found", "recordings", None),
        ("edge.found", "recordings", None),
        ("edge.checked", None, "camera.unreachable"),
        ("edge.found", "recordings", None),
        ("edge.checked", "empty", None),
        ("edge.checked", "none", None),
    ]
    assert device.closed == 9


def test_a_camera_that_goes_silent_keeps_its_last_answer(
    records: EdgeRecords, database: Database, clock: ManualClock
) -> None:
    """Pulling the network cable must not make an alarm go away."""
    device = FakeDevice([KEPT, AWAY])
    records.asked(lambda: device)
    answered_at = clock.now()
    clock.advance(EVERY)
    records.asked(lambda: device)
    with database.read() as conn:
        check = edge.of_all(conn)[PLACE]
    assert check == EdgeCheck(PLACE, answered_at + EVERY, "camera.unreachable", answered_at, KEPT)
    assert check.keeps


def test_a_refused_question_is_not_called_a_wrong_password(records: EdgeRecords) -> None:
    """The account is right, its rights are not: whoever reads it must not hunt for a password."""
    refused = Unavailable("no", code="camera.wrong-password")
    assert records.asked(lambda: FakeDevice([refused])).reason == "camera.edge-refused"
    no_onvif = CameraAddress("rtsp://192.0.2.1/x", "u", "p", "tcp", None)
    assert records.asked(lambda: connect(no_onvif, SystemClock())).reason == "camera.no-onvif"


def test_a_camera_is_asked_at_the_start_and_daily_and_sooner_when_it_did_not_answer(
    records: EdgeRecords, clock: ManualClock
) -> None:
    """A worker that restarts asks no more than once a day; a question that is under way is not asked again."""
    asked: list[datetime] = []

    def watch() -> EdgeWatch:
        return EdgeWatch(records, clock, lambda: asked.append(clock.now()))

    one = watch()
    one.look()
    one.look()
    assert len(asked) == 1, "the answer has not come yet"
    records.asked(lambda: FakeDevice([NONE]))
    clock.advance(EVERY - timedelta(seconds=1))
    watch().look()
    assert len(asked) == 1
    clock.advance(timedelta(seconds=1))
    one.look()
    assert len(asked) == 2
    records.asked(lambda: FakeDevice([AWAY]))
    clock.advance(AGAIN_AFTER)
    watch().look()
    assert len(asked) == 3
    records.asked(lambda: FakeDevice([NONE]))
    clock.advance(-timedelta(days=3))
    watch().look()
    assert len(asked) == 4, "an answer from the future is none"


def item(token: str | None = "r", retention: Any = timedelta(days=30)) -> SimpleNamespace:
    """An item of GetRecordings."""
    return SimpleNamespace(RecordingToken=token, Configuration=SimpleNamespace(MaximumRetentionTime=retention))


def job(mode: str | None) -> SimpleNamespace:
    """An item of GetRecordingJobs."""
    return SimpleNamespace(JobToken="j", JobConfiguration=SimpleNamespace(Mode=mode))


def about(
    first: datetime | None,
    last: datetime | None,
    *tracks: tuple[datetime | None, datetime | None],
    status: str = "Stopped",
) -> SimpleNamespace:
    """A RecordingInformation."""
    listed = [SimpleNamespace(DataFrom=begin, DataTo=end) for begin, end in tracks]
    return SimpleNamespace(EarliestRecording=first, LatestRecording=last, Track=listed, RecordingStatus=status)


YEAR_ONE = datetime(1, 1, 1, tzinfo=UTC)
WORDS: list[tuple[str, EdgeState, Callable[[str], Any] | None, datetime | None]] = [
    ("nothing in it", EdgeState.EMPTY, lambda _: about(None, None), None),
    ("an empty one that names an instant twice", EdgeState.EMPTY, lambda _: about(FIRST, FIRST, (FIRST, FIRST)), None),
    ("pictures", EdgeState.RECORDINGS, lambda _: about(FIRST, LAST), FIRST),
    ("pictures in a track only", EdgeState.RECORDINGS, lambda _: about(None, None, (None, None), (FIRST, LAST)), FIRST),
    ("no zone", EdgeState.RECORDINGS, lambda _: about(FIRST.replace(tzinfo=None), LAST.replace(tzinfo=None)), FIRST),
    ("a begin and no end", EdgeState.RECORDINGS, lambda _: about(FIRST, None), FIRST),
    ("a clock that was reset", EdgeState.RECORDINGS, lambda _: about(YEAR_ONE, LAST), None),
    ("recording now, nothing told", EdgeState.RECORDINGS, lambda _: about(None, None, status="Recording"), None),
    ("no word about it", EdgeState.RECORDINGS, lambda _: None, None),
    ("no search service", EdgeState.RECORDINGS, None, None),
]


@pytest.mark.parametrize(
    ("state", "information", "oldest_at"), [one[1:] for one in WORDS], ids=[one[0] for one in WORDS]
)
def test_in_doubt_a_recording_counts_as_kept(
    state: EdgeState, information: Callable[[str], Any] | None, oldest_at: datetime | None
) -> None:
    """A card wrongly looked at costs a walk; one that is missed keeps faces for years."""
    ahead = timedelta(seconds=37)
    found = Answers(ahead).judged([item()], [job("Idle")], information)
    assert found.state is state
    assert found.oldest_at == (None if oldest_at is None else oldest_at - ahead)
    assert found.retention == timedelta(days=30)


def test_a_running_job_is_enough_and_without_limit_is_no_limit() -> None:
    """A camera that writes will have pictures; a retention of 0 means none, by the standard."""
    found = Answers(timedelta()).judged([], [job("Active")], None)
    assert (found.state, found.active_jobs, found.recordings) == (EdgeState.RECORDINGS, 1, 0)
    both = [item("a"), item("b", timedelta())]
    assert Answers(timedelta()).judged(both, [], lambda _: about(None, None)).retention is None
    asked: list[str] = []
    many = Answers(timedelta()).judged(
        [item(str(place)) for place in range(MOST_ASKED + 1)],
        None,
        lambda token: (asked.append(token), about(None, None))[1],
    )
    assert (len(asked), many.recordings, many.more) == (MOST_ASKED, 1, True)


@pytest.mark.parametrize(("items", "jobs"), [([item(None)], []), ([], [job(None)])])
def test_an_answer_that_can_not_be_understood_is_none(items: list[Any], jobs: list[Any]) -> None:
    """Half an answer must not be taken for "nothing there"."""
    with pytest.raises(Unavailable, match="nonsense"):
        Answers(timedelta()).judged(items, jobs, lambda _: about(None, None))


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    """A simulated camera."""
    with running_city(tmp_path_factory.mktemp("edge"), CAMERA) as found:
        yield found


@pytest.mark.processes
@pytest.mark.parametrize(
    ("mode", "retention", "outcome"),
    [
        ("none", "P60D", NONE),
        ("empty", "PT0S", EdgeRecordings(EdgeState.EMPTY)),
        ("recordings", "P2M", KEPT),
        ("refused", "P60D", "camera.wrong-password"),
        ("nonsense", "P60D", "camera.onvif-nonsense"),
    ],
)
def test_a_real_device_is_understood(city: City, mode: str, retention: str, outcome: EdgeRecordings | str) -> None:
    """Over HTTP and SOAP, through the library that the product uses."""
    entry = city.cameras[CAMERA]
    city.order(CAMERA, do="edge", mode=mode, retention=retention)
    address = CameraAddress(entry["rtsp_url"], entry["username"], entry["password"], "tcp", entry["onvif_url"])
    device = connect(address, SystemClock())
    try:
        if isinstance(outcome, str):
            with pytest.raises(VmsError) as failure:
                device.edge_recordings()
            assert failure.value.code == outcome
            return
        found = device.edge_recordings()
        assert replace(found, oldest_at=None, newest_at=None) == outcome
        if outcome.state is EdgeState.RECORDINGS:
            assert found.oldest_at is not None
            age = SystemClock().now() - found.oldest_at
            # The camera's clock is 1.25 s behind; what it tells is turned into ours, to the second.
            assert timedelta(days=40) - timedelta(seconds=2) < age < timedelta(days=40, seconds=120)
    finally:
        device.close()


@pytest.mark.processes
@pytest.mark.parametrize(
    ("told", "outcome"),
    [("services", EdgeState.RECORDINGS), ("capabilities", EdgeState.RECORDINGS), ("refused", "camera.wrong-password")],
)
def test_a_service_is_found_wherever_the_camera_tells_of_it(city: City, told: str, outcome: str) -> None:
    """Newer cameras list it in GetServices alone, older ones know no GetServices; one that refuses the list has not said "none"."""
    city.order(CAMERA, do="edge", mode="recordings", told=told)
    entry = city.cameras[CAMERA]
    address = CameraAddress(entry["rtsp_url"], entry["username"], entry["password"], "tcp", entry["onvif_url"])
    device = connect(address, SystemClock())
    try:
        found: str = device.edge_recordings().state
    except VmsError as error:
        found = error.code
    finally:
        device.close()
    assert found == outcome


@pytest.mark.processes
@pytest.mark.timeout(180)
def test_a_worker_finds_it_and_the_command_line_switches_it_off(city: City, tmp_path: Path) -> None:
    """The whole way: a worker starts, asks, writes down; a technician lists and switches off; the card stays told."""
    city.order(CAMERA, do="edge", mode="recordings", retention="P60D")
    with running_house(tmp_path) as house:
        placement_id = house.add(city.cameras[CAMERA])
        house.start(placement_id)
        db = house.parts.db

        def known() -> EdgeCheck | None:
            with db.read() as conn:
                return edge.find(conn, placement_id)

        check = until(known, 60, "the worker asks its camera")
        assert (check.reason, check.keeps) == (None, True)

        def run(*words: str) -> tuple[int, str]:
            done = CliRunner().invoke(app, ["--settings", str(house.settings_file), "camera", "edge", *words])
            return done.exit_code, done.output

        status, text = run()
        assert status == 1
        assert "RECORDINGS: 1" in text
        assert "its own limit 60 days, 1 job(s) active" in text
        status, text = run(placement_id, "--switch-off")
        assert status == 1, "what is on the card is still there"
        assert "0 job(s) active" in text
        assert city.state(CAMERA)["edge_active"] is False
        city.order(CAMERA, do="edge", mode="empty")
        assert run("--ask")[0] == 0
        entries = told(db)
    assert [act for act, _, _ in entries] == ["edge.found", "edge.switch-off", "edge.found", "edge.checked"]
