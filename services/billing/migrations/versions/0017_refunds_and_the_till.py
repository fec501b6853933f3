"""Refunds that the office asks for, and the till as it was counted."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "refund",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("payment_id", sa.String(length=36), nullable=False),
        sa.Column("supply_id", sa.String(length=36), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("requested_by", sa.String(length=80), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.String(length=80), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision_why", sa.Text(), nullable=False),
        sa.Column("reversal_id", sa.String(length=36), nullable=True),
        sa.CheckConstraint("amount > 0", name=op.f("ck_refund_amount_positive")),
        sa.CheckConstraint("(state = 'paid') = (reversal_id IS NOT NULL)", name=op.f("ck_refund_paid_is_booked")),
        sa.CheckConstraint("(state = 'requested') = (decided_at IS NULL)", name=op.f("ck_refund_waits_for_a_decision")),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"], name=op.f("fk_refund_payment_id")),
        sa.ForeignKeyConstraint(["reversal_id"], ["payment_reversal.id"], name=op.f("fk_refund_reversal_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refund")),
        sa.UniqueConstraint("reversal_id", name=op.f("uq_refund_reversal_id")),
    )
    op.create_index(op.f("ix_refund_payment_id"), "refund", ["payment_id"])
    op.create_index("ix_refund_state_id", "refund", ["state", "id"])
    op.create_table(
        "till",
        sa.Column("name", sa.String(length=20), nullable=False),
        sa.Column("closed_until", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_till")),
    )
    op.create_table(
        "till_count",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("expected", sa.BigInteger(), nullable=False),
        sa.Column("counted", sa.BigInteger(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("entry_id", sa.String(length=36), nullable=True),
        sa.Column("closed_by", sa.String(length=80), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["entry_id"], ["ledger_entry.id"], name=op.f("fk_till_count_entry_id")),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_till_count")),
    )
    if op.get_bind().dialect.name == "sqlite":
        for action in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER till_count_no_{action.lower()} BEFORE {action} ON till_count "
                "BEGIN SELECT RAISE(ABORT, 'till_count is written once'); END"
            )
        return
    op.execute(
        "CREATE TRIGGER till_count_written_once BEFORE UPDATE OR DELETE ON till_count "
        "FOR EACH ROW EXECUTE FUNCTION written_once()"
    )


def downgrade() -> None:
    op.drop_table("till_count")
    op.drop_table("till")
    op.drop_index("ix_refund_state_id", table_name="refund")
    op.drop_index(op.f("ix_refund_payment_id"), table_name="refund")
    op.drop_table("refund")
