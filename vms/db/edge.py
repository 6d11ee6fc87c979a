"""What cameras keep by themselves, as they last told: pictures on a card in the camera that nothing here blanks or erases."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, select

from vms.db.tables import edge_check
from vms.db.upsert import put
from vms.model import EdgeState, PlacementId


@dataclass(frozen=True, slots=True)
class EdgeRecordings:
    """What a camera answered.

    Args:
        recordings: how many hold pictures, or may hold some.
        oldest_at, newest_at: of those, by our clock; None where the camera does not tell.
        retention: the longest that it states; None: without limit, or not told.
        active_jobs: how many of its jobs write.
        more: there were more recordings than were looked into; all of the rest count as kept.
    """

    state: EdgeState
    recordings: int = 0
    oldest_at: datetime | None = None
    newest_at: datetime | None = None
    retention: timedelta | None = None
    active_jobs: int = 0
    more: bool = False

    def document(self) -> dict[str, Any]:
        """Return it as JSON, for rows and pages; `retention_s` in seconds."""
        words = asdict(self) | {"state": self.state.value}
        retention = words.pop("retention")
        words["retention_s"] = None if retention is None else round(retention.total_seconds())
        for name in ("oldest_at", "newest_at"):
            words[name] = None if words[name] is None else words[name].isoformat()
        return words


@dataclass(frozen=True, slots=True)
class EdgeCheck:
    """How a camera stands.

    Args:
        asked_at: the last time that it was asked.
        reason: code of why it did not answer then, None if it did.
        answered_at, answer: its last answer, None if it never gave one.
    """

    placement_id: PlacementId
    asked_at: datetime
    reason: str | None
    answered_at: datetime | None
    answer: EdgeRecordings | None

    @property
    def keeps(self) -> bool:
        """Whether the camera kept pictures by its last answer. Silence since then takes nothing back."""
        return self.answer is not None and self.answer.state is EdgeState.RECORDINGS


def store(conn: Connection, check: EdgeCheck) -> None:
    """Replace what is known of a camera."""
    answer = check.answer
    values = {
        "asked_at": check.asked_at,
        "reason": check.reason,
        "answered_at": check.answered_at,
        "state": None if answer is None else answer.state.value,
        "document": None if answer is None else answer.document(),
    }
    put(conn, edge_check, {"placement_id": check.placement_id}, values)


def find(conn: Connection, placement_id: PlacementId) -> EdgeCheck | None:
    """Return how a placement's camera stands, None if it was never asked."""
    row = conn.execute(select(edge_check).where(edge_check.c.placement_id == placement_id)).one_or_none()
    return None if row is None else _check(row)


def of_all(conn: Connection) -> Mapping[PlacementId, EdgeCheck]:
    """Return how all cameras stand that were ever asked."""
    return {PlacementId(row.placement_id): _check(row) for row in conn.execute(select(edge_check))}


def _check(row: Row[Any]) -> EdgeCheck:
    answer = None if row.state is None else _answer(EdgeState(row.state), row.document)
    return EdgeCheck(PlacementId(row.placement_id), row.asked_at, row.reason, row.answered_at, answer)


def _answer(state: EdgeState, words: Mapping[str, Any]) -> EdgeRecordings:
    oldest, newest, retention_s = words["oldest_at"], words["newest_at"], words["retention_s"]
    return EdgeRecordings(
        state=state,
        recordings=words["recordings"],
        oldest_at=None if oldest is None else datetime.fromisoformat(oldest),
        newest_at=None if newest is None else datetime.fromisoformat(newest),
        retention=None if retention_s is None else timedelta(seconds=retention_s),
        active_jobs=words["active_jobs"],
        more=words["more"],
    )
