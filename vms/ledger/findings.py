"""Findings of the self-test that nobody has cleared yet. The ledger itself says so: there is no second place that could disagree with it.

A placement with an open finding is withheld: its worker greys everything and records nothing, and the segment that was found is not shown.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from vms.ledger.acts import Act
from vms.ledger.search import LONGEST_PAGE, Filter, search
from vms.model import PlacementId

_ACTS = (Act.SELFTEST_FAILED, Act.SELFTEST_CLEARED)


@dataclass(frozen=True, slots=True)
class Finding:
    """What the self-test found, and nobody has cleared.

    Args:
        seq: its ledger entry.
        words: the entry's object: path, problem, segment number or export, counts.
    """

    placement_id: PlacementId
    seq: int
    found_at: datetime
    words: Mapping[str, Any]

    @property
    def number(self) -> int | None:
        """The segment that was found, if it was one."""
        number = self.words.get("number")
        return None if number is None else int(number)


def open_findings(conn: Connection, placement_id: PlacementId | None = None) -> dict[PlacementId, list[Finding]]:
    """Return the open findings per placement, newest first; of one placement or of all. Cheap: there are few such entries."""
    found: dict[PlacementId, list[Finding]] = {}
    cleared: set[str] = set()
    before_seq: int | None = None
    while True:
        page = search(conn, Filter(acts=_ACTS, before_seq=before_seq), limit=LONGEST_PAGE)
        for entry in page:
            name = str(entry.document["obj"]["placement_id"])
            if placement_id not in {None, name} or name in cleared:
                continue
            if entry.act is Act.SELFTEST_CLEARED:
                cleared.add(name)
                continue
            key = PlacementId(name)
            found.setdefault(key, []).append(Finding(key, entry.seq, entry.at, entry.object))
        if len(page) < LONGEST_PAGE:
            return found
        before_seq = page[-1].seq


def is_withheld(conn: Connection, placement_id: PlacementId) -> bool:
    """Tell whether a placement must not be shown or recorded until a person has looked."""
    return bool(open_findings(conn, placement_id))


def is_segment_withheld(conn: Connection, placement_id: PlacementId, number: int) -> bool:
    """Tell whether a segment was found to show what it must not."""
    return any(finding.number == number for finding in open_findings(conn, placement_id).get(placement_id, []))
