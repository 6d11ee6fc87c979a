"""Accounts, sessions, the ledger, sweeps and hour keys."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    _clock_sample()
    _hour_key()
    _ledger_checkpoint()
    _ledger_entry()
    _ledger_text()
    _ledger_tile()
    _sweep()
    _user_account()
    _ledger_placement()
    _session()
    _user_role()


def _clock_sample() -> None:
    op.create_table(
        "clock_sample",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("wall_at", sa.BigInteger(), nullable=False),
        sa.Column("boottime_us", sa.BigInteger(), nullable=False),
        sa.Column("boot_id", sa.Text(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_clock_sample_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clock_sample")),
    )


def _hour_key() -> None:
    op.create_table(
        "hour_key",
        sa.Column("hour_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("destroyed_at", sa.BigInteger()),
        sa.CheckConstraint(
            "(state = 'destroyed') = (destroyed_at IS NOT NULL)", name=op.f("ck_hour_key_destroyed_at_an_instant")
        ),
        sa.CheckConstraint("state IN ('live', 'dying', 'destroyed')", name=op.f("ck_hour_key_state")),
        sa.PrimaryKeyConstraint("hour_at", name=op.f("pk_hour_key")),
    )


def _ledger_checkpoint() -> None:
    op.create_table(
        "ledger_checkpoint",
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("size", name=op.f("pk_ledger_checkpoint")),
    )


def _ledger_entry() -> None:
    op.create_table(
        "ledger_entry",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.CheckConstraint("seq >= 0", name=op.f("ck_ledger_entry_from_zero")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_ledger_entry")),
    )
    op.create_index("ix_ledger_entry_act_seq", "ledger_entry", ["act", "seq"])
    op.create_index("ix_ledger_entry_actor_seq", "ledger_entry", ["actor", "seq"])
    op.create_index("ix_ledger_entry_at", "ledger_entry", ["at"])


def _ledger_text() -> None:
    op.create_table(
        "ledger_text",
        sa.Column("commitment", sa.Text(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("commitment", name=op.f("pk_ledger_text")),
    )


def _ledger_tile() -> None:
    op.create_table(
        "ledger_tile",
        sa.Column("level", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hashes", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint(
            "length(hashes) BETWEEN 32 AND 8192 AND length(hashes) / 32 * 32 = length(hashes)",
            name=op.f("ck_ledger_tile_hashes"),
        ),
        sa.PrimaryKeyConstraint("level", "number", name=op.f("pk_ledger_tile")),
    )


def _sweep() -> None:
    op.create_table(
        "sweep",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", sa.BigInteger()),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("claimed", sa.Integer(), server_default="0", nullable=False),
        sa.Column("destroyed", sa.Integer(), server_default="0", nullable=False),
        sa.Column("doubts", sa.JSON()),
        sa.CheckConstraint(
            "(outcome = 'running') = (finished_at IS NULL)", name=op.f("ck_sweep_finished_at_an_instant")
        ),
        sa.CheckConstraint("outcome IN ('running', 'good', 'stopped')", name=op.f("ck_sweep_outcome")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sweep")),
    )
    op.create_index("ix_sweep_outcome_id", "sweep", ["outcome", "id"])


def _user_account() -> None:
    op.create_table(
        "user_account",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("username", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), server_default="nl", nullable=False),
        sa.Column("added_at", sa.BigInteger(), nullable=False),
        sa.Column("disabled_at", sa.BigInteger()),
        sa.Column("failed_sign_ins", sa.Integer(), server_default="0", nullable=False),
        sa.Column("locked_until_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user_account")),
        sa.UniqueConstraint("username", name=op.f("uq_user_account_username")),
    )


def _ledger_placement() -> None:
    op.create_table(
        "ledger_placement",
        sa.Column("placement_id", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["seq"], ["ledger_entry.seq"], name=op.f("fk_ledger_placement_seq")),
        sa.PrimaryKeyConstraint("placement_id", "seq", name=op.f("pk_ledger_placement")),
    )


def _session() -> None:
    op.create_table(
        "session",
        sa.Column("token_sha256", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger()),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name=op.f("fk_session_user_id")),
        sa.PrimaryKeyConstraint("token_sha256", name=op.f("pk_session")),
        sa.UniqueConstraint("id", name=op.f("uq_session_id")),
    )
    op.create_index("ix_session_user_id", "session", ["user_id"])


def _user_role() -> None:
    op.create_table(
        "user_role",
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("valid_until_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name=op.f("fk_user_role_user_id")),
        sa.PrimaryKeyConstraint("user_id", "role", name=op.f("pk_user_role")),
    )
