"""Reminders of overdue debts: what was sent of which debt is written once."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

ACTIONS = ("UPDATE", "DELETE")


def upgrade() -> None:
    op.create_table(
        "reminder_hold",
        sa.Column("supply_id", sa.String(length=36), nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("held_by", sa.String(length=80), nullable=False),
        sa.Column("held_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("supply_id", name=op.f("pk_reminder_hold")),
    )
    op.create_table(
        "reminder_round",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("started_by", sa.String(length=80), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reminder_round")),
    )
    op.create_table(
        "reminder",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("round_id", sa.String(length=36), nullable=False),
        sa.Column("supply_id", sa.String(length=36), nullable=False),
        sa.Column("member_id", sa.String(length=36), nullable=False),
        sa.Column("account_number", sa.String(length=40), nullable=False),
        sa.Column("former_holder", sa.Boolean(), nullable=False),
        sa.Column("step", sa.String(length=20), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("issued_on", sa.Date(), nullable=False),
        sa.Column("pay_until", sa.Date(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("credit", sa.BigInteger(), nullable=False),
        sa.Column("told", sa.Text(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("proof", sa.Boolean(), nullable=False),
        sa.Column("received_on", sa.Date(), nullable=True),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("received_by", sa.String(length=80), nullable=False),
        sa.ForeignKeyConstraint(["round_id"], ["reminder_round.id"], name=op.f("fk_reminder_round_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reminder")),
    )
    with op.batch_alter_table("reminder", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_reminder_round_id"), ["round_id"], unique=False)
        batch_op.create_index("ix_reminder_supply_id_id", ["supply_id", "id"], unique=False)

    op.create_table(
        "reminder_debt",
        sa.Column("invoice_id", sa.String(length=36), nullable=False),
        sa.Column("due_date", sa.Date(), nullable=False),
        sa.Column("step", sa.String(length=20), nullable=False),
        sa.Column("reminder_id", sa.String(length=36), nullable=False),
        sa.Column("number", sa.String(length=60), nullable=False),
        sa.Column("outstanding", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoice.id"], name=op.f("fk_reminder_debt_invoice_id")),
        sa.ForeignKeyConstraint(["reminder_id"], ["reminder.id"], name=op.f("fk_reminder_debt_reminder_id")),
        sa.PrimaryKeyConstraint("invoice_id", "due_date", "step", name=op.f("pk_reminder_debt")),
    )
    with op.batch_alter_table("reminder_debt", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_reminder_debt_reminder_id"), ["reminder_id"], unique=False)
    if op.get_bind().dialect.name == "sqlite":
        for action in ACTIONS:
            op.execute(
                f"CREATE TRIGGER reminder_debt_no_{action.lower()} BEFORE {action} ON reminder_debt "
                "BEGIN SELECT RAISE(ABORT, 'reminder_debt is written once'); END"
            )
    else:
        op.execute(
            "CREATE TRIGGER reminder_debt_written_once BEFORE UPDATE OR DELETE ON reminder_debt "
            "FOR EACH ROW EXECUTE FUNCTION written_once()"
        )


def downgrade() -> None:
    with op.batch_alter_table("reminder_debt", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_reminder_debt_reminder_id"))

    op.drop_table("reminder_debt")
    with op.batch_alter_table("reminder", schema=None) as batch_op:
        batch_op.drop_index("ix_reminder_supply_id_id")
        batch_op.drop_index(batch_op.f("ix_reminder_round_id"))

    op.drop_table("reminder")
    op.drop_table("reminder_round")
    op.drop_table("reminder_hold")
