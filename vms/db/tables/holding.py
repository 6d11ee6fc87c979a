"""What is kept, and what is handed over."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
)

from vms.db.tables.columns import Document, Instant, metadata

hold = Table(
    "hold",
    metadata,
    Column("id", Text, primary_key=True),
    # From the client: a repeated request after a lost reply finds the hold it made.
    Column("request_id", Text, nullable=False, unique=True),
    Column("state", Text, nullable=False),
    Column("case_number", Text, nullable=False),
    Column("ground", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("start_at", Instant, nullable=False),
    Column("end_at", Instant, nullable=False),
    Column("review_on", Instant, nullable=False),
    Column("requested_by", Text, ForeignKey("user_account.id"), nullable=False),
    Column("requested_at", Instant, nullable=False),
    Column("outcome", Text),
    Column("released_by", Text, ForeignKey("user_account.id")),
    Column("released_at", Instant),
    Column("release_reason", Text),
    CheckConstraint("state IN ('pending', 'active', 'releasing', 'released', 'aborted')", name="state"),
    CheckConstraint("end_at > start_at", name="order"),
    CheckConstraint("outcome IS NULL OR outcome IN ('accepted', 'partly', 'too-late')", name="outcome"),
    CheckConstraint(
        "state NOT IN ('releasing', 'released') OR (released_at IS NOT NULL AND release_reason IS NOT NULL)",
        name="released_with_reason",
    ),
)

hold_placement = Table(
    "hold_placement",
    metadata,
    Column("hold_id", Text, ForeignKey("hold.id"), primary_key=True),
    Column("placement_id", Text, ForeignKey("placement.id"), primary_key=True),
)

hold_segment = Table(
    "hold_segment",
    metadata,
    Column("hold_id", Text, ForeignKey("hold.id"), primary_key=True),
    Column("placement_id", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("outcome", Text, nullable=False),
    # Segment key wrapped by the hold key; NULL when too late, or released.
    Column("wrapped_key", LargeBinary),
    ForeignKeyConstraint(["placement_id", "number"], ["segment.placement_id", "segment.number"]),
    CheckConstraint("outcome IN ('accepted', 'too-late')", name="outcome"),
    CheckConstraint("outcome = 'accepted' OR wrapped_key IS NULL", name="too_late_has_no_key"),
)

Index("ix_hold_segment_placement_id_number", hold_segment.c.placement_id, hold_segment.c.number)

export = Table(
    "export",
    metadata,
    Column("id", Text, primary_key=True),
    Column("hold_id", Text, ForeignKey("hold.id"), nullable=False),
    Column("state", Text, nullable=False),
    Column("requested_by", Text, ForeignKey("user_account.id"), nullable=False),
    Column("requested_at", Instant, nullable=False),
    Column("receiver", Text, nullable=False),
    Column("decided_by", Text, ForeignKey("user_account.id")),
    Column("decided_at", Instant),
    Column("progress_done", Integer, nullable=False, server_default="0"),
    Column("progress_total", Integer, nullable=False, server_default="0"),
    Column("wrapped_key", LargeBinary),
    Column("size_bytes", BigInteger),
    Column("sha256", Text),
    Column("manifest", Document),
    Column("failure", Text),
    Column("ready_at", Instant),
    # When the package was erased, with its hold or after hand-over.
    Column("erased_at", Instant),
    CheckConstraint("decided_by IS NULL OR decided_by <> requested_by", name="two_persons"),
    CheckConstraint(
        "state IN ('requested', 'approved', 'building', 'ready', 'failed', 'refused')",
        name="state",
    ),
    CheckConstraint("(state = 'requested') = (decided_by IS NULL)", name="decided_by_someone"),
    CheckConstraint("(decided_by IS NULL) = (decided_at IS NULL)", name="decided_at_an_instant"),
    CheckConstraint(
        "state <> 'ready' OR (size_bytes IS NOT NULL AND sha256 IS NOT NULL AND ready_at IS NOT NULL)",
        name="ready_is_complete",
    ),
)

Index("ix_export_hold_id", export.c.hold_id)
