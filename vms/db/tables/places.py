"""Cameras, and where they stand."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    false,
)

from vms.db.tables.columns import Document, Instant, metadata

camera = Table(
    "camera",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("rtsp_url", Text, nullable=False),
    Column("rtsp_transport", Text, nullable=False, server_default="tcp"),
    Column("onvif_url", Text),
    Column("username", Text, nullable=False),
    Column("sealed_password", LargeBinary, nullable=False),
    Column("added_at", Instant, nullable=False),
    Column("removed_at", Instant),
    Column("allows_basic", Boolean, nullable=False, server_default=false()),
    CheckConstraint("kind IN ('fixed', 'ptz')", name="kind"),
    CheckConstraint("rtsp_transport IN ('tcp', 'udp')", name="rtsp_transport"),
)

area = Table(
    "area",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
)

designation = Table(
    "designation",
    metadata,
    Column("id", Text, primary_key=True),
    Column("area_id", Text, ForeignKey("area.id"), nullable=False),
    Column("number", Text, nullable=False),
    Column("legal_basis", Text, nullable=False),
    Column("valid_from_at", Instant, nullable=False),
    Column("valid_until_at", Instant, nullable=False),
    CheckConstraint("valid_until_at > valid_from_at", name="order"),
)

# A published decision is never changed: it can be withdrawn, once, which only shortens it (triggers).
designation_withdrawal = Table(
    "designation_withdrawal",
    metadata,
    Column("designation_id", Text, ForeignKey("designation.id"), primary_key=True),
    Column("withdrawn_at", Instant, nullable=False),
    Column("entered_at", Instant, nullable=False),
)

# Designations whose dates or number a register file of an older version left to us: they may be completed, once each.
designation_assumption = Table(
    "designation_assumption",
    metadata,
    Column("designation_id", Text, ForeignKey("designation.id"), primary_key=True),
)

placement = Table(
    "placement",
    metadata,
    Column("id", Text, primary_key=True),
    Column("camera_id", Text, ForeignKey("camera.id"), nullable=False),
    # The newest that it was put under; which one counted at an instant: placement_designation.
    Column("designation_id", Text, ForeignKey("designation.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("from_at", Instant, nullable=False),
    Column("until_at", Instant),
    # The fence: a recorder bumps the epoch before its first byte; rows of an older epoch are refused.
    Column("epoch", Integer, nullable=False, server_default="0"),
    # Segment numbers are gap-free from 1 and never used again.
    Column("last_number", Integer, nullable=False, server_default="0"),
    # What the worker last said of itself, for the technician's page and the wall (no picture in it).
    Column("status", Document),
    Column("status_at", Instant),
    CheckConstraint("until_at IS NULL OR until_at > from_at", name="order"),
    CheckConstraint("epoch >= 0 AND last_number >= 0", name="counters"),
)

Index(
    "uq_placement_one_per_camera",
    placement.c.camera_id,
    unique=True,
    sqlite_where=placement.c.until_at.is_(None),
    postgresql_where=placement.c.until_at.is_(None),
)

# Under which designations a placement is or was, in the order in which they were entered: the one that began last counts.
placement_designation = Table(
    "placement_designation",
    metadata,
    Column("placement_id", Text, ForeignKey("placement.id"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("designation_id", Text, ForeignKey("designation.id"), nullable=False),
    # Not earlier than the designation's own begin.
    Column("from_at", Instant, nullable=False),
    CheckConstraint("position >= 1", name="position"),
)

plan = Table(
    "plan",
    metadata,
    Column("placement_id", Text, ForeignKey("placement.id"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("state", Text, nullable=False),
    # The PLAN.json document of design section 11; NULL with no_dwelling_in_sight.
    Column("document", Document),
    Column("no_dwelling_in_sight", Boolean, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("drawn_by", Text, nullable=False),
    Column("drawn_at", Instant, nullable=False),
    Column("approved_by", Text),
    Column("approved_at", Instant),
    # Mask id -> where the mask comes from, e.g. the building register's number.
    Column("origins", Document),
    # By when two persons look again whether no dwelling is in sight. Triggers: always there with that statement, never changed.
    Column("look_again_at", Instant),
    CheckConstraint("state IN ('draft', 'approved', 'withdrawn')", name="state"),
    CheckConstraint("approved_by IS NULL OR approved_by <> drawn_by", name="two_persons"),
    CheckConstraint("(state = 'draft') = (approved_by IS NULL)", name="approved_means_by_someone"),
    CheckConstraint("(approved_by IS NULL) = (approved_at IS NULL)", name="approved_at_an_instant"),
    CheckConstraint("no_dwelling_in_sight = (document IS NULL)", name="masks_or_nothing_to_mask"),
    CheckConstraint("version >= 1", name="version"),
)

Index(
    "uq_plan_one_approved",
    plan.c.placement_id,
    unique=True,
    sqlite_where=plan.c.state == "approved",
    postgresql_where=plan.c.state == "approved",
)

plan_review = Table(
    "plan_review",
    metadata,
    # What another person decided about a draft. Triggers refuse every change of it, and the drawer as the reviewer.
    Column("placement_id", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("verdict", Text, nullable=False),
    # The approved version shows something that the one before it hid; then it needs a reason.
    Column("loosens", Boolean, nullable=False),
    Column("reason", Text, nullable=False),
    Column("reviewed_by", Text, nullable=False),
    Column("reviewed_at", Instant, nullable=False),
    ForeignKeyConstraint(["placement_id", "version"], ["plan.placement_id", "plan.version"]),
    CheckConstraint("verdict IN ('approved', 'refused')", name="verdict"),
    CheckConstraint("reason <> '' OR (verdict <> 'refused' AND NOT loosens)", name="reason"),
)
