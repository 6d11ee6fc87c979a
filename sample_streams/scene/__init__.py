"""The town: facades, streets, people and vehicles, and the renderer that shows them to a camera."""
