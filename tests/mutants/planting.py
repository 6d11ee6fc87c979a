"""Plant a mutant in a copy of the source and see whether its tests find it. The working tree is never touched."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.mutants.mutant import Mutant

ROOT = Path(__file__).parents[2]
COPIED = (
    "vms",
    "ingest",
    "blanking",
    "retention",
    "api",
    "config",
    "sample_streams",
    "auditor",
    "tests",
    "pyproject.toml",
)
GIVE_UP_AFTER_S = 240


class AnchorGoneError(ValueError):
    """The text that a mutant replaces does not stand in its file exactly once."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a mutant.

    Args:
        found_by: the tests that failed; empty: it survived, and a test is missing.
        seconds: how long its tests took.
    """

    mutant: Mutant
    found_by: tuple[str, ...]
    seconds: float


def planted(mutant: Mutant, source: str) -> str:
    """Return the source with the fault in it.

    Raises:
        AnchorGoneError: the anchor is gone, or stands there more than once.
    """
    count = source.count(mutant.anchor)
    if count != 1:
        raise AnchorGoneError(
            f"mutant {mutant.name!r}: its anchor stands {count} times in {mutant.file}:\n    {mutant.anchor}\n"
            "The code has changed: give tests/mutants/catalogue.py the new text of this decision."
        )
    return source.replace(mutant.anchor, mutant.plant)


def source_of(mutant: Mutant) -> str:
    """Return the file that the mutant changes, as it is."""
    return (ROOT / mutant.file).read_text(encoding="utf-8")


@contextmanager
def copied_tree() -> Iterator[Path]:
    """Copy what the tests need into a folder of its own."""
    with TemporaryDirectory(prefix="vms-mutants-") as folder:
        for name in COPIED:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, Path(folder) / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy2(source, Path(folder) / name)
        yield Path(folder)


def hunt(mutant: Mutant, tree: Path) -> Verdict:
    """Plant the mutant in the copy, run its tests, and take it out again.

    Raises:
        RuntimeError: the tests could not be run at all.
    """
    target = tree / mutant.file
    sound = source_of(mutant)
    target.write_text(planted(mutant, sound), encoding="utf-8")
    began_s = time.monotonic()
    try:
        failed = run_tests(tree, mutant.tests)
    finally:
        target.write_text(sound, encoding="utf-8")
    return Verdict(mutant, failed, time.monotonic() - began_s)


def run_tests(tree: Path, tests: tuple[str, ...], give_up_after_s: float = GIVE_UP_AFTER_S) -> tuple[str, ...]:
    """Run tests in a copy and return the names of those that failed; the first failure ends the run.

    Raises:
        RuntimeError: no test ran, or the tests took for ever.
    """
    command = [sys.executable, "-B", "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "--no-header", *tests]
    environment = os.environ | {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(
            command, cwd=tree, env=environment, capture_output=True, text=True, timeout=give_up_after_s, check=False
        )
    except subprocess.TimeoutExpired:
        return (f"(gave up after {give_up_after_s:.0f} s)",)
    if done.returncode == 0:
        return ()
    failed = [
        line.split(" - ")[0].removeprefix("FAILED ") for line in done.stdout.splitlines() if line.startswith("FAILED ")
    ]
    if done.returncode != 1 or not failed:
        raise RuntimeError(f"the tests {tests} could not be run:\n{done.stdout[-3000:]}{done.stderr[-1000:]}")
    return tuple(failed)
