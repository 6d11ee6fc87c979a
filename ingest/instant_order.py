"""Hold the instants of pictures against the order in which they are shown: an instant that does not fit is no instant."""

import math


class InstantOrder:
    """Follow one stream's pictures into a decoder and out of it.

    A decoder gives pictures out in the order in which they are shown, so that each must be later than all before it and earlier than
    all that are still inside. Stamps that were counted in decoding order fail this at the first picture that they misplace.
    """

    def __init__(self) -> None:
        self._inside_s: dict[int, float] = {}
        self._latest_s = -math.inf

    def put_in(self, sequence: int, instant_s: float) -> None:
        """Note the instant of a packet that goes into the decoder; a number that is not finite says nothing."""
        if math.isfinite(instant_s):
            self._inside_s[sequence] = instant_s

    def give_up(self, sequence: int) -> None:
        """No picture will come of this packet."""
        self._inside_s.pop(sequence, None)

    def take_out(self, sequence: int | None, instant_s: float) -> bool:
        """Return whether a picture that comes out fits between those before it and those still inside."""
        if sequence is not None:
            self._inside_s.pop(sequence, None)
        if not math.isfinite(instant_s):
            return False
        rises = instant_s > self._latest_s
        self._latest_s = max(self._latest_s, instant_s)
        return rises and all(instant_s < other_s for other_s in self._inside_s.values())

    def begin_anew(self) -> None:
        """The clock was set: what came out before can't be compared with what follows."""
        self._latest_s = -math.inf
        self._inside_s.clear()
