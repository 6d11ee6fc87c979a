"""The pure modules, run where they will run: in Chromium, over the pages' own server."""

import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, Route

from tests.pages.running import chromium, serving_pages

pytestmark = pytest.mark.browser

Run = Callable[[str], Any]


@pytest.fixture(scope="module")
def opened() -> Iterator[tuple[str, Page]]:
    """The address of the pages, and a browser's page far from Utrecht."""
    with serving_pages() as url, chromium() as browser:
        yield url, browser.new_page(timezone_id="America/New_York", locale="en-US")


@pytest.fixture(scope="module")
def run(opened: tuple[str, Page]) -> Run:
    """Run an expression with the pure modules as `time`, `scale`, `fit`, `ptz`, `i18n`, `reasons` and `card`."""
    url, page = opened
    page.goto(f"{url}/blank")
    page.evaluate(
        """async () => {
          const load = (name) => import(`/static/${name}.js`);
          const names = ['civil-time', 'time-scale', 'grid-fit', 'ptz-speed', 'i18n', 'reasons', 'blanking-card'];
          window.modules = await Promise.all(names.map(load));
        }"""
    )
    return lambda expression: page.evaluate(
        f"() => {{ const [time, scale, fit, ptz, i18n, reasons, card] = window.modules; return {expression}; }}"
    )


@pytest.mark.parametrize(
    ("typed", "utc"),
    [
        ("24-11-2026 22:14:05", "2026-11-24T21:14:05.000Z"),
        ("24-07-2026 22:14", "2026-07-24T20:14:00.000Z"),
        ("1-2-26 7:05", "2026-02-01T06:05:00.000Z"),
        ("22:14", "2026-11-24T21:14:00.000Z"),
        ("3-12 08.30", "2026-12-03T07:30:00.000Z"),
        ("24-11-2026", "2026-11-23T23:00:00.000Z"),
        ("25-10-2026 02:30", "2026-10-25T00:30:00.000Z"),
        ("29-03-2026 03:00", "2026-03-29T01:00:00.000Z"),
    ],
)
def test_typed_times_are_the_time_of_utrecht(run: Run, typed: str, utc: str) -> None:
    """Whatever the computer's own zone and language are; in the doubled hour of October the first one is meant."""
    assert run(f"new Date(time.fromField('{typed}', Date.parse('2026-11-24T12:00:00Z'))).toISOString()") == utc


@pytest.mark.parametrize(
    "typed", ["", "gisteren", "31-02-2026 10:00", "24-13-2026", "25:00", "12:61", "2026-11-24 10:00"]
)
def test_what_is_no_time_is_refused(run: Run, typed: str) -> None:
    """A date that is guessed wrong shows the wrong night."""
    assert run(f"Number.isNaN(time.fromField('{typed}', 0))")


def test_a_field_reads_back_what_it_shows(run: Run) -> None:
    """Around the change to winter time too, except in the hour that comes twice."""
    found = run(
        """[...Array(400).keys()].map((i) => Date.parse('2026-10-20T00:00:00Z') + i * 2_222_000)
             .filter((at) => time.fromField(time.toField(at), at) !== at).map((at) => new Date(at).toISOString())"""
    )
    assert all("2026-10-25T01:" in at for at in found)
    assert len(found) <= 2


def test_zooming_keeps_the_instant_under_the_pointer(run: Run) -> None:
    """Else one loses what one was looking at."""
    kept = run(
        """(() => { const limits = {from_ms: 0, to_ms: 28 * time.DAY_MS}; const range = {from_ms: 5e8, to_ms: 6e8}; const about = 5.3e8;
             const next = scale.zoomed(range, 0.5, about, limits);
             return [scale.toPixel(range, 1000, about), scale.toPixel(next, 1000, about), next.to_ms - next.from_ms]; })()"""
    )
    assert kept == [pytest.approx(300), pytest.approx(300), pytest.approx(5e7)]


def test_the_view_stays_between_a_minute_and_the_whole(run: Run) -> None:
    """Nothing is kept beyond, and nothing is to be seen below."""
    limits = "{from_ms: 0, to_ms: 28 * time.DAY_MS}"
    assert run(f"scale.zoomed({{from_ms: 0, to_ms: 60000}}, 0.1, 30000, {limits})") == {"from_ms": 0, "to_ms": 60000}
    whole = run(f"scale.zoomed({{from_ms: 0, to_ms: 27 * time.DAY_MS}}, 9, 1000, {limits})")
    assert whole == {"from_ms": 0, "to_ms": 28 * 86_400_000}


