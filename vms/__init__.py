"""VMS: a video management system for public-order cameras, with privacy built into the recording pipeline."""

__version__ = "0.1.0"
