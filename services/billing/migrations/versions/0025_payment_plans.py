"""Payment plans: unpaid invoices that are paid in agreed instalments."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "payment_plan",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("supply_id", sa.String(length=36), nullable=False),
        sa.Column("member_id", sa.String(length=36), nullable=False),
        sa.Column("agreed_by", sa.String(length=80), nullable=False),
        sa.Column("agreed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("ended_by", sa.String(length=80), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment_plan")),
    )
    op.create_index("ix_payment_plan_supply_id_id", "payment_plan", ["supply_id", "id"])
    op.create_table(
        "payment_plan_instalment",
        sa.Column("plan_id", sa.String(length=36), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("due_date", sa.Date(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_payment_plan_instalment_amount_positive")),
        sa.ForeignKeyConstraint(["plan_id"], ["payment_plan.id"], name=op.f("fk_payment_plan_instalment_plan_id")),
        sa.PrimaryKeyConstraint("plan_id", "position", name=op.f("pk_payment_plan_instalment")),
    )
    op.create_table(
        "payment_plan_invoice",
        sa.Column("plan_id", sa.String(length=36), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("invoice_id", sa.String(length=36), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("open_invoice_id", sa.String(length=36), nullable=True),
        sa.CheckConstraint("amount > 0", name=op.f("ck_payment_plan_invoice_amount_positive")),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoice.id"], name=op.f("fk_payment_plan_invoice_invoice_id")),
        sa.ForeignKeyConstraint(["plan_id"], ["payment_plan.id"], name=op.f("fk_payment_plan_invoice_plan_id")),
        sa.PrimaryKeyConstraint("plan_id", "position", name=op.f("pk_payment_plan_invoice")),
        sa.UniqueConstraint("open_invoice_id", name=op.f("uq_payment_plan_invoice_open_invoice_id")),
    )
    if op.get_bind().dialect.name == "sqlite":
        for action in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER payment_plan_instalment_no_{action.lower()} BEFORE {action} ON payment_plan_instalment "
                "BEGIN SELECT RAISE(ABORT, 'payment_plan_instalment is written once'); END"
            )
        return
    op.execute(
        "CREATE TRIGGER payment_plan_instalment_written_once BEFORE UPDATE OR DELETE ON payment_plan_instalment "
        "FOR EACH ROW EXECUTE FUNCTION written_once()"
    )


def downgrade() -> None:
    op.drop_table("payment_plan_invoice")
    op.drop_table("payment_plan_instalment")
    op.drop_table("payment_plan")
