"""Time stamps (RFC 3161) as openssl reads them: a second program, that is neither ours nor the product's."""

import re
import subprocess
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

_OPENSSL_TIMEOUT_S = 60
_MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec"
_STAMPED_AT = re.compile(
    r"^Time stamp: (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) +(\d+) (\d\d):(\d\d):(\d\d)(?:\.\d+)? (\d{4}) GMT$",
    re.MULTILINE,
)


def why_wrong(openssl: str, tsa_ca: Path, stamp: bytes, text: bytes, at: datetime | None) -> str | None:
    """Return why a stamp is not of a text, None when it is.

    Args:
        at: the time that it states: its certificates must have been valid then, and may have ended since.
    """
    with tempfile.TemporaryDirectory(prefix="vms-audit-") as name:
        folder = Path(name)
        (folder / "stamp.tsr").write_bytes(stamp)
        (folder / "note.txt").write_bytes(text)
        files = ["-in", str(folder / "stamp.tsr"), "-data", str(folder / "note.txt"), "-CAfile", str(tsa_ca)]
        then = [] if at is None else ["-attime", str(round(at.timestamp()))]
        done = _run([openssl, "ts", "-verify", *then, *files])
    if isinstance(done, str):
        return done
    words = (done.stdout + done.stderr).decode("utf-8", "replace").split("\n")
    return None if done.returncode == 0 else next((one for one in reversed(words) if one.strip()), "?")[:200]


def time_in(openssl: str, stamp: bytes) -> datetime | None:
    """Return the time that a stamp states, to the second; None when openssl does not tell it.

    Of the signed part only: the status before it is anybody's, and its text could look like a time.
    """
    with tempfile.TemporaryDirectory(prefix="vms-audit-") as name:
        (Path(name) / "stamp.tsr").write_bytes(stamp)
        done = _run([openssl, "ts", "-reply", "-in", str(Path(name) / "stamp.tsr"), "-token_out", "-text"])
    match = None if isinstance(done, str) else _STAMPED_AT.search(done.stdout.decode("utf-8", "replace"))
    if match is None:
        return None
    month, day, hour, minute, second, year = match.groups()
    # Not by strptime: its names of months are those of the reader's language.
    date = (int(year), _MONTHS.index(month) // 3 + 1, int(day))
    try:
        return datetime(*date, int(hour), int(minute), int(second), tzinfo=UTC)
    except ValueError:
        return None


def _run(command: Sequence[str]) -> subprocess.CompletedProcess[bytes] | str:
    """Return how a run ended, or why there was none."""
    try:
        return subprocess.run(command, capture_output=True, check=False, timeout=_OPENSSL_TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
