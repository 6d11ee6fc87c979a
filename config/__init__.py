"""Settings: typed, frozen, read once."""

from config.settings import Settings, load

__all__ = ["Settings", "load"]
