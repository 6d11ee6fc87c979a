"""May this placement record at this instant? One function answers, and says until when its answer holds.

Half-open everywhere: a decision that ends at midnight allows the instant before it, not midnight itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from vms.errors import InvalidInput


class Reason(StrEnum):
    """Why something is not allowed; a closed list, which people read and the ledger keeps."""

    NO_DECISION = "no-decision"
    DECISION_NOT_BEGUN = "decision-not-begun"
    DECISION_ENDED = "decision-ended"
    DECISION_WITHDRAWN = "decision-withdrawn"
    PLACEMENT_NOT_BEGUN = "placement-not-begun"
    PLACEMENT_ENDED = "placement-ended"


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision of the mayor that a placement is under.

    Args:
        id: of the designation.
        number: by which it was published.
        legal_basis: the articles that it rests on.
        valid_from_at, valid_until_at: as decided.
        withdrawn_at: when it was withdrawn; it only ever shortens.
        applies_from_at: since when the placement is under it; an earlier decision counts until then.

    Raises:
        InvalidInput: it ends before it begins, or was withdrawn outside its validity.
    """

    id: str
    number: str
    legal_basis: str
    valid_from_at: datetime
    valid_until_at: datetime
    applies_from_at: datetime
    withdrawn_at: datetime | None = None

    def __post_init__(self) -> None:
        if self.valid_until_at <= self.valid_from_at:
            raise InvalidInput(f"decision {self.number} ends before it begins", code="law.order")
        if self.withdrawn_at is not None and not self.valid_from_at <= self.withdrawn_at < self.valid_until_at:
            raise InvalidInput(f"decision {self.number} was withdrawn outside its validity", code="law.withdrawal")

    @property
    def ends_at(self) -> datetime:
        """From when it allows nothing any more."""
        return self.valid_until_at if self.withdrawn_at is None else self.withdrawn_at


@dataclass(frozen=True, slots=True)
class PlaceLaw:
    """All that decides what may happen at a placement.

    Args:
        from_at, until_at: of the placement.
        decisions: that it is or was under, in the order in which they were entered.
    """

    from_at: datetime
    until_at: datetime | None
    decisions: tuple[Decision, ...]


@dataclass(frozen=True, slots=True)
class Permit:
    """The answer for one instant.

    Args:
        refusal: why nothing may be recorded; None: it may.
        decision: the one that counts, also when it has ended; None: there is none yet.
        until_at: the next instant at which the answer may change; None: never, by what is known now.
    """

    refusal: Reason | None
    decision: Decision | None
    until_at: datetime | None

    @property
    def may_record(self) -> bool:
        """Whether pictures may be recorded."""
        return self.refusal is None


def permit(place: PlaceLaw, at: datetime) -> Permit:
    """Return whether a placement may record at an instant, under which decision, and until when the answer holds."""
    decision = counting(place.decisions, at)
    bounds = [place.from_at, place.until_at]
    bounds += [bound for one in place.decisions for bound in (one.applies_from_at, one.valid_from_at, one.ends_at)]
    until_at = min((bound for bound in bounds if bound is not None and bound > at), default=None)
    return Permit(_refusal(place, decision, at), decision, until_at)


def counting(decisions: Sequence[Decision], at: datetime) -> Decision | None:
    """Return the decision that applied last, also if it has ended or is still to begin: an earlier one does not revive with that.

    The database ranks them in the same way (`vms.db.designations.in_force`, and the rule on segments).
    """
    applied = [one for one in reversed(decisions) if one.applies_from_at <= at]
    return max(applied, key=lambda one: one.applies_from_at, default=None)


def _refusal(place: PlaceLaw, decision: Decision | None, at: datetime) -> Reason | None:
    if at < place.from_at:
        return Reason.PLACEMENT_NOT_BEGUN
    if place.until_at is not None and at >= place.until_at:
        return Reason.PLACEMENT_ENDED
    if decision is None:
        return Reason.DECISION_NOT_BEGUN if place.decisions else Reason.NO_DECISION
    if at < decision.valid_from_at:
        return Reason.DECISION_NOT_BEGUN
    if at < decision.ends_at:
        return None
    return Reason.DECISION_ENDED if decision.withdrawn_at is None else Reason.DECISION_WITHDRAWN
