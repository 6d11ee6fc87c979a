"""A small rendered street with one camera, whose movements and telemetry each test chooses."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from blanking.decision import BlankAll
from blanking.plan import parse_plan
from blanking.pose import PoseSample, stamped_sample
from blanking.stage import BlankingStage
from tests.blanking.painter import Painter
from tests.blanking.truth import Dwelling, Pose, TrueCamera
from tests.blanking.worlds import Tally, World, check, play

FPS = 25
_ZOOM = ((0.0, 62.8), (0.5, 12.1), (1.0, 2.3))
_HOUSES = tuple(((x, -4.0), (x + 4.0, -4.0), (x + 4.0, 1.0), (x, 1.0)) for x in range(-60, 60, 10))

Path = Callable[[float], Pose]


def street(
    path: Path,
    told: Callable[[float], PoseSample | None] | None = None,
    *,
    rate_hz: float = 10.0,
    seconds: float = 5.0,
    accuracy: dict[str, float] | None = None,
    **scene: object,
) -> World:
    """Return a world with a row of dwellings.

    Args:
        path: true pose by time.
        told: the sample taken at an instant, None for none; without it the truth, a tenth of a second later.
        rate_hz: of the samples.
        seconds: how long.
        accuracy: what differs from a well calibrated camera.
        scene: the painter's.
    """

    def hfov_deg(zoom: float) -> float:
        logs = [math.log(1 / math.tan(math.radians(row[1]) / 2)) for row in _ZOOM]
        return math.degrees(2 * math.atan(math.exp(-float(np.interp(zoom, [row[0] for row in _ZOOM], logs)))))

    document: dict[str, object] = {
        "frame": {"width": 640, "height": 360},
        "kind": "directions",
        "camera_model": {"zoom": [list(row) for row in _ZOOM]},
        "accuracy": {"pan_tilt_deg": 0.1, "zoom_rel": 0.01, "time_s": 0.005, "exposure_s": 0.01, "max_acceleration_deg_s2": 300.0}
        | (accuracy or {}),
        "masks": [{"id": str(i), "polygon_deg": [list(corner) for corner in house]} for i, house in enumerate(_HOUSES)],
    }  # fmt: skip
    camera = TrueCamera(
        640, 360, hfov_deg, lambda _: 0.0, (0.5, 0.5), (0.0, 0.0, 0.0), (1.0, 1.0), path, 0.01
    )  # fmt: skip
    ask = told or (lambda at_s: honest(path, at_s))
    asked = [ask(number / rate_hz - 1.0) for number in range(int((seconds + 2.0) * rate_hz))]
    return World(
        document, camera, [Dwelling(house) for house in _HOUSES], [number / FPS for number in range(int(seconds * FPS))],
        [sample for sample in asked if sample is not None], 0.3, Painter(camera, 5, **scene),  # type: ignore[arg-type]  # named by tests
    )  # fmt: skip


def honest(path: Path, at_s: float) -> PoseSample:
    """Return the truth, told a tenth of a second later."""
    return stamped_sample(at_s, at_s + 0.1, path(at_s))


@dataclass
class Outcome:
    """What came out.

    Args:
        tally: of leaks and decisions.
        states: per frame the source of its pose, or why it is wholly grey.
        stage: that made them.
    """

    tally: Tally
    stage: BlankingStage
    states: list[str] = field(default_factory=list)

    def between(self, from_s: float, until_s: float) -> list[str]:
        """Return the states of the frames of a span."""
        return self.states[round(from_s * FPS) : round(until_s * FPS)]


def run(world: World, *, sighted: bool = True) -> Outcome:
    """Send a world through a new stage."""
    outcome = Outcome(Tally(), BlankingStage(parse_plan(world.plan_document), world.max_delay_s, sighted=sighted))
    for sample in world.samples:
        outcome.stage.add_sample(sample)
    for released in play(outcome.stage, world):
        check(world, released, outcome.tally, 8)
        decision = released.decision
        outcome.states.append(str(decision.reason if isinstance(decision, BlankAll) else decision.source))
    return outcome


def stop_and_go(
    speed_deg_s: float, from_s: float, until_s: float, *, start_deg: float = -5.0, zoom: float = 0.1
) -> Path:
    """Return a path that stands, turns to the right for a while, and stands again."""
    ramp_s = speed_deg_s / 200.0

    def path(at_s: float) -> Pose:
        gone_s, whole_s = min(max(at_s - from_s, 0.0), until_s - from_s), until_s - from_s
        if gone_s < ramp_s:
            way = 100.0 * gone_s**2
        elif gone_s < whole_s - ramp_s:
            way = speed_deg_s * (gone_s - ramp_s / 2)
        else:
            way = speed_deg_s * (whole_s - ramp_s) - 100.0 * (whole_s - gone_s) ** 2
        return (start_deg + way, -1.0, zoom)

    return path
