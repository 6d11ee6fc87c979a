"""What a worker goes by while nobody answers: the law of its placement as it was read last, asked anew for each picture."""

from datetime import datetime

from vms.clock import Clock
from vms.errors import Denied
from vms.law.permit import Permit, PlaceLaw, permit
from vms.model import PlacementId


class RecordPermit:
    """Answers from memory whether the placement may record. Written by one thread, read by all.

    Args:
        law: as read from the database.
    """

    def __init__(self, law: PlaceLaw) -> None:
        self._law = law

    def learn(self, law: PlaceLaw) -> None:
        """Go by what was read just now."""
        self._law = law

    def at(self, instant: datetime) -> Permit:
        """Return the answer for an instant, and until when it holds."""
        return permit(self._law, instant)

    def left_s(self, clock: Clock, most_s: float) -> float:
        """Return for how long recording is allowed, 0 if it is not, by a trusted clock; at most `most_s`."""
        now = clock.now()
        answer = self.at(now)
        if not answer.may_record:
            return 0.0
        return most_s if answer.until_at is None else min(most_s, (answer.until_at - now).total_seconds())


def require_permit(law: PlaceLaw, at: datetime, placement_id: PlacementId) -> None:
    """See that a placement may record.

    Raises:
        Denied: it may not; the message says why.
    """
    refusal = permit(law, at).refusal
    if refusal is not None:
        raise Denied(
            f"placement {placement_id} may not record ({refusal}): enter the mayor's decision, docs/cameras.md",
            code="law.outside",
            reason=refusal.value,
        )
