"""Monthly proofs of erasing, reviews of who watched what, and an index for the oldest footage of each placement.

A proof is never changed. A review's draw is never changed, and nothing of it after it was signed.
"""

import sqlalchemy as sa
from alembic import op

from vms.db.migrations.refusals import Rule, refuse_before

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_ALIVE = "state IN ('open', 'sealed', 'expiring', 'damaged')"
_MESSAGE = "a proof and a signed review are never changed"
_DRAW = " OR ".join(
    f"NEW.{name} <> OLD.{name}"
    for name in ("id", "drawn_by", "drawn_at", "start_at", "end_at", "seed", "sample", "population")
)
# Of the review that a row of the sample belongs to.
_SIGNED = "EXISTS (SELECT 1 FROM access_review r WHERE r.id = {row}.review_id AND r.signed_at IS NOT NULL)"
_RULES = (
    ("retention_proof", "UPDATE", "TRUE"),
    ("retention_proof", "DELETE", "TRUE"),
    # SQLite's INSERT OR REPLACE fires no trigger for what it replaces.
    ("retention_proof", "INSERT", "EXISTS (SELECT 1 FROM retention_proof p WHERE p.month = NEW.month)"),
    ("access_review", "UPDATE", f"OLD.signed_at IS NOT NULL OR {_DRAW}"),
    ("access_review", "DELETE", "TRUE"),
    ("access_review", "INSERT", "EXISTS (SELECT 1 FROM access_review r WHERE r.id = NEW.id)"),
    (
        "access_review_item",
        "UPDATE",
        f"NEW.review_id <> OLD.review_id OR NEW.seq <> OLD.seq OR {_SIGNED.format(row='OLD')}",
    ),
    ("access_review_item", "DELETE", "TRUE"),
    ("access_review_item", "INSERT", _SIGNED.format(row="NEW")),
)


def upgrade() -> None:
    """Make tables, triggers and index."""
    _tables()
    op.create_index(
        "ix_segment_alive",
        "segment",
        ["placement_id", "holds", "start_at"],
        sqlite_where=sa.text(_ALIVE),
        postgresql_where=sa.text(_ALIVE),
    )
    refuse_before(Rule(table, operation, _MESSAGE, refused) for table, operation, refused in _RULES)


def _tables() -> None:
    op.create_table(
        "retention_proof",
        sa.Column("month", sa.Text(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("report", sa.Text(), nullable=False),
        sa.CheckConstraint("result IN ('in-order', 'findings')", name=op.f("ck_retention_proof_result")),
        sa.CheckConstraint("length(month) = 7 AND length(sha256) = 64", name=op.f("ck_retention_proof_lengths")),
        sa.PrimaryKeyConstraint("month", name=op.f("pk_retention_proof")),
    )
    op.create_table(
        "access_review",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("drawn_by", sa.Text(), nullable=False),
        sa.Column("drawn_at", sa.BigInteger(), nullable=False),
        sa.Column("start_at", sa.BigInteger(), nullable=False),
        sa.Column("end_at", sa.BigInteger(), nullable=False),
        sa.Column("seed", sa.Text(), nullable=False),
        sa.Column("sample", sa.Integer(), nullable=False),
        sa.Column("population", sa.Integer(), nullable=False),
        sa.Column("remark", sa.Text(), nullable=True),
        sa.Column("signed_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("end_at > start_at AND end_at <= drawn_at", name=op.f("ck_access_review_period")),
        sa.CheckConstraint("sample >= 1 AND population >= 1", name=op.f("ck_access_review_drawn")),
        sa.CheckConstraint("signed_at IS NULL OR signed_at >= drawn_at", name=op.f("ck_access_review_order")),
        sa.ForeignKeyConstraint(["drawn_by"], ["user_account.id"], name=op.f("fk_access_review_drawn_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_review")),
    )
    op.create_index(op.f("ix_access_review_drawn_at"), "access_review", ["drawn_at"])
    op.create_table(
        "access_review_item",
        sa.Column("review_id", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("verdict", sa.Text(), nullable=True),
        sa.Column("remark", sa.Text(), nullable=True),
        sa.Column("judged_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("verdict IN ('in-order', 'finding')", name=op.f("ck_access_review_item_verdict")),
        sa.CheckConstraint(
            "(verdict IS NULL) = (judged_at IS NULL)", name=op.f("ck_access_review_item_judged_at_an_instant")
        ),
        sa.CheckConstraint(
            "verdict <> 'finding' OR remark IS NOT NULL", name=op.f("ck_access_review_item_finding_has_a_remark")
        ),
        sa.ForeignKeyConstraint(["review_id"], ["access_review.id"], name=op.f("fk_access_review_item_review_id")),
        sa.ForeignKeyConstraint(["seq"], ["ledger_entry.seq"], name=op.f("fk_access_review_item_seq")),
        sa.PrimaryKeyConstraint("review_id", "seq", name=op.f("pk_access_review_item")),
    )
