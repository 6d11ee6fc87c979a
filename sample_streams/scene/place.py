"""A place: its panels, and who moves through it."""

from dataclasses import dataclass

from sample_streams.scene.actors import Actors
from sample_streams.scene.world import Panel, World


@dataclass(slots=True)
class Place:
    """What a renderer needs to know of a spot in the town."""

    world: World
    actors: Actors

    def panels_with_dwellings(self) -> list[Panel]:
        """Return the panels that have dwellings."""
        return [panel for panel in self.world.panels if panel.dwellings]
