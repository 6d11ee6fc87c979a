"""One night's work in a real browser, on real processes and real cameras: watch, move, look back, secure, hand over, account for it.

The tests run in order and build on each other, as a night does.
"""

import base64
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser, Locator, Page, Route, expect

from sample_streams.timecode import BLOCK_PX, STRIP_WIDTH_PX, read_code
from sample_streams.truth import load_records
from tests.ingest.running import until
from tests.pages.running import FIXED, PTZ, RunningVms, running_vms, sign_in
from vms.db.segments import Segment
from vms.model import SegmentState

pytestmark = [pytest.mark.processes, pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(900)]

PATIENCE_MS = 60_000
CASE_NUMBER = "PL0900-2026-123456"
# The brightness of the picture's upper and lower edge, where the cameras write their frame number.
READ_EDGES = """(video, height) => {
  const {videoWidth: width, videoHeight} = video;
  if (!width) return null;
  const canvas = new OffscreenCanvas(width, videoHeight);
  const context = canvas.getContext('2d', {willReadFrequently: true});
  context.drawImage(video, 0, 0);
  const edges = [0, videoHeight - height].map((top) => {
    const {data} = context.getImageData(0, top, width, height);
    let text = '';
    for (let i = 0; i < data.length; i += 4) text += String.fromCharCode((data[i] * 77 + data[i + 1] * 150 + data[i + 2] * 29) >> 8);
    return btoa(text);
  });
  return {width, edges};
}"""


@pytest.fixture(scope="module")
def vms(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningVms]:
    """The product with two cameras."""
    with running_vms(tmp_path_factory.mktemp("night")) as running:
        yield running


def _page(browser: Browser, vms: RunningVms, complaints: list[str], username: str) -> Page:
    page = browser.new_context(viewport={"width": 1366, "height": 768}).new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.on("pageerror", lambda error: complaints.append(f"{username}: {error}"))
    page.on(
        "console",
        lambda message: (
            complaints.append(f"{username}: {message.text}") if "Content Security Policy" in message.text else None
        ),
    )
    sign_in(page, vms, username)
    return page


@pytest.fixture(scope="module")
def investigator(browser: Browser, vms: RunningVms, complaints: list[str]) -> Page:
    """Somebody who watches, looks back and asks for exports."""
    return _page(browser, vms, complaints, "rechercheur")


@pytest.fixture(scope="module")
def director(browser: Browser, vms: RunningVms, complaints: list[str]) -> Page:
    """Somebody who decides about exports and reads the log."""
    return _page(browser, vms, complaints, "regisseur")


def _number_in(video: Locator) -> int | None:
    """Read the frame number out of the picture that a video element shows."""
    found = video.evaluate(READ_EDGES, BLOCK_PX)
    if found is None:
        return None
    rows: list[NDArray[np.uint8]] = [
        np.frombuffer(base64.b64decode(edge), np.uint8).reshape(BLOCK_PX, found["width"]) for edge in found["edges"]
    ]
    assert found["width"] >= STRIP_WIDTH_PX
    return read_code(np.concatenate(rows))


def _wait_for(condition: Callable[[], Any], what: str) -> Any:
    return until(condition, PATIENCE_MS / 1000, what)


def _next_number(video: Locator, after: int) -> int:
    """Wait until the picture shows a later frame than `after`; return which."""
    return int(
        _wait_for(
            lambda: (number := _number_in(video)) is not None and number > after and number, f"a frame after {after}"
        )
    )


def _true_pose(vms: RunningVms, camera: str) -> tuple[float, float, float]:
    """Return pan, tilt and zoom of a camera's last frame, as the simulator knows them."""
    lines = (vms.city.truth / f"{camera}.jsonl").read_text(encoding="utf-8").splitlines()
    pan, tilt, zoom = json.loads(lines[-1] if lines[-1].endswith("}") else lines[-2])["pose"]["end"]
    return pan, tilt, zoom


def _tile(page: Page, camera: str) -> Locator:
    return page.locator(f'camera-tile[data-placement="{camera}"]')


def test_the_wall_shows_pictures_that_move(investigator: Page) -> None:
    """Read from the pixels: the frame numbers on the screen go up, on every tile."""
    for camera in (PTZ, FIXED):
        tile = _tile(investigator, camera)
        expect(tile).to_have_attribute("data-kind", re.compile("live|thin"), timeout=PATIENCE_MS)
        first = _next_number(tile.locator("video"), -1)
        assert _next_number(tile.locator("video"), first) > first
        expect(tile.locator(".tile-age")).to_have_text(re.compile(r"\d,\d s"))


