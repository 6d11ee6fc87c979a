"""A campaign over the watch of fixed cameras: weather of all kinds and knocks of all kinds, false greys and misses counted.

    python -m tests.blanking.moved_campaign [--seconds 60] [--cameras A,B] [--weathers rain,snow] [--seed 1]

The truth is the demo camera's own projection (tests/blanking/weathered.py). A *false grey* is a look after which everything
is grey while the camera is where it was. A *miss* is a knock beyond the margin after which not everything is grey within 2 s, where the
view was recognised until the knock; a knock before which it was not is *blind*: reported after a stated time, counted apart.
Exit status 1: there is a miss, or more than one look in a hundred is a false grey.
"""

import argparse
import math
import sys
from dataclasses import dataclass, replace

from blanking.fixed_view.reduced_view import hidden_part
from blanking.fixed_view.watch import FixedViewWatch, WatchLimits
from sample_streams.scene.light import TimeOfDay
from tests.blanking.weathered import Knock, Weather, WeatheredCamera

MARGIN_REL = 0.01
GREY_WITHIN_S = 2.0
PICTURES_PER_S = 12.5
CAMERAS = ("wevergracht", "lindestraat", "havensteeg", "spoorplein")

DAY, DUSK, NIGHT = Weather(), Weather(TimeOfDay.DUSK, noise=3.0), Weather(TimeOfDay.NIGHT, noise=5.0)
WEATHERS = {
    "day": DAY,
    "dusk": DUSK,
    "night": NIGHT,
    "rain": replace(DAY, rain=1.0, brightness=0.7),
    "rain at night": replace(NIGHT, rain=1.0),
    "snow": replace(DAY, snow=1.0, lying_snow=0.4),
    "snow at night": replace(NIGHT, snow=1.0, lying_snow=0.7),
    "leaves": replace(DAY, leaves=1.0),
    "headlights": replace(NIGHT, headlights=1.0),
    "lorries": replace(DAY, lorry=0.45),
    "light fog": replace(DAY, fog=0.6),
    "thick fog": replace(DAY, fog=1.0),
}
KNOCKS = {
    "pan 1.5": Knock(pan_deg=1.5),
    "tilt -1.5": Knock(tilt_deg=-1.5),
    "roll 2": Knock(roll_deg=2.0),
    "pan 5": Knock(pan_deg=5.0),
    "pan 15": Knock(pan_deg=15.0, tilt_deg=3.0),
    "turned away": Knock(pan_deg=40.0),
    "digital zoom": Knock(zoom=1.1),
    "crop": Knock(zoom=1.5),
    "mirrored": Knock(flip="mirror"),
    "flipped": Knock(flip="flip"),
    "upside down": Knock(flip="upside-down"),
}


@dataclass
class Count:
    """What was counted.

    Args:
        looks: while the camera was in its place.
        false_greys: grey ones of them.
        knocks: knocks beyond the margin.
        misses: those found later than in time, or never.
        blind: knocks not judged, for the view was not recognised, or grey, before them.
        slowest_s: from a knock to grey.
    """

    looks: int = 0
    false_greys: int = 0
    knocks: int = 0
    misses: int = 0
    blind: int = 0
    slowest_s: float = 0.0


def watch_of(camera: WeatheredCamera, **limits: object) -> FixedViewWatch:
    """Return a watch without landmarks."""
    hidden = hidden_part(camera.plan, MARGIN_REL)
    given = {"margin_rel": MARGIN_REL, "unrecognised_after_s": 600.0, "grey_unrecognised": False} | limits
    return FixedViewWatch(hidden, WatchLimits(**given), [], is_new=True, at_s=0.0)  # type: ignore[arg-type]  # named above


def through(
    watch: FixedViewWatch, camera: WeatheredCamera, weather: Weather, since_s: float, for_s: float
) -> list[tuple[float, bool]]:
    """Let time pass; return the instants of looks, and whether everything was grey after each."""
    out = []
    for number in range(math.ceil(for_s * PICTURES_PER_S)):
        at_s = since_s + number / PICTURES_PER_S
        if watch.is_due(at_s):
            watch.see(camera.luma(at_s, weather), at_s)
            watch.take()
            out.append((at_s, watch.grey is not None))
    return out


