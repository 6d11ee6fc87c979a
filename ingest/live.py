"""Live pictures: the recorder's packets as one fragment a frame; nothing is made while nobody watches."""

import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from vms.bus.messages import FrameMessage, InitMessage, LiveMessage, StateMessage
from vms.bus.protocol import Admit, Channel
from vms.footage.fmp4 import TIMESCALE, Sample, fragment, init_segment
from vms.footage.nal import ParameterSets, drop_delimiters, find_parameter_sets, length_prefixed, split_annex_b
from vms.footage.recorder import Packet

MOST_KEPT = 300
"""Packets kept since the last keyframe, for a viewer who comes late; a longer group of pictures starts at its end."""
USUAL_TICKS = TIMESCALE // 25
MOST_TICKS = TIMESCALE
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class LiveFeed:
    """Publish one placement's packets and state on its channel.

    Args:
        channel: where to.
        epoch: the recorder's.
    """

    def __init__(self, channel: Channel, epoch: int) -> None:
        self._channel = channel
        self._epoch = epoch
        # Held while publishing, so that a joining viewer sees neither a hole nor a frame twice.
        self._lock = threading.Lock()
        self._state = StateMessage({"state": "starting", "reason": None})
        self._sets: ParameterSets | None = None
        self._init: InitMessage | None = None
        self._kept: list[tuple[Packet, int]] = []
        self._start_at: datetime | None = None
        self._sequence = 0
        self._duration = USUAL_TICKS
        channel.on_join(self._greet)

    def state(self, state: Mapping[str, Any]) -> None:
        """Tell how the camera is; only changes are published."""
        with self._lock:
            if dict(self._state.state) == dict(state):
                return
            self._state = StateMessage(dict(state))
            self._channel.publish(self._state)

    def packet(self, packet: Packet) -> None:
        """Take the next packet, in order."""
        with self._lock:
            if packet.is_keyframe:
                self._kept.clear()
                self._renew_init(packet)
            if self._init is None or (not packet.is_keyframe and not self._kept) or len(self._kept) >= MOST_KEPT:
                self._kept.clear()
                return
            self._learn_duration(packet)
            self._kept.append((packet, self._duration))
            if self._channel.watched:
                self._channel.publish(self._framed(packet, self._duration))

    def interrupt(self) -> None:
        """Forget what was kept: the stream is broken off here."""
        with self._lock:
            self._kept.clear()

    def _greet(self, admit: Admit) -> None:
        with self._lock:
            messages: list[LiveMessage] = [self._state]
            if self._init is not None:
                messages.append(self._init)
                messages += [self._framed(packet, duration) for packet, duration in self._kept]
            admit(messages)

    def _renew_init(self, packet: Packet) -> None:
        sets = find_parameter_sets(split_annex_b(packet.data), packet.codec) or self._sets
        if sets is None:
            return
        changed = self._init is None or (packet.width, packet.height) != (self._init.width, self._init.height)
        if self._sets is None or changed or sets.codec_string != self._sets.codec_string:
            self._init = InitMessage(
                self._epoch,
                sets.codec_string,
                packet.width,
                packet.height,
                init_segment(packet.width, packet.height, sets),
            )
            self._channel.publish(self._init)
        self._sets = sets

    def _learn_duration(self, packet: Packet) -> None:
        # The next frame's instant is not known yet. Too long a duration does no harm; one shorter than half the real step makes
        # browsers wait for a keyframe: so it grows at once and shrinks slowly.
        if self._kept:
            step = self._ticks(packet) - self._ticks(self._kept[-1][0])
            grown = max(min(step, MOST_TICKS), 1)
            self._duration = max(grown, self._duration - self._duration // 50)

    def _ticks(self, packet: Packet) -> int:
        if self._start_at is None:
            self._start_at = packet.captured_at
        return max(0, (packet.captured_at - self._start_at) // _MICROSECOND) * 9 // 100

    def _framed(self, packet: Packet, duration: int) -> FrameMessage:
        units = drop_delimiters(split_annex_b(packet.data), packet.codec)
        if packet.is_keyframe and self._sets is not None and find_parameter_sets(units, packet.codec) is None:
            units = self._sets.units + units
        self._sequence += 1
        sample = Sample(length_prefixed(units), self._ticks(packet), duration, packet.is_keyframe)
        return FrameMessage(
            self._epoch,
            (packet.captured_at - _EPOCH) // _MICROSECOND,
            packet.is_keyframe,
            fragment(self._sequence, [sample]),
        )