def test_dragging_on_the_picture_turns_the_camera_and_letting_go_stops_it(investigator: Page, vms: RunningVms) -> None:
    """The pose is the simulator's own: not what we believe, but where the camera looks."""
    tile = _tile(investigator, PTZ)
    tile.locator(".tile-layer").dblclick()
    expect(tile).to_have_class(re.compile("is-large"))
    before = _true_pose(vms, PTZ)
    box = tile.locator(".tile-layer").bounding_box()
    assert box is not None
    x_px, y_px = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    investigator.mouse.move(x_px, y_px)
    investigator.mouse.down()
    investigator.mouse.move(x_px + 120, y_px, steps=5)
    expect(tile.locator(".vector-text")).to_be_visible()
    _wait_for(lambda: _true_pose(vms, PTZ)[0] > before[0] + 1, "the camera turns to the right")
    expect(investigator.locator(".ptz-owner.is-mine")).to_be_visible()
    investigator.mouse.up()
    expect(investigator.locator(".ptz-speed")).to_have_text("Stil")

    def stands_still() -> bool:
        at = _true_pose(vms, PTZ)
        number = _next_number(tile.locator("video"), -1)
        _next_number(tile.locator("video"), number + 10)
        return _true_pose(vms, PTZ) == at

    _wait_for(stands_still, "the camera stands still")


def test_a_key_moves_the_camera_only_while_it_is_down(investigator: Page, vms: RunningVms) -> None:
    """Everything must work without a mouse."""
    before = _true_pose(vms, PTZ)
    investigator.keyboard.down("ArrowLeft")
    _wait_for(lambda: _true_pose(vms, PTZ)[0] < before[0] - 1, "the camera turns to the left")
    investigator.keyboard.up("ArrowLeft")
    expect(investigator.locator(".ptz-speed")).to_have_text("Stil")
    investigator.keyboard.press("Escape")
    expect(_tile(investigator, PTZ)).not_to_have_class(re.compile("is-large"))


def test_a_picture_that_stops_is_not_shown_as_live(investigator: Page, vms: RunningVms) -> None:
    """The worst lie of a video wall is a still that looks live."""
    tile = _tile(investigator, FIXED)
    vms.city.order(FIXED, fault="stall", seconds=6)
    expect(tile).to_have_attribute("data-kind", re.compile("stale|offline"), timeout=PATIENCE_MS)
    expect(tile.locator(".tile-shade strong")).to_be_visible()
    expect(tile).to_have_attribute("data-kind", re.compile("live|thin"), timeout=PATIENCE_MS)


def test_looking_back_asks_for_a_purpose_and_shows_what_was_recorded(investigator: Page, vms: RunningVms) -> None:
    """No recording without a reason; the picture is the recorded one: its number is that of the past."""
    sealed = _wait_until_recorded(vms)
    investigator.goto(f"{vms.url}/playback?camera={PTZ}")
    script = "document.querySelector('timeline-view').rows?.[0]?.data.stretches.some((stretch) => stretch.state === 'sealed')"
    # Not wait_for_function: it evaluates text inside the page, which the security policy refuses.
    _wait_for(lambda: investigator.evaluate(script), "the timeline shows what was recorded")
    start_ms = round(sealed.start_at.timestamp() * 1000)
    field = investigator.locator("#transport input")
    field.fill(
        investigator.evaluate(f"import('/static/civil-time.js').then((time) => time.toField({start_ms + 5000}))")
    )
    field.press("Enter")
    dialog = investigator.locator("dialog")
    dialog.locator("[name=code]").select_option("case")
    dialog.locator("[type=submit]").click()
    expect(dialog.locator(".form-error")).to_contain_text("PL0900-2026-123456")
    dialog.locator("[name=case_number]").fill(CASE_NUMBER.lower())
    dialog.locator("[type=submit]").click()
    expect(dialog).to_have_count(0)
    video = investigator.locator("playback-player video")
    investigator.get_by_role("button", name="Afspelen", exact=True).click()
    first = _next_number(video, -1)
    later = _next_number(video, first + 12)
    records = load_records(vms.city.truth, PTZ)
    assert first < later
    assert sealed.end_at is not None
    # The camera's frames of those seconds, give or take what our clock of them may be off.
    assert sealed.start_at.timestamp() - 3 < records[first].true_utc_s < sealed.end_at.timestamp() + 3
    investigator.keyboard.press("k")
    expect(investigator.get_by_role("button", name="Afspelen", exact=True)).to_be_visible()


def _wait_until_recorded(vms: RunningVms) -> Segment:
    """Wait for a finished segment that is long enough to play in: the first one may have begun just before a full minute."""

    def long_enough() -> Segment | None:
        return next(
            (
                row
                for row in vms.house.segments(PTZ)
                if row.state is SegmentState.SEALED and row.end_at and (row.end_at - row.start_at).total_seconds() > 20
            ),
            None,
        )

    return cast("Segment", until(long_enough, 240, "a sealed segment of more than 20 s"))


def test_what_was_found_is_secured_from_the_timeline(investigator: Page) -> None:
    """The form is filled in from the selection; the result is said in words."""
    investigator.keyboard.press("i")
    expect(investigator.locator("#transport .primary")).to_be_enabled()
    investigator.locator("#transport .primary").click()
    dialog = investigator.locator("dialog")
    expect(dialog.locator("[name=case_number]")).to_have_value(CASE_NUMBER)
    expect(dialog.locator(f"[name=placement_ids][value={PTZ}]")).to_be_checked()
    dialog.locator("[type=submit]").click()
    expect(dialog.locator(".form-error")).to_contain_text("waarom")
    dialog.locator("[name=reason]").fill("Vechtpartij bij de halte, aanleiding nog onduidelijk")
    dialog.locator("[type=submit]").click()
    expect(investigator.locator("dialog h2")).to_have_text("Veiliggesteld")
    investigator.locator("dialog button").click()


