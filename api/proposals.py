"""Proposed masks and what people decided about them. The ledger is the only record.

A rejection is an entry of its own, at once, with its reason. What was accepted or edited stands in the entry of the draft it went into.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from api.access import Asker
from api.acting import person, record
from api.parts import ApiParts
from vms.db import placements, plans
from vms.errors import InvalidInput
from vms.ledger.acts import Act
from vms.ledger.entries import Private, Value
from vms.ledger.search import LONGEST_PAGE, Filter, search
from vms.model import PlacementId
from vms.plan_review import Document

LEAST_REASON: Final = 5
PROPOSED: Final = "proposed"
"""In a mask's origin: the digest of the outline that was proposed."""
_OUTLINES: Final = ("polygon_deg", "polygon_rel")


@dataclass(frozen=True, slots=True)
class Rejection:
    """Somebody said that a proposal is no mask.

    Args:
        sha256: digest of the outline that was proposed then.
        reason: as given; a note in its place where it has been erased.
    """

    mask: str
    sha256: str
    reason: str
    by: str
    at: datetime


def outline_sha256(outline: Sequence[Sequence[float]]) -> str:
    """Return the digest of an outline; 1 and 1.0 are the same."""
    return plans.digest({"outline": [[round(float(value), 6) for value in point] for point in outline]})


def outlines_of(document: Document | None) -> dict[str, str]:
    """Return the digest of each mask's outline, by the mask's name, as far as they can be read."""
    found = {}
    for mask in (document or {}).get("masks", ()):
        try:
            outline = next(mask[key] for key in _OUTLINES if key in mask)
            found[str(mask["id"])] = outline_sha256(outline)
        except (StopIteration, KeyError, TypeError, ValueError):
            continue
    return found


def rejections(parts: ApiParts, placement_id: PlacementId) -> dict[str, Rejection]:
    """Return the newest rejection of each proposal of a placement, by the proposal's name."""
    found: dict[str, Rejection] = {}
    with parts.db.read() as conn:
        entries = search(conn, Filter(acts=(Act.PROPOSAL_REJECT,), placement_id=placement_id), limit=LONGEST_PAGE)
    for entry in entries:
        words: Mapping[str, Any] = entry.object
        name = str(words["mask"])
        found.setdefault(name, Rejection(name, str(words["sha256"]), str(words["reason"]), entry.actor_id, entry.at))
    return found


def reject(
    parts: ApiParts,
    placement_id: PlacementId,
    mask: str,
    outline: Sequence[Sequence[float]],
    *,
    register_id: str | None,
    reason: str,
    asker: Asker,
) -> None:
    """Write down that a proposal is no mask.

    Raises:
        NotFound: there is no such placement.
        InvalidInput: there is no reason.
    """
    if len(reason.strip()) < LEAST_REASON:
        raise InvalidInput("say why this proposal is no mask", code="proposal.reason", least=LEAST_REASON)
    with parts.db.write() as conn:
        placements.get(conn, placement_id)
        obj: dict[str, Value] = {
            "placement_id": placement_id,
            "mask": mask,
            "register_id": register_id,
            "sha256": outline_sha256(outline),
            "reason": Private(reason.strip()),
        }
        record(parts.ledger, conn, Act.PROPOSAL_REJECT, person(asker.subject, asker.decision), obj)


def decided(document: Document | None, origins: Mapping[str, Mapping[str, Any]]) -> dict[str, Value]:
    """Return which masks of a draft were proposed and are drawn as proposed, and which were edited; empty where none was proposed."""
    outlines = outlines_of(document)
    proposed = {name: origin[PROPOSED] for name, origin in origins.items() if PROPOSED in origin}
    accepted = sorted(name for name, sha256 in proposed.items() if outlines.get(name) == sha256)
    edited = sorted(proposed.keys() - set(accepted))
    return {"proposals": {"accepted": accepted, "edited": edited}} if proposed else {}
