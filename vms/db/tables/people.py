"""Accounts, sessions, and who is watching."""

from sqlalchemy import Boolean, CheckConstraint, Column, ForeignKey, Index, Integer, Table, Text, false

from vms.db.tables.columns import Instant, metadata

user_account = Table(
    "user_account",
    metadata,
    Column("id", Text, primary_key=True),
    Column("username", Text, nullable=False, unique=True),
    Column("display_name", Text, nullable=False),
    Column("password_hash", Text, nullable=False),
    Column("language", Text, nullable=False, server_default="nl"),
    Column("added_at", Instant, nullable=False),
    Column("disabled_at", Instant),
    # False: somebody else set it. Its owner must choose another before anything else works.
    Column("password_is_own", Boolean, nullable=False, server_default=false()),
    # Of a password that somebody else set: until when it signs in (NULL: no end), and when it did.
    Column("first_password_until_at", Instant),
    Column("first_password_used_at", Instant),
)

user_role = Table(
    "user_role",
    metadata,
    Column("user_id", Text, ForeignKey("user_account.id"), primary_key=True),
    Column("role", Text, primary_key=True),
    # A role works only while screening and training are valid.
    Column("valid_until_at", Instant, nullable=False),
)

sign_in_attempt = Table(
    "sign_in_attempt",
    metadata,
    Column("id", Integer, primary_key=True),
    # 16 bits of the name's digest: what was typed may be a password.
    Column("name_key", Text, nullable=False),
    Column("origin", Text, nullable=False),
    Column("tried_at", Instant, nullable=False),
)

Index("ix_sign_in_attempt_tried_at", sign_in_attempt.c.tried_at)

session = Table(
    "session",
    metadata,
    # SHA-256 of the cookie's value: a copy of the database signs nobody in.
    Column("token_sha256", Text, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("user_id", Text, ForeignKey("user_account.id"), nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False),
    Column("ends_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("origin", Text, nullable=False),
)

Index("ix_session_user_id", session.c.user_id)

view = Table(
    "view",
    metadata,
    Column("id", Text, primary_key=True),
    Column("session_id", Text, ForeignKey("session.id"), nullable=False),
    Column("placement_id", Text, ForeignKey("placement.id"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("opened_at", Instant, nullable=False),
    # The server's heartbeat: a view whose process died is closed later as of here.
    Column("seen_at", Instant, nullable=False),
    Column("closed_at", Instant),
    Column("span_start_at", Instant),
    Column("span_end_at", Instant),
    CheckConstraint("kind IN ('live', 'playback')", name="kind"),
)

Index("ix_view_session_id", view.c.session_id)
