"""What the processes without pages say of themselves, for the API to show."""

from sqlalchemy import CheckConstraint, Column, Table, Text

from vms.db.tables.columns import Document, Instant, metadata

service_report = Table(
    "service_report",
    metadata,
    Column("service", Text, primary_key=True),
    Column("reported_at", Instant, nullable=False),
    # Who has said nothing new by then is taken to be away.
    Column("silent_at", Instant, nullable=False),
    Column("problems", Document, nullable=False),
    Column("words", Document, nullable=False),
    CheckConstraint("service IN ('ingest', 'retention')", name="service"),
    CheckConstraint("silent_at > reported_at", name="order"),
)