def in_weather(camera: WeatheredCamera, name: str, for_s: float, count: Count) -> None:
    """Count false greys from a clear day into one weather and back."""
    watch = watch_of(camera)
    through(watch, camera, DAY, 0.0, 10.0)
    weather, at_s = WEATHERS[name], 10.0
    if weather.light is not TimeOfDay.DAY:
        at_s = _evening(watch, camera, weather, at_s, count)
    for one in (
        weather,
        DAY if weather.light is TimeOfDay.DAY else replace(weather, rain=0.0, snow=0.0, headlights=0.0),
    ):
        looks = through(watch, camera, one, at_s, for_s)
        at_s += for_s
        count.looks += len(looks)
        count.false_greys += sum(grey for _, grey in looks)


def _evening(watch: FixedViewWatch, camera: WeatheredCamera, weather: Weather, at_s: float, count: Count) -> float:
    """Let the light go in steps, as it does within an hour; each stands for minutes."""
    steps = [replace(DAY, brightness=0.8), DUSK] + (
        [replace(DUSK, brightness=0.8), NIGHT] if weather.light is TimeOfDay.NIGHT else []
    )
    for step in steps:
        looks = through(watch, camera, step, at_s, 8.0)
        count.looks += len(looks)
        count.false_greys += sum(grey for _, grey in looks)
        at_s += 70.0
    return at_s


def knocked(camera: WeatheredCamera, weather: str, knock: str, count: Count) -> None:
    """Count misses after a knock in some weather."""
    watch = watch_of(camera)
    through(watch, camera, DAY, 0.0, 10.0)
    at_s, shown = 10.0, WEATHERS[weather]
    if shown.light is not TimeOfDay.DAY:
        at_s = _evening(watch, camera, shown, at_s, Count())
    through(watch, camera, shown, at_s, 6.0)
    if watch.grey is not None or watch.report().unseen_s > 2.0:
        count.blind += 1
        return
    camera.knock = KNOCKS[knock]
    looks = through(watch, camera, shown, at_s + 6.0, 6.0)
    count.knocks += 1
    assert camera.true_shift_rel() > MARGIN_REL
    first_s = next((when - at_s - 6.0 for when, grey in looks if grey), None)
    count.slowest_s = max(count.slowest_s, math.inf if first_s is None else first_s)
    count.misses += first_s is None or first_s > GREY_WITHIN_S
    camera.knock = Knock()


def main() -> None:
    """Run it and print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--cameras", default=",".join(CAMERAS))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--weathers", default=",".join(WEATHERS))
    given = parser.parse_args()
    weathers = given.weathers.split(",")
    if unknown := set(weathers) - set(WEATHERS):
        parser.error(f"no such weather: {', '.join(sorted(unknown))}; there are {', '.join(WEATHERS)}")
    whole = Count()
    for camera_id in given.cameras.split(","):
        camera = WeatheredCamera(camera_id, given.seed)
        for name in weathers:
            count = Count()
            in_weather(camera, name, given.seconds, count)
            sys.stdout.write(f"{camera_id:12} {name:14} looks {count.looks:4} false greys {count.false_greys}\n")
            sys.stdout.flush()
            whole.looks += count.looks
            whole.false_greys += count.false_greys
        for weather in weathers:
            count = Count()
            for knock in KNOCKS:
                before = count.misses
                knocked(camera, weather, knock, count)
                if count.misses > before:
                    sys.stdout.write(f"   missed: {knock}\n")
            sys.stdout.write(
                f"{camera_id:12} {weather:14} knocks {count.knocks:3} misses {count.misses} blind {count.blind} "
                f"slowest {count.slowest_s:.2f} s\n"
            )
            sys.stdout.flush()
            whole.knocks += count.knocks
            whole.misses += count.misses
            whole.blind += count.blind
            whole.slowest_s = max(whole.slowest_s, count.slowest_s)
    sys.stdout.write(f"{whole}\n")
    sys.exit(1 if whole.misses or whole.false_greys > 0.01 * whole.looks else 0)


if __name__ == "__main__":
    main()
