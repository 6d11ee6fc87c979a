"""Two persons who ask and decide, for tests of early erasure and of the clock."""

from retention import early, override
from retention.early import EarlyRequest
from retention.parts import By
from tests.footage.scene import APPROVER, DRAWER
from tests.retention.town import Town
from vms.db.early import Erasure
from vms.ledger.entries import Actor, Origin
from vms.model import ErasureGround, OverrideId, PlacementId, Role, Span

ASKER = By(Actor.person(DRAWER, role=Role.DIRECTOR, session_id="s-2"), Origin("test", "ws-2"))
DECIDER = By(Actor.person(APPROVER, role=Role.DIRECTOR, session_id="s-3"), Origin("test", "ws-3"))
REASON = "a dwelling was recorded"


def ask_early(town: Town, span: Span, *placement_ids: PlacementId) -> Erasure:
    """Let one person ask."""
    return early.ask(town.parts, EarlyRequest(ErasureGround.UNLAWFUL_RECORDING, REASON, placement_ids, span), ASKER)


def approve_early(town: Town, span: Span, *placement_ids: PlacementId) -> Erasure:
    """Let one person ask and another approve."""
    return early.decide(town.parts, ask_early(town, span, *placement_ids).id, DECIDER, refusal=None)


def confirm_clock(town: Town) -> None:
    """Let two persons say that the clock is right, and the daemon believe it."""
    asked = override.ask(town.parts, REASON, ASKER)
    override.decide(town.parts, OverrideId(asked.id), DECIDER, refusal=None)
    assert override.carry_out(town.parts) == 1
