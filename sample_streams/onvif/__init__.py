"""The ONVIF services of a simulated camera: device, media and PTZ behind WS-Security."""
