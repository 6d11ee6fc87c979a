"""Two evenings that differ only behind the windows of dwellings come out as the same bytes: the strongest thing that can be said."""

import subprocess
import sys
from pathlib import Path

import pytest

from ingest.blank_file import BlankSummary, blank_file
from tests.sample_streams.city import REPOSITORY

pytestmark = [pytest.mark.processes, pytest.mark.slow]

FRAMES = 60


def blanked(folder: Path, content_seed: int) -> tuple[bytes, bytes, bytes, BlankSummary]:
    """Render a panning camera without loss, blank it; return what went in, what came out, the report, and what was done."""
    what = ("--camera", "vredenmarkt", "--frames", str(FRAMES), "--content-seed", str(content_seed))
    how = ("--pattern", "sweep", "--speed-deg-s", "25", "--telemetry-hz", "10", "--qp", "0", "--out", str(folder))
    subprocess.run([sys.executable, "-m", "sample_streams.clip", *what, *how], cwd=REPOSITORY, check=True)
    out, report = folder / "out.mp4", folder / "report.json"
    done = blank_file(folder / "clip.mp4", folder / "PLAN.json", folder / "TELEMETRY.jsonl", out, report=report)
    return (folder / "clip.mp4").read_bytes(), out.read_bytes(), report.read_bytes(), done


def test_what_is_in_dwellings_leaves_no_trace_while_the_camera_pans(tmp_path: Path) -> None:
    """Not in a pixel, not in the length of a picture, not in the shape of a mask, not in a decision."""
    one, other = blanked(tmp_path / "one", 1), blanked(tmp_path / "other", 2)
    assert one[0] != other[0], "the two evenings must differ, or the test says nothing"
    assert one[3].frames == FRAMES
    assert one[3].wholly_grey < FRAMES // 2, "all grey would leave no trace either"
    assert one[1] == other[1]
    assert one[2] == other[2]
