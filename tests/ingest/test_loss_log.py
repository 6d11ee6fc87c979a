"""What FFmpeg says about missed packets is heard, in the thread that it concerns, and goes nowhere else."""

import logging
import threading

from ingest.loss_log import MISSED_PACKETS

FFMPEG = logging.getLogger("libav.rtsp")


def test_missed_packets_are_counted_in_the_thread_that_reads_them() -> None:
    """Two cameras in one process must not grey each other."""
    before, elsewhere = MISSED_PACKETS.count(), []

    def read_another_camera() -> None:
        FFMPEG.warning("RTP: missed 3 packets")
        elsewhere.append(MISSED_PACKETS.count())

    thread = threading.Thread(target=read_another_camera)
    thread.start()
    thread.join()
    assert elsewhere == [1]
    assert MISSED_PACKETS.count() == before
    FFMPEG.warning("RTP: missed 1 packets")
    FFMPEG.warning("RTP: missed 1 packets")
    assert MISSED_PACKETS.count() == before + 2


class _OurLog(logging.Handler):
    """What the product logs to: the root's handlers (vms/cli/logs.py)."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the message."""
        self.messages.append(record.getMessage())


def test_other_messages_are_no_loss_and_none_reaches_our_log() -> None:
    """A message can hold the camera's address with its password."""
    ours = _OurLog()
    logging.getLogger().addHandler(ours)
    try:
        before = MISSED_PACKETS.count()
        FFMPEG.error("rtsp://vms:geheim@10.0.0.5/main: something")
        FFMPEG.warning("RTP: missed 1 packets")
    finally:
        logging.getLogger().removeHandler(ours)
    assert MISSED_PACKETS.count() == before + 1
    assert ours.messages == []