def test_an_export_needs_a_second_person_and_is_what_its_hash_says(
    investigator: Page, director: Page, vms: RunningVms
) -> None:
    """Asked for by one, approved by another, fetched by the first, byte for byte what the page shows."""
    investigator.goto(f"{vms.url}/holds")
    investigator.get_by_role("button", name="Uitgifte").click()
    investigator.locator("dialog [name=receiver]").fill("Districtsrecherche, C. Jansen")
    investigator.locator("dialog [type=submit]").click()
    expect(investigator.locator("dialog")).to_have_count(0)
    investigator.goto(f"{vms.url}/exports")
    expect(investigator.locator("tbody tr")).to_have_count(1)
    expect(investigator.get_by_role("button", name="Goedkeuren")).to_have_count(0)
    director.goto(f"{vms.url}/exports")
    director.get_by_role("button", name="Goedkeuren").click()
    director.locator("dialog [type=submit]").click()
    fetch = investigator.get_by_role("link", name="Downloaden")
    expect(fetch).to_be_visible(timeout=PATIENCE_MS)
    with investigator.expect_download() as started:
        fetch.click()
    package = started.value.path().read_bytes()
    assert started.value.suggested_filename.startswith(CASE_NUMBER)
    assert hashlib.sha256(package).hexdigest() == investigator.locator("code").get_attribute("title")


def test_all_of_it_stands_in_the_log_in_words(director: Page, vms: RunningVms) -> None:
    """What was done tonight, as the shift lead reads it."""
    director.goto(f"{vms.url}/log")
    director.locator("[name=actor]").fill("")
    lines = director.locator(".log-lines")
    expect(lines).to_contain_text("opende opnamen")
    for act, words in {
        "auth.sign-in": "meldde zich aan",
        "live.open": "begon live te kijken",
        "ptz.move": "bewoog de camera",
        "playback.open": "opende opnamen",
        "hold.place": "stelde beelden veilig",
        "export.request": "vroeg een uitgifte aan",
        "export.approve": "keurde een uitgifte goed",
        "export.download": "downloadde een uitgifte",
    }.items():
        director.locator("[name=act]").select_option(act)
        director.get_by_role("button", name="Tonen").click()
        who = "M. Bakker" if act == "export.approve" else "R. de Wit"
        expect(lines.locator("li", has_text=words).filter(has_text=who).first).to_be_visible()
    lines.locator("summary").first.click()
    expect(lines.locator("dl").first).to_contain_text("UTC")


def _with_a_silent_camera(page: Page) -> None:
    """Show the page of cameras with one whose ONVIF address leads to a page."""

    def answer(route: Route) -> None:
        cameras = route.fetch().json()
        said = 'HTTP 200, text/html, "<b>Login"'
        cameras[0]["health"] |= {"telemetry_problem": "camera.onvif", "telemetry_problem_said": said}
        route.fulfill(json=cameras)

    page.route("**/api/cameras", answer)
    page.reload()


def test_a_technician_sees_health_and_no_picture(browser: Browser, vms: RunningVms, complaints: list[str]) -> None:
    """The city runs the equipment; the police watch."""
    page = _page(browser, vms, complaints, "technicus")
    page.goto(f"{vms.url}/cameras")
    expect(page.locator("#list tbody tr")).to_have_count(2)
    expect(page.locator("#services tbody tr")).to_have_count(2)
    assert page.locator("video").count() == 0
    _with_a_silent_camera(page)
    expect(page.get_by_text("Stand onbekend")).to_be_visible()
    expect(page.get_by_text("Op het ONVIF-adres antwoordt iets anders dan een ONVIF-dienst")).to_be_visible()
    expect(page.get_by_text('Ontvangen: HTTP 200, text/html, "<b>Login"')).to_be_visible()
    page.unroute("**/api/cameras")
    assert page.goto(f"{vms.url}/playback").status == 403  # type: ignore[union-attr]
    page.get_by_role("button", name="English").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    page.goto(f"{vms.url}/cameras")
    expect(page.locator("h1")).to_have_text("Cameras")


def test_signing_out_ends_the_pictures(investigator: Page, vms: RunningVms) -> None:
    """Nothing may stay on a screen that nobody answers for."""
    investigator.goto(vms.url)
    expect(_tile(investigator, PTZ)).to_have_attribute("data-kind", re.compile("live|thin"), timeout=PATIENCE_MS)
    investigator.get_by_role("button", name="Afmelden").click()
    investigator.wait_for_url("**/sign-in*")
    investigator.goto(vms.url)
    expect(investigator.locator("#sign-in")).to_be_visible()


def test_the_browser_had_nothing_to_complain_about(complaints: list[str]) -> None:
    """Script errors and refusals of the security policy are faults, even where a page seems to work."""
    assert complaints == []