def test_ticks_stand_on_round_times_of_utrecht_over_the_change_of_the_clock(run: Run) -> None:
    """A timeline that says 02:00 where it was 03:00 sends a search to the wrong hour."""
    texts = run(
        """(() => { const range = {from_ms: Date.parse('2026-10-24T12:00:00Z'), to_ms: Date.parse('2026-10-26T12:00:00Z')};
             return scale.ticks(range, 900).ticks.map(({at_ms}) => time.formatMinute(at_ms)); })()"""
    )
    assert texts
    assert {text[3:] for text in texts} == {"00"}
    assert texts.count("00:00") == 2


def test_stretches_that_touch_are_drawn_as_one(run: Run) -> None:
    """Forty thousand minutes are not forty thousand rectangles."""
    joined = run(
        """scale.joined([{start_ms: 0, end_ms: 10, look: 'a'}, {start_ms: 11, end_ms: 20, look: 'a'}, {start_ms: 20, end_ms: 30, look: 'b'},
             {start_ms: 90, end_ms: 99, look: 'b'}], 2)"""
    )
    assert [(span["start_ms"], span["end_ms"], span["look"]) for span in joined] == [
        (0, 20, "a"),
        (20, 30, "b"),
        (90, 99, "b"),
    ]


@pytest.mark.parametrize(("count", "columns"), [(1, 1), (2, 2), (4, 2), (6, 3), (9, 3), (16, 4)])
def test_the_grid_makes_pictures_as_large_as_fits(run: Run, count: int, columns: int) -> None:
    """On a usual screen."""
    found = run(f"fit.fitGrid({count}, 1900, 1030, 28, 6)")
    assert found["columns"] == columns
    rows = -(-count // columns)
    assert rows * (found["tileWidth_px"] * 9 / 16 + 28) + (rows - 1) * 6 <= 1030 + rows
    assert columns * found["tileWidth_px"] + (columns - 1) * 6 <= 1900


def test_a_drag_gives_direction_and_speed(run: Run) -> None:
    """Right is right, up is up, a tremor is nothing, and far away is full speed."""
    assert run("ptz.dragSpeed(3, -4, 500)") == {"pan": 0, "tilt": 0, "share": 0}
    right = run("ptz.dragSpeed(400, 0, 500)")
    assert (right["pan"], right["tilt"], right["share"]) == (1, 0, 1)
    up = run("ptz.dragSpeed(0, -80, 500)")
    assert up["pan"] == 0
    assert 0 < up["tilt"] < 1


def test_texts_get_their_values_and_numbers_their_language(run: Run) -> None:
    """Dutch writes a comma."""
    assert run("i18n.t('{seconds} s', {seconds: i18n.formatNumber(1.25, 1)})") in {"1,3 s", "1,2 s"}
    assert run("i18n.tn(1, '{count} segment', '{count} segments')") == "1 segment"
    assert run("i18n.tn(4213, '{count} segment', '{count} segments')") == "4.213 segmenten"
    assert run("i18n.formatBytes(184_200_000)") == "184 MB"


@pytest.mark.parametrize(
    ("wish", "arrives"),
    [
        ("/.//evil.invalid/", "{here}//evil.invalid/"),
        ("/x/..//evil.invalid/?a=b", "{here}//evil.invalid/?a=b"),
        ("/\t/evil.invalid/", "{here}/"),
        ("//evil.invalid/", "{here}/"),
        ("/\\evil.invalid/", "{here}/"),
        ("https://evil.invalid/", "{here}/"),
        ("javascript:alert(1)", "{here}/"),
        ("http://[", "{here}/"),
        ("/playback?camera=neude", "{here}/playback?camera=neude"),
    ],
)
def test_signing_in_leads_nowhere_but_to_this_site(opened: tuple[str, Page], wish: str, arrives: str) -> None:
    """Somebody who follows a stranger's link to our sign-in page must not type the next password into the stranger's copy of it."""
    url, page = opened

    def answer(route: Route) -> None:
        route.fulfill(status=200, content_type="text/html", body="<!doctype html><html lang=nl>")

    context = page.context.browser.new_context()  # type: ignore[union-attr]  # it was made by a browser
    with context.new_page() as visitor:
        visitor.goto(f"{url}/sign-in?next={quote(wish, safe='')}")
        visitor.route("**/api/sign-in", lambda route: route.fulfill(json={}))
        visitor.route(lambda address: not address.endswith("/api/sign-in"), answer)
        visitor.fill("[name=username]", "observer")
        visitor.fill("[name=password]", "een lang wachtwoord")
        with visitor.expect_request(lambda request: request.is_navigation_request()) as left:
            visitor.click("#sign-in [type=submit]")
    context.close()
    assert left.value.url == arrives.format(here=url)


def test_a_list_that_is_drawn_again_does_not_scroll_the_page(opened: tuple[str, Page]) -> None:
    """Whoever opened a view from a row looks at the view: focus stays on the row, and the row stays where it is."""
    url, shared = opened
    assert shared.context.browser is not None
    page = shared.context.browser.new_page()
    page.goto(f"{url}/blank")
    found = page.evaluate(
        """async () => {
          const { WatchedList } = await import('/static/watched-list.js');
          let answer = ['one'];
          window.fetch = async () => new Response(JSON.stringify(answer), {headers: {'Content-Type': 'application/json'}});
          const above = document.createElement('div'); const place = document.createElement('table');
          document.body.append(above, place);
          const list = new WatchedList(place, '/api/things', (things) => {
            const body = document.createElement('tbody');
            body.innerHTML = '<tr data-id="7"><td><button>' + things[0] + '</button></td></tr>';
            return body;
          });
          await list.load();
          place.querySelector('button').focus();
          above.style.height = '5000px';
          scrollTo(0, 0);
          answer = ['two'];
          await list.load();
          return [document.activeElement.textContent, scrollY];
        }"""
    )
    page.close()
    assert found == ["two", 0]


def test_a_name_is_quoted_only_where_its_comma_could_part_a_list(run: Run) -> None:
    """One camera a line in the log: some in quotes and some not looks like a mistake."""
    assert run("i18n.listed(['Vredenmarkt, mast 3'])") == "Vredenmarkt, mast 3"
    assert run("i18n.listed(['Vredenmarkt, mast 3', 'Lindestraat'])") == "“Vredenmarkt, mast 3” en Lindestraat"


def test_what_is_shorter_than_a_second_did_last(run: Run) -> None:
    """A grey of 0 s reads as none."""
    assert run("time.formatSpan(400)") == "minder dan 1 s"
    assert (run("time.formatSpan(0)"), run("time.formatSpan(1400)")) == ("0 s", "1 s")


@pytest.mark.parametrize(
    ("code", "said", "shown"),
    [
        ("camera.onvif", "HTTP 200, no content type, empty", "HTTP 200, geen inhoudstype, leeg"),
        ("camera.onvif", 'HTTP 200, text/html, "<b>empty, empty</b>"', 'HTTP 200, text/html, "<b>empty, empty</b>"'),
        ("camera.onvif", "HTTP 302, nowhere", "HTTP 302, zonder adres"),
        ("camera.onvif-fault", "Sender not authorised", "Sender not authorised"),
        ("camera.unreachable", "the camera does not answer (its ONVIF service hangs up); check its power", None),
    ],
)
def test_what_came_from_a_camera_is_in_the_reader_s_language(run: Run, code: str, said: str, shown: str | None) -> None:
    """What it sent is repeated as it is; what we say about it goes through the catalogue."""
    assert run(f"reasons.whatCame({json.dumps(code)}, {json.dumps(said)})") == shown


def test_many_short_greys_are_summed_by_reason(run: Run) -> None:
    """A list of the same second again and again, and how many more, says nothing; few are listed one by one."""
    spans = [
        {"start_at": f"2026-12-01T11:00:{n:02}.100Z", "end_at": f"2026-12-01T11:00:{n:02}.400Z", "reason": "pose-late"}
        for n in range(6)
    ]
    [line] = run(f"card.greyLines({json.dumps(spans)})")
    assert line == "de stand van de camera komt te laat: 6 keer, samen 2 s"
    assert run(f"card.greyLines({json.dumps(spans[:1])})") == ["12:00:00 de stand van de camera komt te laat"]
    longer = spans[0] | {"end_at": "2026-12-01T11:00:05.400Z"}
    assert run(f"card.greyLines([{json.dumps(longer)}])") == [
        "12:00:00\u201312:00:05 de stand van de camera komt te laat"
    ]
