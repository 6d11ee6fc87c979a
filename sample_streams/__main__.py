"""Start the demo city: ``python -m sample_streams --out DIR``."""

import argparse
import asyncio
import sys
from pathlib import Path

from sample_streams.onvif.habits import OnvifHabit, OnvifHabits, read_habits
from sample_streams.onvif.ptz_spaces import Habit, SpaceKind
from sample_streams.onvif.recording import EdgeMode
from sample_streams.roster import roster
from sample_streams.scene.light import TimeOfDay
from sample_streams.supervisor import CityError, CitySettings, run_city
from sample_streams.unknown import UnknownOptics


def main() -> None:
    """Read the command line and run the city until it is told to stop."""
    parser = argparse.ArgumentParser(
        prog="sample_streams", description="Simulated cameras with RTSP, ONVIF and known truth."
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for city.json and the truth logs")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--cameras", default="", help=f"comma-separated; all are: {', '.join(roster())}")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--content-seed", type=int, help="what goes on inside the dwellings; default: the seed")
    parser.add_argument("--base-port", type=int, default=0, help="first of three ports per camera; 0 takes free ones")
    parser.add_argument("--time-of-day", type=TimeOfDay, choices=list(TimeOfDay), default=TimeOfDay.DUSK)
    parser.add_argument("--space", type=SpaceKind, choices=list(SpaceKind), default=SpaceKind.SPHERICAL)
    parser.add_argument("--habits", default="", help=f"of the PTZ camera, comma-separated; all are: {', '.join(Habit)}")
    parser.add_argument("--onvif-habits", default="", help="of all cameras, comma-separated; see docs/demo-city.md")
    parser.add_argument("--qp", type=int, help="constant quantiser of all cameras; 0 is lossless for H.264")
    parser.add_argument(
        "--edge", type=EdgeMode, choices=list(EdgeMode), default=EdgeMode.NONE, help="what cameras keep on their card"
    )
    parser.add_argument(
        "--unknown-optics", type=int, help="seed: the PTZ camera has optics, axes and register drawn at random, no plan"
    )
    parser.add_argument("--unknown-size", default="", help="its picture, such as 640x360")
    parser.add_argument("--unknown-haste", type=float, default=1.0, help="how many times faster its motors are")
    given = parser.parse_args()
    try:
        settings = CitySettings(
            out=given.out.resolve(),
            host=given.host,
            cameras=tuple(one for one in given.cameras.split(",") if one),
            seed=given.seed,
            content_seed=given.content_seed,
            base_port=given.base_port,
            time_of_day=given.time_of_day,
            space=given.space,
            habits=tuple(_habit(parser, one) for one in given.habits.split(",") if one),
            qp=given.qp,
            unknown=_unknown(given),
            edge=given.edge,
            onvif_habits=_onvif_habits(parser, given.onvif_habits),
        )
        sys.exit(asyncio.run(run_city(settings)))
    except CityError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)


def _habit(parser: argparse.ArgumentParser, word: str) -> Habit:
    try:
        return Habit(word)
    except ValueError:
        parser.error(f"there is no habit {word!r}; all are: {', '.join(Habit)}")


def _onvif_habits(parser: argparse.ArgumentParser, words: str) -> frozenset[OnvifHabit]:
    try:
        return OnvifHabits(read_habits(one for one in words.split(",") if one)).chosen
    except ValueError as error:
        parser.error(str(error))


def _unknown(given: argparse.Namespace) -> UnknownOptics | None:
    if given.unknown_optics is None:
        return None
    width, _, height = given.unknown_size.partition("x")
    size = (int(width), int(height)) if width.isdigit() and height.isdigit() else None
    return UnknownOptics(given.unknown_optics, size, given.unknown_haste)


if __name__ == "__main__":
    main()
