"""`python -m bench [NAME ...]`: run the benchmarks and end with one table of all ratios."""

import argparse
import contextlib
import importlib
import io
import platform
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench.report import Report, load, summary
from vms.errors import VmsError

BENCHMARKS = {
    "masked-cameras": "bench.masked_cameras",
    "stages": "bench.stages",
    "telemetry-delay": "bench.telemetry_delay",
    "blanking": "bench.blanking",
    "footage": "bench.footage",
    "erasing": "bench.erasing",
    "ledger": "bench.ledger",
    "audit-verify": "bench.audit_verify",
    "glass-to-glass": "bench.glass_to_glass",
}
"""Name to module; each has `run(*, rounds: int, quick: bool) -> Report`, or a `main()` that prints."""


def main(arguments: Sequence[str]) -> int:
    """Run what was asked for; status 1 when one of them could not be run."""
    parser = argparse.ArgumentParser(
        prog="python -m bench", description="Measure against named peers (docs/benchmarks.md)."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of: {', '.join(BENCHMARKS)}; none: all of them")
    parser.add_argument("--rounds", type=int, default=5, help="interleaved rounds (default 5)")
    parser.add_argument("--quick", action="store_true", help="tiny input: does it run, not how fast")
    parser.add_argument("--out", type=Path, help="write the text to this file too")
    options = parser.parse_args(arguments)
    unknown = sorted(set(options.names) - set(BENCHMARKS))
    if unknown or options.rounds < 1:
        parser.error(f"unknown: {', '.join(unknown)}" if unknown else "--rounds must be 1 or more")
    out: list[str] = []

    def tell(text: str) -> None:
        print(text, flush=True)
        out.append(text)

    tell(
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {_processor()}, {platform.python_implementation()} {platform.python_version()}, {load()}"
    )
    reports, failed = _run(options.names or list(BENCHMARKS), options.rounds, quick=options.quick, tell=tell)
    tell("\nSummary\n=======\n" + "\n".join(summary(reports)))
    for name in failed:
        tell(f"NOT MEASURED: {name}")
    if options.out is not None:
        options.out.write_text("\n".join(out) + "\n", encoding="utf-8")
    return 1 if failed else 0


def _run(
    names: Sequence[str], rounds: int, *, quick: bool, tell: Callable[[str], None]
) -> tuple[list[Report], list[str]]:
    reports, failed = [], []
    for name in names:
        try:
            report = _measured(name, rounds, quick=quick)
        # The others are still worth running; the failure is told at its place, at the end, and by the exit status.
        except (VmsError, OSError, ImportError) as error:
            failed.append(f"{name}: {type(error).__name__}: {error}")
            tell(f"\n{name} failed: {error}")
            continue
        reports.append(report)
        tell(str(report))
    return reports, failed


def _measured(name: str, rounds: int, *, quick: bool) -> Report:
    module = importlib.import_module(BENCHMARKS[name])
    if hasattr(module, "run"):
        report = module.run(rounds=rounds, quick=quick)
        assert isinstance(report, Report)
        return report
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        module.main()
    first = (module.__doc__ or name).strip().splitlines()[0]
    return Report(first, tuple(printed.getvalue().splitlines()))


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
