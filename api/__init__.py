"""API: HTTP, WebSocket and pages; knows no camera and no raw frame."""
