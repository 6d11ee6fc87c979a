"""Cameras and placements, segments, holds, exports and views."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    _area()
    _camera()
    _designation()
    _hold()
    _export()
    _placement()
    _gap()
    _hold_placement()
    _plan()
    _view()
    _segment()
    _grey_span()
    _hold_segment()


def _area() -> None:
    op.create_table(
        "area",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_area")),
    )


def _camera() -> None:
    op.create_table(
        "camera",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("rtsp_url", sa.Text(), nullable=False),
        sa.Column("rtsp_transport", sa.Text(), server_default="tcp", nullable=False),
        sa.Column("onvif_url", sa.Text()),
        sa.Column("username", sa.Text(), nullable=False),
        sa.Column("sealed_password", sa.LargeBinary(), nullable=False),
        sa.Column("added_at", sa.BigInteger(), nullable=False),
        sa.Column("removed_at", sa.BigInteger()),
        sa.CheckConstraint("kind IN ('fixed', 'ptz')", name=op.f("ck_camera_kind")),
        sa.CheckConstraint("rtsp_transport IN ('tcp', 'udp')", name=op.f("ck_camera_rtsp_transport")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_camera")),
    )


def _designation() -> None:
    op.create_table(
        "designation",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("area_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("legal_basis", sa.Text(), nullable=False),
        sa.Column("valid_from_at", sa.BigInteger(), nullable=False),
        sa.Column("valid_until_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("valid_until_at > valid_from_at", name=op.f("ck_designation_order")),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_designation_area_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_designation")),
    )


def _hold() -> None:
    op.create_table(
        "hold",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("case_number", sa.Text(), nullable=False),
        sa.Column("ground", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("start_at", sa.BigInteger(), nullable=False),
        sa.Column("end_at", sa.BigInteger(), nullable=False),
        sa.Column("review_on", sa.BigInteger(), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("requested_at", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.Text()),
        sa.Column("released_by", sa.Text()),
        sa.Column("released_at", sa.BigInteger()),
        sa.Column("release_reason", sa.Text()),
        sa.CheckConstraint(
            "outcome IS NULL OR outcome IN ('accepted', 'partly', 'too-late')", name=op.f("ck_hold_outcome")
        ),
        sa.CheckConstraint(
            "state IN ('pending', 'active', 'releasing', 'released', 'aborted')", name=op.f("ck_hold_state")
        ),
        sa.CheckConstraint(
            "state NOT IN ('releasing', 'released') OR (released_at IS NOT NULL AND release_reason IS NOT NULL)",
            name=op.f("ck_hold_released_with_reason"),
        ),
        sa.CheckConstraint("end_at > start_at", name=op.f("ck_hold_order")),
        sa.ForeignKeyConstraint(["released_by"], ["user_account.id"], name=op.f("fk_hold_released_by")),
        sa.ForeignKeyConstraint(["requested_by"], ["user_account.id"], name=op.f("fk_hold_requested_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hold")),
        sa.UniqueConstraint("request_id", name=op.f("uq_hold_request_id")),
    )


def _export() -> None:
    op.create_table(
        "export",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("hold_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("requested_at", sa.BigInteger(), nullable=False),
        sa.Column("receiver", sa.Text(), nullable=False),
        sa.Column("decided_by", sa.Text()),
        sa.Column("decided_at", sa.BigInteger()),
        sa.Column("progress_done", sa.Integer(), server_default="0", nullable=False),
        sa.Column("progress_total", sa.Integer(), server_default="0", nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary()),
        sa.Column("size_bytes", sa.BigInteger()),
        sa.Column("sha256", sa.Text()),
        sa.Column("manifest", sa.JSON()),
        sa.Column("failure", sa.Text()),
        sa.Column("ready_at", sa.BigInteger()),
        sa.Column("erased_at", sa.BigInteger()),
        sa.CheckConstraint("(state = 'requested') = (decided_by IS NULL)", name=op.f("ck_export_decided_by_someone")),
        sa.CheckConstraint(
            "state <> 'ready' OR (size_bytes IS NOT NULL AND sha256 IS NOT NULL AND ready_at IS NOT NULL)",
            name=op.f("ck_export_ready_is_complete"),
        ),
        sa.CheckConstraint(
            "state IN ('requested', 'approved', 'building', 'ready', 'failed', 'refused')", name=op.f("ck_export_state")
        ),
        sa.CheckConstraint("(decided_by IS NULL) = (decided_at IS NULL)", name=op.f("ck_export_decided_at_an_instant")),
        sa.CheckConstraint("decided_by IS NULL OR decided_by <> requested_by", name=op.f("ck_export_two_persons")),
        sa.ForeignKeyConstraint(["decided_by"], ["user_account.id"], name=op.f("fk_export_decided_by")),
        sa.ForeignKeyConstraint(["hold_id"], ["hold.id"], name=op.f("fk_export_hold_id")),
        sa.ForeignKeyConstraint(["requested_by"], ["user_account.id"], name=op.f("fk_export_requested_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_export")),
    )
    op.create_index("ix_export_hold_id", "export", ["hold_id"])


def _placement() -> None:
    op.create_table(
        "placement",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("camera_id", sa.Text(), nullable=False),
        sa.Column("designation_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("from_at", sa.BigInteger(), nullable=False),
        sa.Column("until_at", sa.BigInteger()),
        sa.Column("epoch", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_number", sa.Integer(), server_default="0", nullable=False),
        sa.Column("status", sa.JSON()),
        sa.Column("status_at", sa.BigInteger()),
        sa.CheckConstraint("epoch >= 0 AND last_number >= 0", name=op.f("ck_placement_counters")),
        sa.CheckConstraint("until_at IS NULL OR until_at > from_at", name=op.f("ck_placement_order")),
        sa.ForeignKeyConstraint(["camera_id"], ["camera.id"], name=op.f("fk_placement_camera_id")),
        sa.ForeignKeyConstraint(["designation_id"], ["designation.id"], name=op.f("fk_placement_designation_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_placement")),
    )
    op.create_index(
        "uq_placement_one_per_camera",
        "placement",
        ["camera_id"],
        unique=True,
        sqlite_where=sa.text("until_at IS NULL"),
        postgresql_where=sa.text("until_at IS NULL"),
    )


def _gap() -> None:
    op.create_table(
        "gap",
        sa.Column("placement_id", sa.Text(), nullable=False),
        sa.Column("start_at", sa.BigInteger(), nullable=False),
        sa.Column("end_at", sa.BigInteger()),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.CheckConstraint("end_at IS NULL OR end_at > start_at", name=op.f("ck_gap_order")),
        sa.ForeignKeyConstraint(["placement_id"], ["placement.id"], name=op.f("fk_gap_placement_id")),
        sa.PrimaryKeyConstraint("placement_id", "start_at", name=op.f("pk_gap")),
    )
    op.create_index(
        "uq_gap_one_open",
        "gap",
        ["placement_id"],
        unique=True,
        sqlite_where=sa.text("end_at IS NULL"),
        postgresql_where=sa.text("end_at IS NULL"),
    )


def _hold_placement() -> None:
    op.create_table(
        "hold_placement",
        sa.Column("hold_id", sa.Text(), nullable=False),
        sa.Column("placement_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["hold_id"], ["hold.id"], name=op.f("fk_hold_placement_hold_id")),
        sa.ForeignKeyConstraint(["placement_id"], ["placement.id"], name=op.f("fk_hold_placement_placement_id")),
        sa.PrimaryKeyConstraint("hold_id", "placement_id", name=op.f("pk_hold_placement")),
    )


def _plan() -> None:
    op.create_table(
        "plan",
        sa.Column("placement_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("document", sa.JSON()),
        sa.Column("no_dwelling_in_sight", sa.Boolean(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("drawn_by", sa.Text(), nullable=False),
        sa.Column("drawn_at", sa.BigInteger(), nullable=False),
        sa.Column("approved_by", sa.Text()),
        sa.Column("approved_at", sa.BigInteger()),
        sa.CheckConstraint("(state = 'draft') = (approved_by IS NULL)", name=op.f("ck_plan_approved_means_by_someone")),
        sa.CheckConstraint("state IN ('draft', 'approved', 'withdrawn')", name=op.f("ck_plan_state")),
        sa.CheckConstraint(
            "(approved_by IS NULL) = (approved_at IS NULL)", name=op.f("ck_plan_approved_at_an_instant")
        ),
        sa.CheckConstraint("approved_by IS NULL OR approved_by <> drawn_by", name=op.f("ck_plan_two_persons")),
        sa.CheckConstraint("no_dwelling_in_sight = (document IS NULL)", name=op.f("ck_plan_masks_or_nothing_to_mask")),
        sa.CheckConstraint("version >= 1", name=op.f("ck_plan_version")),
        sa.ForeignKeyConstraint(["placement_id"], ["placement.id"], name=op.f("fk_plan_placement_id")),
        sa.PrimaryKeyConstraint("placement_id", "version", name=op.f("pk_plan")),
    )
    op.create_index(
        "uq_plan_one_approved",
        "plan",
        ["placement_id"],
        unique=True,
        sqlite_where=sa.text("state = 'approved'"),
        postgresql_where=sa.text("state = 'approved'"),
    )


def _view() -> None:
    op.create_table(
        "view",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("session_id", sa.Text(), nullable=False),
        sa.Column("placement_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.BigInteger()),
        sa.Column("span_start_at", sa.BigInteger()),
        sa.Column("span_end_at", sa.BigInteger()),
        sa.CheckConstraint("kind IN ('live', 'playback')", name=op.f("ck_view_kind")),
        sa.ForeignKeyConstraint(["placement_id"], ["placement.id"], name=op.f("fk_view_placement_id")),
        sa.ForeignKeyConstraint(["session_id"], ["session.id"], name=op.f("fk_view_session_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_view")),
    )
    op.create_index("ix_view_session_id", "view", ["session_id"])


def _segment() -> None:
    op.create_table(
        "segment",
        sa.Column("placement_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("start_at", sa.BigInteger(), nullable=False),
        sa.Column("end_at", sa.BigInteger()),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("hour_at", sa.BigInteger(), nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary()),
        sa.Column("size_bytes", sa.BigInteger()),
        sa.Column("sha256", sa.Text()),
        sa.Column("plan_version", sa.Integer(), nullable=False),
        sa.Column("blanking", sa.JSON()),
        sa.Column("fragments", sa.JSON()),
        sa.Column("holds", sa.Integer(), server_default="0", nullable=False),
        sa.Column("destroyed_at", sa.BigInteger()),
        sa.CheckConstraint(
            "(state = 'destroyed') = (destroyed_at IS NOT NULL)", name=op.f("ck_segment_destroyed_at_an_instant")
        ),
        sa.CheckConstraint("mode IN ('masked', 'copied')", name=op.f("ck_segment_mode")),
        sa.CheckConstraint("state <> 'destroyed' OR wrapped_key IS NULL", name=op.f("ck_segment_destroyed_has_no_key")),
        sa.CheckConstraint(
            "state <> 'sealed' OR (end_at IS NOT NULL AND size_bytes IS NOT NULL AND sha256 IS NOT NULL AND wrapped_key IS NOT NULL)",
            name=op.f("ck_segment_sealed_is_complete"),
        ),
        sa.CheckConstraint(
            "state IN ('open', 'sealed', 'expiring', 'destroyed', 'lost', 'damaged')", name=op.f("ck_segment_state")
        ),
        sa.CheckConstraint(
            "state NOT IN ('expiring', 'destroyed') OR holds = 0", name=op.f("ck_segment_held_is_not_erased")
        ),
        sa.CheckConstraint("due_at <= start_at + 2419200000000", name=op.f("ck_segment_ceiling")),
        sa.CheckConstraint("due_at > start_at", name=op.f("ck_segment_due_after_start")),
        sa.CheckConstraint(
            "end_at IS NULL OR (end_at > start_at AND end_at <= start_at + 3600000000)", name=op.f("ck_segment_length")
        ),
        sa.CheckConstraint("holds >= 0", name=op.f("ck_segment_holds")),
        sa.CheckConstraint("hour_at = start_at / 3600000000 * 3600000000", name=op.f("ck_segment_hour")),
        sa.CheckConstraint("number >= 1 AND epoch >= 1", name=op.f("ck_segment_counters")),
        sa.ForeignKeyConstraint(["hour_at"], ["hour_key.hour_at"], name=op.f("fk_segment_hour_at")),
        sa.ForeignKeyConstraint(
            ["placement_id", "plan_version"],
            ["plan.placement_id", "plan.version"],
            name=op.f("fk_segment_placement_id_plan_version"),
        ),
        sa.ForeignKeyConstraint(["placement_id"], ["placement.id"], name=op.f("fk_segment_placement_id")),
        sa.PrimaryKeyConstraint("placement_id", "number", name=op.f("pk_segment")),
    )
    op.create_index("ix_segment_hour_at", "segment", ["hour_at"])
    op.create_index("ix_segment_placement_id_start_at", "segment", ["placement_id", "start_at"])
    op.create_index("ix_segment_state_due_at", "segment", ["state", "due_at"])


def _grey_span() -> None:
    op.create_table(
        "grey_span",
        sa.Column("placement_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("start_at", sa.BigInteger(), nullable=False),
        sa.Column("end_at", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.CheckConstraint("end_at > start_at", name=op.f("ck_grey_span_order")),
        sa.ForeignKeyConstraint(
            ["placement_id", "number"],
            ["segment.placement_id", "segment.number"],
            name=op.f("fk_grey_span_placement_id_number"),
        ),
        sa.PrimaryKeyConstraint("placement_id", "number", "start_at", name=op.f("pk_grey_span")),
    )


def _hold_segment() -> None:
    op.create_table(
        "hold_segment",
        sa.Column("hold_id", sa.Text(), nullable=False),
        sa.Column("placement_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary()),
        sa.CheckConstraint(
            "outcome = 'accepted' OR wrapped_key IS NULL", name=op.f("ck_hold_segment_too_late_has_no_key")
        ),
        sa.CheckConstraint("outcome IN ('accepted', 'too-late')", name=op.f("ck_hold_segment_outcome")),
        sa.ForeignKeyConstraint(["hold_id"], ["hold.id"], name=op.f("fk_hold_segment_hold_id")),
        sa.ForeignKeyConstraint(
            ["placement_id", "number"],
            ["segment.placement_id", "segment.number"],
            name=op.f("fk_hold_segment_placement_id_number"),
        ),
        sa.PrimaryKeyConstraint("hold_id", "placement_id", "number", name=op.f("pk_hold_segment")),
    )
    op.create_index("ix_hold_segment_placement_id_number", "hold_segment", ["placement_id", "number"])
