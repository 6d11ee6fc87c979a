"""What was recorded, what was not, and the keys that it hangs on."""

from datetime import timedelta

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
    text,
)

from vms.db.tables.columns import Document, Instant, metadata
from vms.model import RETENTION_CEILING

LONGEST_STORED = timedelta(hours=1)
"""No segment row may be longer: it bounds the search by start, and a recorder that never cuts is refused (it aims at a minute)."""

_MICROSECOND = timedelta(microseconds=1)
_CEILING_US = RETENTION_CEILING // _MICROSECOND
_LONGEST_US = LONGEST_STORED // _MICROSECOND
_HOUR_US = timedelta(hours=1) // _MICROSECOND

hour_key = Table(
    "hour_key",
    metadata,
    Column("hour_at", Instant, primary_key=True),
    Column("state", Text, nullable=False),
    Column("destroyed_at", Instant),
    CheckConstraint("state IN ('live', 'dying', 'destroyed')", name="state"),
    CheckConstraint("(state = 'destroyed') = (destroyed_at IS NOT NULL)", name="destroyed_at_an_instant"),
)

segment = Table(
    "segment",
    metadata,
    Column("placement_id", Text, ForeignKey("placement.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("epoch", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("mode", Text, nullable=False),
    Column("start_at", Instant, nullable=False),
    Column("end_at", Instant),
    Column("due_at", Instant, nullable=False),
    Column("hour_at", Instant, ForeignKey("hour_key.hour_at"), nullable=False),
    # Segment key wrapped by the hour key (AES key wrap); NULL once claimed for erasing.
    Column("wrapped_key", LargeBinary),
    Column("size_bytes", BigInteger),
    Column("sha256", Text),
    Column("plan_version", Integer, nullable=False),
    # The blanking record: model, pose source, largest margin, counts (design section 4).
    Column("blanking", Document),
    # Index of the fragments that start with a keyframe: [[offset_bytes, length_bytes, offset_ms], ...] in the plain file.
    Column("fragments", Document),
    Column("holds", Integer, nullable=False, server_default="0"),
    Column("destroyed_at", Instant),
    ForeignKeyConstraint(["placement_id", "plan_version"], ["plan.placement_id", "plan.version"]),
    CheckConstraint(
        "state IN ('open', 'sealed', 'expiring', 'destroyed', 'lost', 'damaged')",
        name="state",
    ),
    CheckConstraint("mode IN ('masked', 'copied')", name="mode"),
    CheckConstraint(f"due_at <= start_at + {_CEILING_US}", name="ceiling"),
    CheckConstraint("due_at > start_at", name="due_after_start"),
    CheckConstraint(f"end_at IS NULL OR (end_at > start_at AND end_at <= start_at + {_LONGEST_US})", name="length"),
    # Whole-number division: the hour that the segment starts in. (No modulo sign: drivers read it as a parameter.)
    CheckConstraint(f"hour_at = start_at / {_HOUR_US} * {_HOUR_US}", name="hour"),
    CheckConstraint("number >= 1 AND epoch >= 1", name="counters"),
    CheckConstraint("holds >= 0", name="holds"),
    CheckConstraint(
        "state <> 'sealed' OR (end_at IS NOT NULL AND size_bytes IS NOT NULL AND sha256 IS NOT NULL"
        " AND wrapped_key IS NOT NULL)",
        name="sealed_is_complete",
    ),
    CheckConstraint("state NOT IN ('expiring', 'destroyed') OR holds = 0", name="held_is_not_erased"),
    CheckConstraint("state <> 'destroyed' OR wrapped_key IS NULL", name="destroyed_has_no_key"),
    CheckConstraint("(state = 'destroyed') = (destroyed_at IS NOT NULL)", name="destroyed_at_an_instant"),
)

Index("ix_segment_placement_id_start_at", segment.c.placement_id, segment.c.start_at)

Index("ix_segment_state_due_at", segment.c.state, segment.c.due_at)

Index("ix_segment_hour_at", segment.c.hour_at)

ALIVE = text("state IN ('open', 'sealed', 'expiring', 'damaged')")
"""Footage that exists, in the words of the index: a database uses it only for a query that says exactly this."""

Index(
    "ix_segment_alive",
    segment.c.placement_id,
    segment.c.holds,
    segment.c.start_at,
    sqlite_where=ALIVE,
    postgresql_where=ALIVE,
)

grey_span = Table(
    "grey_span",
    metadata,
    Column("placement_id", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("start_at", Instant, primary_key=True),
    Column("end_at", Instant, nullable=False),
    Column("reason", Text, nullable=False),
    ForeignKeyConstraint(["placement_id", "number"], ["segment.placement_id", "segment.number"]),
    CheckConstraint("end_at > start_at", name="order"),
)

gap = Table(
    "gap",
    metadata,
    Column("placement_id", Text, ForeignKey("placement.id"), primary_key=True),
    Column("start_at", Instant, primary_key=True),
    Column("end_at", Instant),
    Column("cause", Text, nullable=False),
    CheckConstraint("end_at IS NULL OR end_at > start_at", name="order"),
)

Index(
    "uq_gap_one_open",
    gap.c.placement_id,
    unique=True,
    sqlite_where=gap.c.end_at.is_(None),
    postgresql_where=gap.c.end_at.is_(None),
)

sweep = Table(
    "sweep",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("started_at", Instant, nullable=False),
    Column("finished_at", Instant),
    Column("outcome", Text, nullable=False),
    Column("claimed", Integer, nullable=False, server_default="0"),
    Column("destroyed", Integer, nullable=False, server_default="0"),
    Column("doubts", Document),
    CheckConstraint("outcome IN ('running', 'good', 'stopped')", name="outcome"),
    CheckConstraint("(outcome = 'running') = (finished_at IS NULL)", name="finished_at_an_instant"),
)

Index("ix_sweep_outcome_id", sweep.c.outcome, sweep.c.id)

footage_clock = Table(
    "footage_clock",
    metadata,
    Column("placement_id", Text, ForeignKey("placement.id"), primary_key=True),
    # Segments from this number on, to the placement's next row, were stamped so.
    Column("from_number", Integer, primary_key=True),
    Column("boot_id", Text, nullable=False),
    Column("ahead_us", BigInteger, nullable=False),
    # How long they were to be kept when they were recorded.
    Column("term_us", BigInteger, nullable=False),
    # By how much the terms of segments up to `cut_to` were shortened since.
    Column("cut_us", BigInteger, nullable=False, server_default="0"),
    Column("cut_to", Integer, nullable=False, server_default="0"),
    CheckConstraint("cut_us >= 0 AND cut_us < term_us AND cut_to >= 0", name="cut"),
)

clock_sample = Table(
    "clock_sample",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("wall_at", Instant, nullable=False),
    Column("boottime_us", BigInteger, nullable=False),
    Column("boot_id", Text, nullable=False),
    CheckConstraint("id = 1", name="one_row"),
)
