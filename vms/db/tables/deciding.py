"""Acts of retention that one person asks for and another decides: early erasure, a clock that is right, the release of a hold."""

from sqlalchemy import Boolean, CheckConstraint, Column, ForeignKey, ForeignKeyConstraint, Index, Integer, Table, Text
from sqlalchemy.sql.schema import SchemaItem

from vms.db.tables.columns import Instant, metadata


def _asked_and_decided(unless: str = "", ends: str = "'expired', 'done'") -> list[SchemaItem]:
    """Return the columns and rules of what one person asks for and another decides.

    Args:
        unless: a condition under which one person is enough.
        ends: the states in which it is over, besides a refusal.
    """
    alone = f" OR {unless}" if unless else ""
    return [
        Column("id", Text, primary_key=True),
        Column("state", Text, nullable=False),
        Column("reason", Text, nullable=False),
        Column("requested_by", Text, ForeignKey("user_account.id"), nullable=False),
        Column("requested_as", Text, nullable=False),
        Column("requested_at", Instant, nullable=False),
        # From then on nobody can approve it any more.
        Column("lapses_at", Instant, nullable=False),
        Column("decided_by", Text, ForeignKey("user_account.id")),
        Column("decided_as", Text),
        Column("decided_at", Instant),
        # When it was carried out, or when it lapsed.
        Column("ended_at", Instant),
        CheckConstraint(f"state IN ('requested', 'approved', 'refused', {ends})", name="state"),
        CheckConstraint("decided_by IS NULL OR decided_by <> requested_by", name="two_persons"),
        CheckConstraint(
            "(decided_by IS NULL) = (decided_at IS NULL) AND (decided_by IS NULL) = (decided_as IS NULL)",
            name="decided_by_someone",
        ),
        CheckConstraint(
            f"state NOT IN ('approved', 'refused', 'done') OR decided_by IS NOT NULL{alone}", name="decided"
        ),
        CheckConstraint("state <> 'requested' OR decided_by IS NULL", name="undecided"),
        CheckConstraint(f"(state IN ({ends})) = (ended_at IS NOT NULL)", name="ended_at_an_instant"),
        CheckConstraint("lapses_at > requested_at", name="lapses"),
        CheckConstraint("decided_at IS NULL OR decided_at < lapses_at", name="decided_in_time"),
    ]


erasure = Table(
    "erasure",
    metadata,
    *_asked_and_decided(),
    Column("ground", Text, nullable=False),
    Column("start_at", Instant, nullable=False),
    Column("end_at", Instant, nullable=False),
    CheckConstraint(
        "ground IN ('unlawful-recording', 'order-of-controller', 'order-of-court', 'order-of-authority',"
        " 'objection-upheld')",
        name="ground",
    ),
    # Only what lies in the past when it is asked for: whoever approves knows what it is.
    CheckConstraint("start_at < end_at AND end_at <= requested_at", name="order"),
)

erasure_placement = Table(
    "erasure_placement",
    metadata,
    Column("erasure_id", Text, ForeignKey("erasure.id"), primary_key=True),
    Column("placement_id", Text, ForeignKey("placement.id"), primary_key=True),
)

# Claimed for an early erasure: by it the last entry of the segment says why it went before its time.
erasure_segment = Table(
    "erasure_segment",
    metadata,
    Column("placement_id", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("erasure_id", Text, ForeignKey("erasure.id"), nullable=False),
    ForeignKeyConstraint(["placement_id", "number"], ["segment.placement_id", "segment.number"]),
)

# The release of a hold. Whoever asked for the hold may release it alone; others need a second person.
hold_release = Table(
    "hold_release",
    metadata,
    *_asked_and_decided(unless="is_own", ends="'expired', 'done', 'withdrawn'"),
    Column("hold_id", Text, ForeignKey("hold.id"), nullable=False),
    Column("is_own", Boolean, nullable=False),
)

# One at a time of each hold.
Index(
    "ux_hold_release_open",
    hold_release.c.hold_id,
    unique=True,
    sqlite_where=hold_release.c.state.in_(("requested", "approved")),
    postgresql_where=hold_release.c.state.in_(("requested", "approved")),
)

clock_override = Table("clock_override", metadata, *_asked_and_decided())

# Two persons' word that the plan of a fixed camera fits what it shows now.
view_statement = Table(
    "view_statement",
    metadata,
    *_asked_and_decided(),
    Column("placement_id", Text, nullable=False),
    Column("plan_version", Integer, nullable=False),
    ForeignKeyConstraint(
        ["placement_id", "plan_version"], ["plan.placement_id", "plan.version"], name="fk_view_statement_of"
    ),
)
