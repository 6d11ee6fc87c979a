"""One camera as a device: clock, mechanics, telemetry, faults, encoder, and the process that joins them."""
