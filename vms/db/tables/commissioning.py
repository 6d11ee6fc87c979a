"""Leave to see a placement unblanked while its masks are drawn, and each look that was taken under it."""

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, Table, Text

from vms.db.tables.columns import Instant, metadata
from vms.model import COMMISSIONING_CEILING

LONGEST_MINUTES = int(COMMISSIONING_CEILING.total_seconds()) // 60
LONGEST_US = LONGEST_MINUTES * 60_000_000

commissioning = Table(
    "commissioning",
    metadata,
    Column("id", Text, primary_key=True),
    Column("placement_id", Text, ForeignKey("placement.id"), nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("minutes", Integer, nullable=False),
    Column("requested_by", Text, ForeignKey("user_account.id"), nullable=False),
    # The roles under which both acted: when one of them lapses, so does the leave.
    Column("requested_as", Text, nullable=False),
    Column("requested_at", Instant, nullable=False),
    Column("decided_by", Text, ForeignKey("user_account.id")),
    Column("decided_as", Text),
    # The second person stays signed in as long as the picture is shown.
    Column("decided_session", Text, ForeignKey("session.id")),
    Column("decided_at", Instant),
    Column("from_at", Instant),
    Column("until_at", Instant),
    Column("closed_at", Instant),
    Column("closed_why", Text),
    CheckConstraint("state IN ('requested', 'approved', 'refused', 'closed')", name="state"),
    CheckConstraint("decided_by IS NULL OR decided_by <> requested_by", name="two_persons"),
    CheckConstraint(f"minutes BETWEEN 1 AND {LONGEST_MINUTES}", name="minutes"),
    CheckConstraint(
        f"from_at IS NULL OR (until_at > from_at AND until_at <= from_at + {LONGEST_US} AND from_at = decided_at)",
        name="ceiling",
    ),
    CheckConstraint("(from_at IS NULL) = (until_at IS NULL)", name="span"),
    CheckConstraint(
        "(decided_by IS NULL) = (decided_at IS NULL) AND (decided_by IS NULL) = (decided_as IS NULL)"
        " AND (decided_by IS NULL) = (decided_session IS NULL)",
        name="decided_by_someone",
    ),
    CheckConstraint(
        "state <> 'approved' OR (decided_by IS NOT NULL AND from_at IS NOT NULL AND closed_at IS NULL)",
        name="approved_is_complete",
    ),
    CheckConstraint("state <> 'refused' OR (decided_by IS NOT NULL AND from_at IS NULL)", name="refused_by_someone"),
    CheckConstraint("(state = 'closed') = (closed_at IS NOT NULL)", name="closed_at_an_instant"),
)

Index(
    "uq_commissioning_one_approved",
    commissioning.c.placement_id,
    unique=True,
    sqlite_where=commissioning.c.state == "approved",
    postgresql_where=commissioning.c.state == "approved",
)

commissioning_view = Table(
    "commissioning_view",
    metadata,
    Column("id", Text, primary_key=True),
    Column("commissioning_id", Text, ForeignKey("commissioning.id"), nullable=False),
    Column("session_id", Text, ForeignKey("session.id"), nullable=False),
    Column("opened_at", Instant, nullable=False),
    # Up to here the ledger has every second of it; the worker shows nothing when this lags behind.
    Column("seen_at", Instant, nullable=False),
    Column("closed_at", Instant),
    CheckConstraint("seen_at >= opened_at", name="order"),
)

Index(
    "uq_commissioning_view_one_open",
    commissioning_view.c.commissioning_id,
    unique=True,
    sqlite_where=commissioning_view.c.closed_at.is_(None),
    postgresql_where=commissioning_view.c.closed_at.is_(None),
)
