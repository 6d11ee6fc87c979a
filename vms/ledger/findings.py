"""Findings of the self-test that nobody has cleared yet. The ledger itself says so: there is no second place that could disagree with it.

A placement with an open finding is withheld: its worker greys everything and records nothing, and the segment that was found is not shown.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from vms.db.tables import ledger_entry
from vms.ledger.acts import Act
from vms.ledger.search import LONGEST_PAGE, Filter, StoredEntry, search
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
    for entry in sorted((one for act in _ACTS for one in _all_of(conn, act)), key=lambda one: one.seq, reverse=True):
        name = str(entry.document["obj"]["placement_id"])
        if placement_id not in {None, name} or name in cleared:
            continue
        if entry.act is Act.SELFTEST_CLEARED:
            cleared.add(name)
            continue
        key = PlacementId(name)
        found.setdefault(key, []).append(Finding(key, entry.seq, entry.at, entry.object))
    return found


def _all_of(conn: Connection, act: Act) -> list[StoredEntry]:
    """Return all entries of one act. Of one: so the database walks its index by act and number, not the whole ledger backwards."""
    found: list[StoredEntry] = []
    before_seq: int | None = None
    while True:
        page = search(conn, Filter(acts=(act,), before_seq=before_seq), limit=LONGEST_PAGE)
        found += page
        if len(page) < LONGEST_PAGE:
            return found
        before_seq = page[-1].seq


def newest_word(conn: Connection) -> int | None:
    """Return the newest entry that opens or clears a finding, of whatever placement: while it is the same, so are the findings."""
    query = select(func.max(ledger_entry.c.seq)).where(ledger_entry.c.act.in_([act.value for act in _ACTS]))
    found: int | None = conn.execute(query).scalar_one()
    return found


def is_withheld(conn: Connection, placement_id: PlacementId) -> bool:
    """Tell whether a placement must not be shown or recorded until a person has looked."""
    return bool(open_findings(conn, placement_id))


def is_segment_withheld(conn: Connection, placement_id: PlacementId, number: int) -> bool:
    """Tell whether a segment was found to show what it must not."""
    return any(finding.number == number for finding in open_findings(conn, placement_id).get(placement_id, []))
