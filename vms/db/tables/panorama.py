"""One panorama a placement: what its camera can see, masked, encrypted, and never older than footage may be."""

from sqlalchemy import CheckConstraint, Column, ForeignKey, Integer, LargeBinary, Table, Text

from vms.db.tables.columns import Instant, metadata
from vms.model import RETENTION_CEILING

_LONGEST_US = int(RETENTION_CEILING.total_seconds()) * 1_000_000

panorama = Table(
    "panorama",
    metadata,
    Column("placement_id", Text, ForeignKey("placement.id"), primary_key=True),
    # The plan whose masks are greyed in it. Nothing else may be shown than under the plan that counts.
    Column("plan_version", Integer, nullable=False),
    # The oldest picture that can be in it.
    Column("begun_at", Instant, nullable=False),
    Column("made_at", Instant, nullable=False),
    Column("due_at", Instant, nullable=False),
    # By the key of the hour in which it was begun; with that key it dies.
    Column("hour_at", Instant, nullable=False),
    Column("wrapped_key", LargeBinary, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    CheckConstraint("made_at >= begun_at", name="order"),
    CheckConstraint(f"due_at <= begun_at + {_LONGEST_US}", name="ceiling"),
)
