"""The wire: HTTP, RTSP, RTP and RTCP as a camera speaks them."""
