"""The commissioning view in real processes: a PTZ camera over RTSP and ONVIF, its worker, the API, and two persons.

While it is open, everything else stays as it is: what is recorded and what is watched shows no dwelling; and of what it showed nothing is
found on disk afterwards.
"""

import asyncio
import itertools
import json
import re
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from sqlalchemy import update
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from sample_streams.truth import dwelling_mask, load_records, load_truth
from tests.ingest.leaks import Inspector, Picture
from tests.ingest.running import City, House, running_city, running_house, until
from tests.ingest.visitors import PASSWORD, Person, admit
from tests.ingest.watching import View, decoded, watching
from tests.pages.running import answers, chromium, free_port
from vms.bus.commissioning import CommissioningPicture, LocalCommissioning
from vms.db.tables import commissioning
from vms.errors import Unavailable
from vms.ledger.search import Filter, StoredEntry, search
from vms.model import PlacementId, Role

CAMERA = PlacementId("vredenmarkt")
OFFICER, DIRECTOR = "blanking", "regisseur"
REASON = "a new balcony stands outside of the masks"
PIECE_BYTES = 96

PATIENCE_MS = 60_000

pytestmark = [pytest.mark.processes, pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(900)]

WATCH_BACKDROPS = """() => {
  window.backdrops = [];
  document.addEventListener('backdrop', (event) => {
    if (event.target.localName !== 'commissioning-picture') return;
    const {image, ...rest} = event.detail;
    const data = image.getContext('2d').getImageData(0, 0, image.width, image.height).data;
    const colours = new Set();
    for (let at = 0; at < data.length; at += 404) colours.add(data[at] * 65536 + data[at + 1] * 256 + data[at + 2]);
    window.backdrops.push({...rest, wide: image.width, high: image.height, colours: colours.size});
  }, true);
}"""


@dataclass
class Seen:
    """What came over a view's socket."""

    heads: list[dict[str, Any]] = field(default_factory=list)
    pictures: list[NDArray[np.uint8]] = field(default_factory=list)
    why: str = ""

    def read(self, socket: ClientConnection, most: int | None = None) -> "Seen":
        """Read pictures until there are so many more, or the server closes."""
        wanted = None if most is None else len(self.pictures) + most
        while wanted is None or len(self.pictures) < wanted:
            try:
                data = socket.recv(timeout=60)
            except ConnectionClosed as closed:
                self.why = closed.rcvd.reason if closed.rcvd else ""
                break
            assert isinstance(data, bytes)
            if data[0] != 4:
                continue
            length = int.from_bytes(data[1:5], "big")
            head = json.loads(data[5 : 5 + length])
            rgb = np.frombuffer(data[5 + length :], np.uint8).reshape(head["rows"], head["columns"], 3)
            self.heads.append(head)
            self.pictures.append(rgb)
        return self


@dataclass
class Run:
    """What happened, for the tests to look at."""

    city: City
    house: House
    live: View
    data_dir: Path
    first: Seen = field(default_factory=Seen)
    ended: Seen = field(default_factory=Seen)
    expired: Seen = field(default_factory=Seen)
    unwritten: Seen = field(default_factory=Seen)
    backdrops: list[dict[str, Any]] = field(default_factory=list)
    on_page: list[str] = field(default_factory=list)
    panorama: bytes = b""
    span_s: tuple[float, float] = (0.0, 0.0)
    recorded: list[Picture] = field(default_factory=list)

    def ledger(self, *acts: str) -> list[StoredEntry]:
        """Entries of these acts, oldest first."""
        with self.house.parts.db.read() as conn:
            found = search(conn, Filter(), limit=1000)
        return [entry for entry in reversed(found) if entry.act.value in acts]


def approved(officer: Person, director: Person) -> str:
    """Ask and approve."""
    leave_id = officer.post(f"/api/placements/{CAMERA}/commissioning", {"reason": REASON, "minutes": 5})["id"]
    director.post(f"/api/commissioning/{leave_id}/approve")
    return str(leave_id)


def view_of(leave_id: str) -> str:
    """Where the picture is."""
    return f"/api/commissioning/{leave_id}/view"


def look_past_the_api(run_dir: Path, view_id: str) -> list[CommissioningPicture]:
    """Go to the worker's socket with a look that is not open.

    Raises:
        Unavailable: it gives nothing.
    """

    async def look() -> list[CommissioningPicture]:
        async with aclosing(LocalCommissioning(run_dir, 1.5).look(CAMERA, view_id)) as pictures:
            return [picture async for picture in pictures]

    return asyncio.run(look())


