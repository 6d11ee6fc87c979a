"""What the command line has read before a command runs."""

from dataclasses import dataclass
from pathlib import Path

import typer

from config import Settings
from vms.cli.parts import Parts, build


@dataclass(frozen=True, slots=True)
class Invocation:
    """The settings, and where they came from (child processes read the same file)."""

    settings_file: Path | None
    settings: Settings

    @property
    def arguments(self) -> list[str]:
        """Options that give a child process the same settings."""
        return [] if self.settings_file is None else ["--settings", str(self.settings_file)]


def invocation(context: typer.Context) -> Invocation:
    """Return what `vms` itself was called with."""
    found = context.find_object(Invocation)
    if found is None:
        raise RuntimeError("the main callback has not run")
    return found


def parts(context: typer.Context) -> Parts:
    """Build the adapters for a command."""
    return build(invocation(context).settings)
