"""`vms blank`: the live pipeline's blanking on a file."""

from pathlib import Path
from typing import Annotated

import typer


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("blank")(blank)


def blank(  # noqa: PLR0917 - typer calls it by name
    video: Annotated[Path, typer.Argument(metavar="IN", help="Video file, in any format that FFmpeg reads.")],
    plan: Annotated[Path, typer.Option(help="PLAN.json (docs/blanking.md).")],
    out: Annotated[Path, typer.Option(help="Where the blanked video goes (MP4).")],
    telemetry: Annotated[Path | None, typer.Option(help="TELEMETRY.jsonl; needed for a plan in directions.")] = None,
    report: Annotated[Path | None, typer.Option(help="Where REPORT.json goes.")] = None,
    max_delay_ms: Annotated[
        float, typer.Option(min=0, help="How long a frame may wait for the camera's position.")
    ] = 300.0,
) -> None:
    """Blank a file exactly as the live pipeline would. Status 0: done; 2: bad input, and no output is left behind."""
    from ingest.blank_file import blank_file

    done = blank_file(video, plan, telemetry, out, report=report, max_delay_ms=max_delay_ms)
    reasons = ", ".join(f"{reason} {count}" for reason, count in sorted(done.reasons.items()))
    typer.echo(f"{out}: {done.frames} frames, {done.wholly_grey} wholly grey{f' ({reasons})' if reasons else ''}")
