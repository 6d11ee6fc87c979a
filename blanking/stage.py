"""The blanking stage: raw frames and pose samples in, blanked frames out, each once, in order, never later than its deadline.

It has no clock and does no I/O: every instant is an argument, on the video's clock. It is made for one thread.
"""

import heapq
import itertools
import logging
import math
from collections import Counter, deque
from dataclasses import dataclass

from blanking.burn import BufferPool, burn, grey_frame, is_burnable
from blanking.decide import Decider, decider_for
from blanking.decision import Blank, BlankAll, Decision, GreyReason
from blanking.frames import BlankedFrame, RawFrame
from blanking.plan_values import ImagePlan, Plan
from blanking.pose import PoseSample
from blanking.witness import NOTHING_SAID, Sayings, Witness

_MOST_WAITING = 256
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Released:
    """A frame that may leave.

    Args:
        frame: the blanked picture.
        decision: what was greyed and why.
        released_s: when it could leave, on the video's clock, computing time not counted.
        margin_px: the largest growth of a mask for uncertainty.
        grey_rel: share of the picture that is grey, 0..1.
        witness: what the camera said around it, for whoever checks the decision.
    """

    frame: BlankedFrame
    decision: Decision
    released_s: float
    margin_px: float
    grey_rel: float
    witness: Witness = NOTHING_SAID


@dataclass(frozen=True, slots=True)
class _Waiting:
    frame: RawFrame
    deadline_s: float
    force_grey: GreyReason | None


