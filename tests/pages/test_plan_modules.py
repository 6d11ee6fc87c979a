"""The editor's pure modules, in Chromium: projection against blanking's own numbers, and the drawing with every step back."""

import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.pages.running import chromium, serving_pages

pytestmark = pytest.mark.browser

Run = Callable[..., Any]
VECTORS = Path(__file__).parents[1] / "blanking" / "projection_vectors.json"


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    """Run a function's body with the modules as `optics`, `space`, `draft` and `panorama`, and a value as `given`."""
    with serving_pages() as url, chromium() as browser:
        page = browser.new_page()
        page.goto(f"{url}/blank")
        page.evaluate(
            """async () => {
              const load = (name) => import(`/static/${name}.js`);
              window.modules = await Promise.all(['plan-optics', 'plan-space', 'plan-draft', 'panorama-view'].map(load));
            }"""
        )
        yield lambda body, given=None: page.evaluate(
            f"(given) => {{ const [optics, space, draft, panorama] = window.modules; {body} }}", given
        )


def test_the_editor_projects_as_blanking_does(run: Run) -> None:
    """A mask drawn over a window in the editor must lie over that window in the recording; half a pixel is too much."""
    vectors = json.loads(VECTORS.read_text(encoding="utf-8"))
    found = run(
        """return given.map(({model, frame, pose, point_deg}) => {
             const view = new optics.Optics(model, frame).at({pan_deg: pose[0], tilt_deg: pose[1], zoom: pose[2]});
             const pixel = view.project(point_deg);
             return [pixel, view.project(view.unproject(pixel))];
           });""",
        vectors,
    )
    for row, (pixel, back) in zip(vectors, found, strict=True):
        assert pixel == pytest.approx(row["pixel"], abs=1e-3), row
        assert back == pytest.approx(pixel, abs=1e-3), row


def test_roll_and_tilt_zero_of_the_sensor_count(run: Run) -> None:
    """Calibrated cameras state both; what is right of the middle goes down when the roll is positive."""
    level, rolled, lifted = run(
        """const frame = {width: 1000, height: 500};
           const pose = {pan_deg: 0, tilt_deg: 0, zoom: 0};
           const at = (more) => new optics.Optics({zoom: [[0, 60]], ...more}, frame).at(pose).project([10, 0]);
           return [at({}), at({sensor_roll_deg: 5}), at({tilt_offset_deg: 5})];"""
    )
    assert level[1] == pytest.approx(250)
    assert rolled[1] > 260
    assert lifted[1] > 300


def test_an_outline_is_cut_before_it_is_divided(run: Run) -> None:
    """A mask that reaches behind the camera must not turn inside out; one wholly behind it is not there."""
    wide, behind, around = run(
        """const view = new optics.Optics({zoom: [[0, 60]]}, {width: 1000, height: 600}).at({pan_deg: 0, tilt_deg: 0, zoom: 0});
           const ring = (from, to) => [[from, -10], [to, -10], [to, 10], [from, 10]];
           const nadir = [0, 60, 120, 180, 240, 300].map((azimuth) => [azimuth, -10]);
           return [ring(-100, -20), ring(120, 170), nadir].map((points) => view.outline(points));"""
    )
    right_edge = 500 - 500 / math.tan(math.radians(30)) * math.tan(math.radians(20))
    assert min(x for x, _y in wide) < 0
    assert max(x for x, _y in wide) == pytest.approx(right_edge, abs=0.01)
    assert behind == []
    assert max(y for _x, y in around) > 600


def test_a_mask_that_is_dragged_keeps_its_shape(run: Run) -> None:
    """Near the nadir a shift of azimuths would tear it apart; a turn of the sphere does not."""
    before, after = run(
        """const plan = {kind: 'directions', frame: {width: 1280, height: 720}, camera_model: {zoom: [[0, 60]]}, masks: []};
           const sky = space.spaceOf(plan);
           const ring = [[0, -70], [20, -70], [20, -60], [0, -60]];
           const vectors = (points) => points.map(optics.directionOf);
           const sides = (points) => vectors(points).map((vector, i, all) => optics.angleBetween_deg(vector, all[(i + 1) % 4]));
           return [sides(ring), sides(sky.moved(ring, [10, -65], [150, -20]))];"""
    )
    assert after == pytest.approx(before, abs=1e-3)


def test_every_step_can_be_taken_back_and_done_again(run: Run) -> None:
    """Add, insert, drag, rename, remove; and a drag is one step, however many movements it had."""
    log = run(
        """const plan = {kind: 'image', frame: {width: 100, height: 100}, masks: [{id: 'm1', polygon_rel: [[0, 0], [1, 0], [1, 1]]}]};
           const drawn = new draft.PlanDraft(plan, {m1: {register_id: '1'}}, space.spaceOf(plan));
           const seen = [];
           const short = ({id, polygon_rel: ring}) => [id, ring.length, ring[0][0]];
           const note = () => seen.push(JSON.stringify(drawn.document().masks.map(short)));
           note();
           drawn.add([[0.2, 0.2], [0.3, 0.2], [0.3, 0.3]]); note();
           drawn.insertPoint(1, 0, [0.25, 0.1]); note();
           const before = drawn.masks;
           for (const x of [0.5, 0.6]) drawn.preview(1, [[x, 0.2], [0.3, 0.2], [0.3, 0.3]]);
           drawn.settle(before); note();
           drawn.rename(1, 'Attic'); note();
           drawn.remove(0); note();
           const origins = Object.keys(drawn.origins());
           const kept = drawn.removePoint(0, 0);
           const forward = seen.slice();
           for (let i = 0; i < 5; i += 1) { drawn.undo(); note(); }
           const unchanged = !drawn.isChanged;
           for (let i = 0; i < 5; i += 1) { drawn.redo(); note(); }
           return {seen, forward, origins, kept, unchanged};"""
    )
    forward = log["forward"]
    assert len(set(forward)) == 6
    assert log["seen"] == [*forward, *reversed(forward[:-1]), *forward[1:]]
    assert log["origins"] == []
    assert log["kept"] is False
    assert log["unchanged"] is True


def test_a_mask_over_the_seam_or_round_the_nadir_stays_one_piece_on_the_panorama(run: Run) -> None:
    """A mask at 180 degrees would otherwise be painted across the whole map."""
    seam, nadir = run(
        """const ring = [[170, -10], [-170, -10], [-170, 0], [170, 0]];
           const round = [0, 90, 180, -90].map((azimuth) => [azimuth, -60]);
           return [panorama.unrolled(ring), panorama.unrolled(round)];"""
    )
    assert max(a for a, _e in seam) - min(a for a, _e in seam) == pytest.approx(20, abs=0.1)
    assert max(a for a, _e in nadir) - min(a for a, _e in nadir) == pytest.approx(360)
    assert min(e for _a, e in nadir) == -90
