"""A camera's RTSP session in our own hands: sign-in, tracks, RTP in order, access units, sender reports."""