class BlankingStage:
    """Hold each frame until telemetry brackets it, decide, burn, release.

    Args:
        plan: the approved plan; None greys everything.
        max_delay_s: how long a frame may wait for telemetry after its arrival.
        most_waiting: frames held at once; more than that are released grey.
        sighted: let pictures narrow and contradict what telemetry says about where the camera looks.

    Attributes:
        counts: released frames by decision: "blank" or the reason for which they are wholly grey.
        sources: blanked frames by where their pose came from.
    """

    def __init__(
        self, plan: Plan | None, max_delay_s: float = 0.3, most_waiting: int = _MOST_WAITING, *, sighted: bool = True
    ) -> None:
        self._plan = plan
        self._decider: Decider | None = decider_for(plan, sighted=sighted) if plan is not None else None
        self._max_delay_s = max_delay_s
        self._most_waiting = most_waiting
        self._waiting: deque[_Waiting] = deque()
        self._coming: list[tuple[float, int, PoseSample]] = []
        self._sequence = itertools.count()
        self._pool = BufferPool()
        self._sayings = Sayings()
        self.counts: Counter[str] = Counter()
        self.sources: Counter[str] = Counter()

    def add_sample(self, sample: PoseSample) -> None:
        """Take a pose sample; it counts for frames released at or after `sample.arrived_s`."""
        heapq.heappush(self._coming, (sample.arrived_s, next(self._sequence), sample))

    def add_frame(self, frame: RawFrame, arrived_s: float, force_grey: GreyReason | None = None) -> None:
        """Take a frame; it is released within `max_delay_s` of `arrived_s`.

        Args:
            frame: the decoded picture.
            arrived_s: when it arrived, on the video's clock.
            force_grey: a reason outside this stage for which the frame must be grey.
        """
        self._take_arrived(arrived_s)
        if self._decider is not None and force_grey is None and self._misfit(frame) is None:
            try:
                self._decider.see(frame)
            # As below: a picture that cannot be looked at is grey, and the camera goes on.
            except Exception:  # noqa: BLE001 - see the line above
                _log.exception("looking at a frame failed; it is grey")
                force_grey = GreyReason.ERROR
        self._waiting.append(_Waiting(frame, arrived_s + self._max_delay_s, force_grey))

    def release(self, now_s: float) -> list[Released]:
        """Return the frames that may leave at `now_s`, oldest first."""
        self._take_arrived(now_s)
        out = []
        while self._waiting:
            waiting = self._waiting[0]
            overflow = len(self._waiting) > self._most_waiting
            if not overflow and now_s < waiting.deadline_s and not self._is_ready(waiting):
                break
            out.append(self._made(self._waiting.popleft(), now_s, GreyReason.QUEUE_OVERFLOW if overflow else None))
        return out

    def next_deadline_s(self) -> float | None:
        """Return when the oldest waiting frame must leave, None when nothing waits."""
        return self._waiting[0].deadline_s if self._waiting else None

    def flush(self, now_s: float) -> list[Released]:
        """Return every waiting frame, decided with what is known at `now_s`."""
        self._take_arrived(now_s)
        out = []
        while self._waiting:
            out.append(self._made(self._waiting.popleft(), now_s, None))
        return out

    def _take_arrived(self, now_s: float) -> None:
        while self._coming and self._coming[0][0] <= now_s:
            sample = heapq.heappop(self._coming)[2]
            self._sayings.add(sample)
            if self._decider is not None:
                self._decider.add(sample)

    def _is_ready(self, waiting: _Waiting) -> bool:
        if self._decider is None or waiting.force_grey is not None or self._misfit(waiting.frame) is not None:
            return True
        if not math.isfinite(waiting.frame.captured_s):
            return True
        return self._decider.is_ready(waiting.frame.captured_s)

    def _misfit(self, frame: RawFrame) -> GreyReason | None:
        if self._plan is not None and (frame.width_px, frame.height_px) != (self._plan.width_px, self._plan.height_px):
            return GreyReason.SIZE_MISMATCH
        return None if is_burnable(frame.pixel_format) else GreyReason.PIXEL_FORMAT

    def _has_instant(self, frame: RawFrame) -> bool:
        """Tell whether it is known when the frame was taken, as far as the plan asks: masks fixed in the picture hold at any time."""
        return isinstance(self._plan, ImagePlan) or math.isfinite(frame.captured_s)

    def _decide(self, waiting: _Waiting) -> Decision:
        if waiting.force_grey is not None:
            return BlankAll(waiting.force_grey)
        if self._decider is None:
            return BlankAll(GreyReason.PLAN_MISSING)
        misfit = self._misfit(waiting.frame)
        if misfit is not None:
            return BlankAll(misfit)
        if not self._has_instant(waiting.frame):
            return BlankAll(GreyReason.CLOCK_UNSYNCHRONISED)
        return self._decider.decide(waiting.frame.captured_s)

    def _made(self, waiting: _Waiting, now_s: float, override: GreyReason | None) -> Released:
        raw = waiting.frame
        decision: Decision
        blanked: BlankedFrame | None = None
        try:
            decision = BlankAll(override) if override is not None else self._decide(waiting)
            if isinstance(decision, Blank):
                blanked = burn(raw, decision, self._pool)
            if self._decider is not None and math.isfinite(raw.captured_s):
                self._decider.forget_before(raw.captured_s)
        # The one place that may not fail: whatever went wrong, the frame is grey and the camera goes on.
        except Exception:  # noqa: BLE001 - see the line above
            _log.exception("blanking failed; the frame is grey")
            decision, blanked = BlankAll(GreyReason.ERROR), None
        if blanked is None or not isinstance(decision, Blank):
            reason = decision.reason if isinstance(decision, BlankAll) else GreyReason.ERROR
            width_px = self._plan.width_px if self._plan is not None else raw.width_px
            height_px = self._plan.height_px if self._plan is not None else raw.height_px
            blanked = grey_frame(raw, width_px, height_px, reason)
            self.counts[reason] += 1
            return Released(blanked, blanked.decision, now_s, 0.0, 1.0)
        self.counts["blank"] += 1
        self.sources[decision.source] += 1
        witness = self._sayings.around(raw.captured_s) if math.isfinite(raw.captured_s) else NOTHING_SAID
        return Released(blanked, decision, now_s, decision.margin_px, blanked.grey_rel, witness)