@contextmanager
def full_ledger(house: House) -> Iterator[None]:
    """No entry can be written."""
    with house.parts.db.write() as conn:
        conn.exec_driver_sql(
            "CREATE TRIGGER full BEFORE INSERT ON ledger_entry BEGIN SELECT RAISE(ABORT, 'no more'); END"
        )
    yield
    with house.parts.db.write() as conn:
        conn.exec_driver_sql("DROP TRIGGER full")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Open, look, end; open, let it expire; open, break the ledger. Who has no open look gets nothing, before and meanwhile."""
    folder, port = tmp_path_factory.mktemp("view"), free_port()
    with (
        running_city(folder / "city", CAMERA) as city,
        running_house(folder / "house", api_port=port) as house,
        watching(house.parts.settings.run, CAMERA) as live,
    ):
        made = Run(city, house, live, folder / "house")
        admit(house, {OFFICER: Role.BLANKING_OFFICER, DIRECTOR: Role.DIRECTOR})
        house.add(city.cameras[CAMERA])
        worker = house.start(CAMERA)
        house.run("api")
        url = f"http://127.0.0.1:{port}"
        until(lambda: answers(url), 240, "the API answers")
        house.until_state(CAMERA, "live", 120)
        officer, director = Person(url, OFFICER).sign_in(), Person(url, DIRECTOR).sign_in()
        with pytest.raises(Unavailable):
            look_past_the_api(house.parts.settings.run, "v-0")
        began_s = house.parts.clock.now().timestamp()
        _look_and_end(made, officer, director)
        _let_expire(made, officer, director)
        made.panorama = until(lambda: _panorama(officer), 60, "there is a panorama")
        _on_the_page(made, url, folder)
        _break_the_ledger(made, officer, director)
        made.span_s = (began_s, house.parts.clock.now().timestamp())
        assert house.stop(worker, 40) == 0
    start_of = itertools.chain.from_iterable(
        ((row.start_at.timestamp() + at_s, planes) for at_s, planes in decoded(data))
        for row, data in made.house.recorded(CAMERA)
    )
    made.recorded = [Picture(at_s, planes) for at_s, planes in start_of]
    return made


def _look_and_end(made: Run, officer: Person, director: Person) -> None:
    leave_id = approved(officer, director)
    with officer.open(view_of(leave_id)) as socket:
        made.first.read(socket, 8)
        with pytest.raises(Unavailable):
            look_past_the_api(made.house.parts.settings.run, "v-of-nobody")
        move = {"kind": "ptz.absolute", "pan_deg": 20, "tilt_deg": -8, "zoom": 0.3}
        officer.post(f"/api/commissioning/{leave_id}/ptz", move)
        made.first.read(socket, 12)
        until(lambda: any(state.get("commissioning") for state in made.live.states()), 30, "the wall knows")
        director.post(f"/api/commissioning/{leave_id}/end")
        made.ended.read(socket)


def _let_expire(made: Run, officer: Person, director: Person) -> None:
    leave_id = approved(officer, director)
    with officer.open(view_of(leave_id)) as socket:
        made.expired.read(socket, 2)
        with made.house.parts.db.write() as conn:
            soon = made.house.parts.clock.now() + timedelta(seconds=2)
            conn.execute(update(commissioning).where(commissioning.c.id == leave_id).values(until_at=soon))
        made.expired.read(socket)


def _panorama(officer: Person) -> bytes:
    """What the API gives, or nothing yet."""
    headers = {"Cookie": officer.cookie}
    answer = httpx.get(f"{officer.url}/api/placements/{CAMERA}/panorama", headers=headers, timeout=60, trust_env=False)
    return answer.content if answer.status_code == 200 else b""


def _on_the_page(made: Run, url: str, folder: Path) -> None:
    """The same by two persons at two browsers."""
    with chromium() as browser:
        pages = {}
        for name in (OFFICER, DIRECTOR):
            page = pages[name] = browser.new_context(viewport={"width": 1366, "height": 900}).new_page()
            page.set_default_timeout(PATIENCE_MS)
            page.on("pageerror", lambda error: made.on_page.append(f"script error: {error}"))
            page.goto(f"{url}/sign-in")
            page.fill("[name=username]", name)
            page.fill("[name=password]", PASSWORD)
            page.click("#sign-in [type=submit]")
            page.wait_for_url(lambda address: "/sign-in" not in address)
            page.goto(f"{url}/commissioning")
        officer, director = pages[OFFICER], pages[DIRECTOR]
        officer.evaluate(WATCH_BACKDROPS)
        officer.click("#ask")
        officer.fill("dialog textarea", REASON)
        officer.click("dialog [type=submit]")
        director.get_by_role("button", name="Goedkeuren").first.click()
        director.locator("dialog [type=submit]").click()
        officer.get_by_role("button", name="Beeld openen").click()
        officer.wait_for_function("() => window.backdrops.length >= 4")
        officer.screenshot(path=folder / "officer.png")
        director.screenshot(path=folder / "director.png")
        made.on_page.append(officer.locator(".commissioning-warning").inner_text())
        made.backdrops = officer.evaluate("window.backdrops")
        director.get_by_role("button", name="Nu beëindigen").click()
        made.on_page.append(officer.locator(".toast").first.inner_text())
        until(lambda: officer.locator("#view").is_hidden(), 30, "the view is gone from the page")


def _break_the_ledger(made: Run, officer: Person, director: Person) -> None:
    leave_id = approved(officer, director)
    with officer.open(view_of(leave_id)) as socket:
        made.unwritten.read(socket, 2)
        with full_ledger(made.house):
            made.unwritten.read(socket)
    until(lambda: len(made.ledger("commissioning.end")) == 4, 120, "the last end is written down")


def test_pictures_come_reduced_with_the_pose_of_a_camera_that_stands_still(run: Run) -> None:
    """240 samples across, whatever the camera sends; and enough to draw by: size of the real picture, pose, stillness."""
    entry = run.city.cameras[CAMERA]
    assert len(run.first.pictures) == 20
    for head, rgb in zip(run.first.heads, run.first.pictures, strict=True):
        assert (head["columns"], head["rows"]) == (240, 135)
        assert rgb.size == 240 * 135 * 3
        assert (head["width"], head["height"]) == (entry["width"], entry["height"])
    captured_us = [head["captured_at_us"] for head in run.first.heads]
    assert (captured_us[-1] - captured_us[0]) / (len(captured_us) - 1) >= 300_000
    last = run.first.heads[-1]["pose"]
    assert last["still"] is True
    assert last["pan_deg"] == pytest.approx(20, abs=0.3)
    assert last["tilt_deg"] == pytest.approx(-8, abs=0.3)


def test_the_view_shows_what_is_masked_everywhere_else(run: Run) -> None:
    """Else nobody could draw by it: the dwellings' samples are not grey, and they are where the truth says."""
    truth, records = load_truth(run.city.truth, CAMERA), load_records(run.city.truth, CAMERA)
    head, rgb = run.first.heads[-1], run.first.pictures[-1]
    still = min(records.values(), key=lambda one: abs(one.true_utc_s - head["captured_at_us"] / 1e6))
    mask = dwelling_mask(truth, still)
    rows, columns = rgb.shape[:2]
    cells = mask[: rows * (mask.shape[0] // rows), : columns * (mask.shape[1] // columns)]
    inside = cells.reshape(rows, mask.shape[0] // rows, columns, mask.shape[1] // columns).all(axis=(1, 3))
    assert inside.sum() > 200
    grey = np.abs(rgb.astype(int) - 128).max(axis=2) <= 6
    assert grey[inside].mean() < 0.3


def test_nothing_of_it_is_in_the_recording_nor_in_the_live_picture(run: Run) -> None:
    """Both go on while it is open, and show what they always show: no pixel of a dwelling, and the street."""
    began_s, ended_s = run.span_s
    recorded = [one for one in run.recorded if began_s <= one.captured_s <= ended_s]
    seen = [Picture(at_us / 1e6, planes) for at_us, planes in run.live.pictures()]
    seen = [one for one in seen if began_s <= one.captured_s <= ended_s]
    assert len(recorded) > 50
    assert len(seen) > 50
    for pictures, most in ((recorded, 30), (seen, 15)):
        inspector = Inspector(run.city.truth, CAMERA, pictures)
        findings = inspector.inspect(pictures[:: max(1, len(pictures) // most)])
        assert findings.leaks == []
        assert findings.checked >= 5
        assert findings.dwelling_pixels > 10_000
        assert all(
            one.planes[0].shape == (run.city.cameras[CAMERA]["height"], run.city.cameras[CAMERA]["width"])
            for one in pictures
        )


def test_nothing_of_it_is_on_disk(run: Run) -> None:
    """Every file of the data folder is searched for pieces of every picture that came: footage, database, its journal, logs."""
    pieces = set()
    for rgb in run.first.pictures + run.expired.pictures + run.unwritten.pictures:
        flat = rgb.reshape(-1)
        for start in range(0, flat.size - PIECE_BYTES, flat.size // 40):
            piece = flat[start : start + PIECE_BYTES]
            if len(np.unique(piece)) > 24:
                pieces.add(piece.tobytes())
    assert len(pieces) > 100
    files = [path for path in run.data_dir.rglob("*") if path.is_file()]
    assert any(path.suffix == ".vseg" for path in files)
    assert any(path.suffix == ".sqlite" for path in files)
    for path in files:
        data = path.read_bytes()
        assert not any(piece in data for piece in pieces), path


def test_the_second_person_ends_it_and_time_ends_it_and_a_broken_ledger_ends_it(run: Run) -> None:
    """Each within seconds, by the server, and with its reason."""
    assert run.ended.why == "ended"
    assert run.expired.why == "expired"
    assert run.unwritten.why in {"unwritten", "unavailable"}
    assert len(run.unwritten.pictures) < 100


def test_the_ledger_has_every_step_and_the_worker_s_own_count(run: Run) -> None:
    """What the worker handed out is what the officer got, give or take what was on its way."""
    served = [entry.document["obj"]["pictures"] for entry in run.ledger("commissioning.served")]
    closed = [entry.document["obj"]["pictures"] for entry in run.ledger("commissioning.close")]
    got = len(run.first.pictures) + len(run.ended.pictures)
    assert served[0] >= closed[0] >= got
    assert served[0] - got <= 6
    for act in ("request", "approve", "open", "serve", "close", "end"):
        assert len(run.ledger(f"commissioning.{act}")) == 4, act
    for opened, begun in zip(run.ledger("commissioning.open"), run.ledger("commissioning.serve"), strict=True):
        assert opened.seq < begun.seq
        assert opened.document["obj"]["view"] == begun.document["obj"]["view"]
    assert run.ledger("commissioning.serve")[0].document["actor"]["kind"] == "service"


def test_the_page_shows_it_in_a_frame_that_nobody_overlooks_and_offers_it_for_drawing(run: Run) -> None:
    """Two persons at two browsers; the canvas is what a mask editor draws on, with the pose of that very picture."""
    warning, over = run.on_page
    assert "Onafgeschermd inregelbeeld" in warning
    assert "Niet opgenomen" in warning
    assert re.search(r"nog [0-9]+:[0-9]{2}", warning)
    assert "met de hand beëindigd" in over
    for backdrop in run.backdrops:
        assert (backdrop["wide"], backdrop["high"]) == (960, 540)
        assert (backdrop["width"], backdrop["height"]) == (run.first.heads[0]["width"], run.first.heads[0]["height"])
        assert backdrop["colours"] > 50
    assert run.backdrops[-1]["still"] is True
    assert run.backdrops[-1]["pan_deg"] == pytest.approx(run.first.heads[-1]["pose"]["pan_deg"], abs=0.1)


def test_the_panorama_shows_the_street_where_the_camera_looked_and_no_mask(run: Run) -> None:
    """Made meanwhile by the same worker, of blanked pictures only: every mask of the plan is grey in it, inside and around."""
    length = int.from_bytes(run.panorama[:4], "big")
    head = json.loads(run.panorama[4 : 4 + length])
    rgb = np.frombuffer(run.panorama[4 + length :], np.uint8).reshape(head["rows"], head["columns"], 3)
    lit = (rgb != 128).any(axis=2)
    assert lit.sum() > 500
    document = run.city.cameras[CAMERA]["plan"]
    for mask in document["masks"]:
        for azimuth, elevation in mask["polygon_deg"]:
            column = int((azimuth - head["left_deg"]) / head["step_deg"]) % head["columns"]
            row = int((head["top_deg"] - elevation) / head["step_deg"])
            if 1 <= row < head["rows"] - 1:
                assert not lit[row - 1 : row + 2, [column - 1, column, (column + 1) % head["columns"]]].any()
