"""Footage at rest: encrypted segment files, the keys that open them, and the recorder that writes them."""
