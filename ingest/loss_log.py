"""Hear FFmpeg say that RTP packets were missed: it says so in its log, and nowhere else.

A picture that has lost a packet out of its middle may decode without any complaint, from the wrong bits: measured, 5 of 120 such pictures
with CABAC. Frame numbers and time stamps are in order, no flag is set, and motion read out of wrong bits copies what was under a mask to
where there is none. Only RTP's sequence numbers tell (docs/decisions/0034).

FFmpeg's messages can hold the camera's address with its password: they are looked at here and go nowhere.
"""

import logging
import threading

import av.logging

_MISSED = "RTP: missed"


class MissedPackets(logging.Handler):
    """Count, by thread, how often packets were missed. FFmpeg speaks in the thread that asked it for a packet."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._counts: dict[int, int] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Take one of FFmpeg's messages."""
        if record.getMessage().startswith(_MISSED):
            thread = threading.get_ident()
            self._counts[thread] = self._counts.get(thread, 0) + 1

    def count(self) -> int:
        """Return how often packets were missed in this thread."""
        return self._counts.get(threading.get_ident(), 0)


def _listening() -> MissedPackets:
    ears = MissedPackets()
    ffmpeg = logging.getLogger("libav")
    ffmpeg.handlers[:] = [ears]
    ffmpeg.propagate = False
    ffmpeg.setLevel(logging.WARNING)
    av.logging.set_level(av.logging.WARNING)
    # The second of two equal messages counts like the first.
    av.logging.set_skip_repeated(False)
    return ears


MISSED_PACKETS = _listening()
"""The ears of this process."""
