"""From the simulated camera's exposure to pixels in a browser's page, by a frame number that is read back from those pixels.

One camera of the demo city at 25 fps, the real worker, the real API, the real live page in headless Chromium. The page's video is
drawn on a canvas at each new picture, the burned-in number read from it, and the browser's clock (the same machine's) compared
with the simulator's log. The camera's code strip lies outside the masks.
"""

import json
import statistics
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Page, sync_playwright

from bench.house import House, house
from bench.report import Report, load, percentile, table
from sample_streams.roster import roster
from sample_streams.timecode import BLOCK_PX, STRIP_WIDTH_PX, read_code, strip_origin_px
from vms.errors import Unavailable

CHROMIUM = Path("/usr/bin/chromium")
FPS = 25.0
SETTLE_S = 8.0
"""The player starts at the last keyframe and catches up; this is not what is measured."""
LONGEST_MS = 10_000.0
TARGETS_MS = {"masked": 72, "copied": 93}
"""Of the prototype: 1080p25, one tile, lag target 0.10 s; masked with a lean ingest, copied with PyAV's (facts, media 6)."""
_CAMERAS = {"masked": "wevergracht", "copied": "spoorplein"}

_READ_NUMBERS = """
({left, top, width, block, seconds}) => new Promise((resolve) => {
  const { video } = document.querySelector("live-player");
  const canvas = new OffscreenCanvas(width, block);
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  const seen = [];
  const end_ms = Date.now() + seconds * 1000;
  const look = () => {
    const at_ms = performance.timeOrigin + performance.now();
    pen.drawImage(video, left, top, width, block, 0, 0, width, block);
    const { data } = pen.getImageData(0, block / 2, width, 1);
    const bits = [];
    for (let x = block / 2; x < width; x += block) bits.push(data[x * 4 + 1]);
    seen.push([at_ms, bits]);
    if (Date.now() < end_ms) video.requestVideoFrameCallback(look);
    else finish();
  };
  const finish = () => {
    clearTimeout(giveUp);
    const ranges = video.buffered;
    const lag_s = ranges.length ? ranges.end(ranges.length - 1) - video.currentTime : null;
    const { droppedVideoFrames, totalVideoFrames } = video.getVideoPlaybackQuality();
    resolve({ seen, lag_s, dropped: droppedVideoFrames, total: totalVideoFrames, now_ms: Date.now(),
              drift_ms: performance.timeOrigin + performance.now() - Date.now() });
  };
  const giveUp = setTimeout(finish, seconds * 1000 + 3000);
  video.requestVideoFrameCallback(look);
})
"""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a page showed.

    Args:
        from_sent_ms: age of each picture since its packets left the camera.
        from_exposure_ms: age since the middle of its exposure.
        shown_fps: different pictures per second.
        unreadable: pictures whose number could not be read.
        lag_s: how far the player was behind the newest fragment at the end.
    """

    from_sent_ms: tuple[float, ...]
    from_exposure_ms: tuple[float, ...]
    shown_fps: float
    unreadable: int
    lag_s: float | None


def run(*, rounds: int, quick: bool) -> Report:
    """Measure a masked and a copied camera.

    Raises:
        Unavailable: Chromium is missing, or no picture came.
    """
    if not CHROMIUM.exists():
        raise Unavailable("there is no /usr/bin/chromium: install Debian's chromium", code="bench.chromium")
    seconds = 3.0 if quick else 10.0 * max(1, min(rounds, 3))
    before = load()
    rows, figures = [], []
    for mode, camera_id in list(_CAMERAS.items())[: 1 if quick else None]:
        with house(camera_id, FPS) as running:
            seen = _watch(running, seconds)
        median_ms, p95_ms = statistics.median(seen.from_sent_ms), percentile(seen.from_sent_ms, 0.95)
        exposure_ms = statistics.median(seen.from_exposure_ms)
        width_px, height_px = running.size_px
        rows.append((
            f"{mode}, {width_px}x{height_px} at {FPS:g} fps", f"{median_ms:.0f}", f"{p95_ms:.0f}", f"{exposure_ms:.0f}",
            str(TARGETS_MS[mode]), str(len(seen.from_sent_ms)), f"{seen.shown_fps:.1f}", str(seen.unreadable),
            "-" if seen.lag_s is None else f"{seen.lag_s * 1000:.0f}",
        ))  # fmt: skip
        figures.append((f"glass to glass in Chromium, {mode}: median / p95", f"{median_ms:.0f} / {p95_ms:.0f} ms"))
    header = (
        "camera",
        "median ms",
        "p95 ms",
        "from exposure",
        "prototype",
        "pictures",
        "shown fps",
        "unreadable",
        "player lag ms",
    )
    lines = (
        f"Simulated camera, real worker, API and live page; headless Chromium, software rendering. {seconds:.0f} s each, one tile.",
        "Median and p95: from the instant at which the camera sent a frame to its number in the page's pixels;",
        "'from exposure' counts the simulator's drawing and encoding too. 'prototype': 1080p25, another machine, see docs/benchmarks.md.",
        f"Before: {before}. After: {load()}.",
        "",
        *table(header, rows),
    )
    return Report("Glass-to-glass latency in Chromium", lines, figures=tuple(figures))


def _watch(running: House, seconds: float) -> Seen:
    left, top = strip_origin_px(roster()[running.placement_id].corners[0], *running.size_px)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
        )
        try:
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            _sign_in(page, running)
            page.wait_for_selector("live-player", state="attached", timeout=60_000)
            page.wait_for_function("document.querySelector('live-player').video.currentTime > 0", timeout=60_000)
            page.wait_for_timeout(SETTLE_S * 1000)
            strip = {"left": left, "top": top, "width": STRIP_WIDTH_PX, "block": BLOCK_PX, "seconds": seconds}
            found = page.evaluate(_READ_NUMBERS, strip)
        except PlaywrightError as error:
            raise Unavailable(f"the live page shows no picture: {error.message[:300]}", code="bench.page") from error
        finally:
            browser.close()
    return _compared(running.truth_log, found)


def _sign_in(page: Page, running: House) -> None:
    page.goto(running.url + "/sign-in")
    page.fill("input[name=username]", running.username)
    page.fill("input[name=password]", running.password)
    page.click("button[type=submit]")
    page.wait_for_url(running.url + "/**")


def _compared(truth_log: Path, found: dict[str, object]) -> Seen:
    records = [
        json.loads(line)
        for line in truth_log.read_text(encoding="utf-8").splitlines(keepends=True)
        if line.endswith("\n")
    ]
    by_number = {record["frame"]: record for record in records}
    shown: dict[int, float] = {}
    unreadable = 0
    seen = found["seen"]
    assert isinstance(seen, list)
    for at_ms, greens in seen:
        number = read_number(greens)
        if number is None or number not in by_number:
            unreadable += 1
        else:
            shown.setdefault(number, at_ms)
    if len(shown) < 2:
        raise Unavailable(f"of {len(seen)} pictures in the page, {len(shown)} had a readable number", code="bench.page")
    sent, exposed = [], []
    for number, at_ms in shown.items():
        record = by_number[number]
        exposed.append(at_ms - record["true_utc_s"] * 1000)
        sent.append(at_ms - record["sent_utc_s"] * 1000)
    if min(exposed) < 0 or max(sent) > LONGEST_MS:
        raise Unavailable(
            f"impossible latencies: {min(exposed):.0f} .. {max(sent):.0f} ms; the clocks differ", code="bench.clock"
        )
    span_s = (max(shown.values()) - min(shown.values())) / 1000
    lag_s = found["lag_s"]
    assert lag_s is None or isinstance(lag_s, int | float)
    return Seen(tuple(sent), tuple(exposed), (len(shown) - 1) / span_s, unreadable, lag_s)


def read_number(greens: list[int]) -> int | None:
    """Return the frame number of a row of square middles (0..255), None when its check bits do not agree."""
    row = np.repeat(np.array(greens, np.uint8), BLOCK_PX)
    return read_code(np.tile(row, (BLOCK_PX, 1)))
