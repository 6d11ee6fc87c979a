"""Keep a masked stream near its bit rate: another quantiser from a keyframe on, never a changed frame in between."""

from dataclasses import dataclass

COARSEST_QP = 38
STEP_QP = 2
LEAST_BPS = 1_000_000
BPS_PER_PIXEL = 3.0
"""About 6 Mb/s at 1920 x 1080."""
ROOM = 0.6
"""A group of pictures below this share of the budget may become finer again."""


@dataclass(slots=True)
class BitBudget:
    """Choose the quantiser by the bits of the last group of pictures.

    Args:
        finest_qp: the setting; never finer than this.
    """

    finest_qp: int
    qp: int = 0
    _bits: int = 0
    _began_s: float | None = None

    def __post_init__(self) -> None:
        self.qp = self.finest_qp

    def see(self, size_bytes: int, at_s: float, *, is_keyframe: bool, pixels: int) -> int:
        """Take one encoded picture; return the quantiser for the next group of pictures."""
        if is_keyframe:
            if self._began_s is not None and at_s > self._began_s:
                self._judge(self._bits / (at_s - self._began_s), max(LEAST_BPS, pixels * BPS_PER_PIXEL))
            self._bits, self._began_s = 0, at_s
        self._bits += size_bytes * 8
        return self.qp

    def _judge(self, rate_bps: float, budget_bps: float) -> None:
        if rate_bps > budget_bps:
            self.qp = min(COARSEST_QP, self.qp + STEP_QP)
        elif rate_bps < ROOM * budget_bps:
            self.qp = max(self.finest_qp, self.qp - STEP_QP)
