"""The ground-truth campaign: `python -m tests.blanking.campaign --frames 20000`, or `make leak-campaign`.

Random worlds with rendered pictures against an independent truth. A tally file lets a long campaign run in slices.
"""

import argparse
import itertools
import json
import sys
from dataclasses import asdict
from pathlib import Path

from tests.blanking.worlds import MEASURED, REGIMES, Tally, make_world, run_world

SECONDS = 3.0


def run_slice(tallies: dict[str, Tally], first_seed: int, frames: int, *, stride_px: int) -> int:
    """Run worlds of all regimes in turn until `frames` more frames have been checked; return the next seed."""
    goal = sum(tally.frames for tally in tallies.values()) + frames
    for seed in itertools.count(first_seed):
        for name, regime in REGIMES.items():
            run_world(make_world(seed, regime, SECONDS, pictures=True), tallies[name], stride_px=stride_px)
            if sum(tally.frames for tally in tallies.values()) >= goal:
                return seed + 1
    raise AssertionError("seeds never end")


def faults(tallies: dict[str, Tally]) -> list[str]:
    """Return what may not be: leaks, and more grey than promised."""
    out = [f"{name}: {leak}" for name, tally in tallies.items() for leak in tally.leaks]
    for name, limit in MEASURED.items():
        tally = tallies[name]
        if tally.over_rel and tally.over_share > limit:
            out.append(f"{name}: {tally.over_share:.1%} over-blanked, more than {limit:.0%}")
    return out


def main(arguments: list[str]) -> int:
    """Run, print, and return 1 when something leaked or too much was greyed."""
    parser = argparse.ArgumentParser(
        description="Random cameras against an independent truth: not one dwelling pixel may leak."
    )
    parser.add_argument("--frames", type=int, default=20_000, help="frames to check (default 20000)")
    parser.add_argument("--seed", type=int, default=1, help="first seed (default 1)")
    parser.add_argument("--stride", type=int, default=4, help="every how many pixels to look (default 4)")
    parser.add_argument("--tally", type=Path, help="go on from this file, and write it at the end")
    options = parser.parse_args(arguments)
    tallies = {name: Tally() for name in REGIMES}
    seed = options.seed
    if options.tally is not None and options.tally.exists():
        known = json.loads(options.tally.read_text(encoding="utf-8"))
        seed = known["next_seed"]
        tallies |= {name: Tally(**tally) for name, tally in known["tallies"].items()}
    next_seed = run_slice(tallies, seed, options.frames, stride_px=options.stride)
    for name, tally in tallies.items():
        sys.stdout.write(tally.line(name) + "\n")
    whole = sum(tally.frames for tally in tallies.values())
    leaked, of = (sum(getattr(tally, key) for tally in tallies.values()) for key in ("leaked_px", "dwelling_px"))
    sys.stdout.write(f"seeds up to {next_seed - 1}: {whole} frames, {leaked} of {of} sampled dwelling pixels leaked\n")
    if options.tally is not None:
        document = {"next_seed": next_seed, "tallies": {name: asdict(tally) for name, tally in tallies.items()}}
        options.tally.write_text(json.dumps(document), encoding="utf-8")
    found = faults(tallies)
    sys.stdout.write("".join(f"FAULT {fault}\n" for fault in found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
