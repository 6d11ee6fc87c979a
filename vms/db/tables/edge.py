"""What cameras keep by themselves."""

from sqlalchemy import CheckConstraint, Column, ForeignKey, Table, Text

from vms.db.tables.columns import Document, Instant, metadata

edge_check = Table(
    "edge_check",
    metadata,
    Column("placement_id", Text, ForeignKey("placement.id"), primary_key=True),
    # The last time that the camera was asked, whether it answered or not.
    Column("asked_at", Instant, nullable=False),
    # Code of why it did not answer then; NULL: it answered.
    Column("reason", Text),
    # The last answer stays when the camera is silent afterwards: its card is still there.
    Column("answered_at", Instant),
    Column("state", Text),
    Column("document", Document),
    CheckConstraint("state IN ('none', 'empty', 'recordings')", name="state"),
    CheckConstraint("(answered_at IS NULL) = (state IS NULL)", name="answer"),
    CheckConstraint("reason IS NOT NULL OR (answered_at IS NOT NULL AND answered_at = asked_at)", name="asked"),
    CheckConstraint("answered_at <= asked_at", name="order"),
)
