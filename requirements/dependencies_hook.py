"""Give the wheel the same direct dependencies that requirements/runtime.in lists, so that they stand once."""

from pathlib import Path

from hatchling.metadata.plugin.interface import MetadataHookInterface


class RuntimeDependencies(MetadataHookInterface):
    """Read project.dependencies from requirements/runtime.in."""

    def update(self, metadata: dict[str, object]) -> None:
        """Set the dependencies.

        Args:
            metadata: the project table; changed in place.
        """
        lines = (Path(self.root) / "requirements" / "runtime.in").read_text(encoding="utf-8").splitlines()
        metadata["dependencies"] = [line for line in lines if line and not line.startswith("#")]
