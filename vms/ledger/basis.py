"""On what legal basis an entry's act stands: that of the decision that its placements were under, not a constant."""

from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from vms.db import designations
from vms.law.permit import counting
from vms.ledger.entries import DEFAULT_BASIS, Entry


def with_basis(conn: Connection, entry: Entry, at: datetime) -> Entry:
    """Return the entry with the basis of the decisions that count for its placements at an instant.

    What is about no placement, or about one that was under no decision yet, and what names its basis itself, stays as it is. After the
    end of a decision the acts on its footage (playing, keeping, erasing) stand on it still.
    """
    placement_ids = entry.placement_ids()
    if not placement_ids or entry.basis != DEFAULT_BASIS:
        return entry
    found = designations.decisions_of_all(conn, placement_ids)
    counted = [counting(decisions, at) for decisions in found.values()]
    bases = sorted({decision.legal_basis for decision in counted if decision is not None})
    return replace(entry, basis="; ".join(bases)) if bases else entry
