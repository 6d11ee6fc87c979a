"""What an overloaded worker leaves out, visibly: first every other frame, then all but keyframes. Never the blanking."""

from dataclasses import dataclass
from enum import StrEnum

HALF_BEHIND_S = 0.7
KEYFRAMES_BEHIND_S = 1.5
CALM_BEHIND_S = 0.3
CALM_FOR_S = 10.0


class Shed(StrEnum):
    """How much is left out."""

    NOTHING = "nothing"
    HALF = "half-rate"
    KEYFRAMES = "keyframes"


_LIGHTER = {Shed.KEYFRAMES: Shed.HALF, Shed.HALF: Shed.NOTHING, Shed.NOTHING: Shed.NOTHING}


@dataclass(slots=True)
class Shedder:
    """Decide by how old packets are when their turn comes."""

    level: Shed = Shed.NOTHING
    _calm_since_s: float | None = None
    _odd: bool = False
    _broken: bool = False
    _behind_s: float = 0.0

    @property
    def has_time(self) -> bool:
        """Whether the worker keeps up: only then is there time for anything that is not a picture."""
        return self.level is Shed.NOTHING and self._behind_s <= CALM_BEHIND_S

    def see(self, behind_s: float, now_s: float) -> Shed:
        """Return how much to leave out, given the age of the packet whose turn it is."""
        self._behind_s = behind_s
        if behind_s > KEYFRAMES_BEHIND_S:
            self.level, self._calm_since_s = Shed.KEYFRAMES, None
        elif behind_s > HALF_BEHIND_S:
            self.level = Shed.HALF if self.level is Shed.NOTHING else self.level
            self._calm_since_s = None
        elif behind_s <= CALM_BEHIND_S and self.level is not Shed.NOTHING:
            self._calm_since_s = now_s if self._calm_since_s is None else self._calm_since_s
            if now_s - self._calm_since_s >= CALM_FOR_S:
                self.level, self._calm_since_s = _LIGHTER[self.level], now_s
        return self.level

    def wants_packet(self, *, is_keyframe: bool) -> bool:
        """Return whether a packet is to be decoded: after one was left out, none before the next keyframe."""
        self._broken = not is_keyframe and (self._broken or self.level is Shed.KEYFRAMES)
        return not self._broken

    def wants_frame(self) -> bool:
        """Return whether a decoded frame is to be blanked and encoded."""
        self._odd = not self._odd
        return self.level is not Shed.HALF or self._odd
