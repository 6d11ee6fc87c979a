"""ONVIF over HTTP: bounded requests, sign-in, and what cameras answer."""
