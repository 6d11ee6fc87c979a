"""The way between a camera's worker and the API: pictures one way, commands the other."""
