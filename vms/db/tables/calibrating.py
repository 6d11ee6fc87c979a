"""How cameras were measured, and whether that still holds."""

from sqlalchemy import CheckConstraint, Column, ForeignKey, ForeignKeyConstraint, Integer, LargeBinary, Table, Text

from vms.db.tables.columns import Document, Instant, metadata
from vms.model import RETENTION_CEILING

calibration = Table(
    "calibration",
    metadata,
    Column("placement_id", Text, ForeignKey("placement.id"), primary_key=True),
    Column("version", Integer, primary_key=True),
    # CALIBRATION.json (docs/calibration.md): camera model, accuracy, residuals, timing, dynamics.
    Column("document", Document, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("verdict", Text, nullable=False),
    # What was measured: another profile or size is another camera.
    Column("profile_token", Text, nullable=False),
    Column("width_px", Integer, nullable=False),
    Column("height_px", Integer, nullable=False),
    Column("rotation_deg", Integer, nullable=False),
    Column("started_by", Text, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("finished_at", Instant, nullable=False),
    # What it means for the masks of the plan that counted then; NULL when there was none.
    Column("masks", Document),
    CheckConstraint("version >= 1", name="version"),
    CheckConstraint("verdict IN ('good', 'usable', 'poor')", name="verdict"),
    CheckConstraint("width_px > 0 AND height_px > 0", name="size"),
    CheckConstraint("rotation_deg IN (0, 90, 180, 270)", name="rotation"),
    CheckConstraint("finished_at >= started_at", name="order"),
)

calibration_check = Table(
    "calibration_check",
    metadata,
    Column("placement_id", Text, primary_key=True),
    Column("checked_at", Instant, primary_key=True),
    # The plan whose camera model was held against the street.
    Column("plan_version", Integer, nullable=False),
    # SHA-256 of that model: what was found counts for every plan that has it.
    Column("model", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    # What was found, and the bounds it was held against (docs/calibration.md).
    Column("document", Document, nullable=False),
    CheckConstraint("outcome IN ('first', 'steady', 'drifted', 'not-possible')", name="outcome"),
    ForeignKeyConstraint(
        ["placement_id", "plan_version"], ["plan.placement_id", "plan.version"], name="fk_calibration_check_of"
    ),
)

landmark = Table(
    "landmark",
    metadata,
    Column("placement_id", Text, ForeignKey("placement.id"), primary_key=True),
    # Of the camera model by which they were taken.
    Column("model", Text, nullable=False),
    Column("taken_at", Instant, nullable=False),
    Column("due_at", Instant, nullable=False),
    # By the key of the hour in which they were taken; with that key they die.
    Column("hour_at", Instant, nullable=False),
    Column("wrapped_key", LargeBinary, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    CheckConstraint("due_at > taken_at", name="order"),
    CheckConstraint(f"due_at <= taken_at + {int(RETENTION_CEILING.total_seconds()) * 1_000_000}", name="ceiling"),
)
