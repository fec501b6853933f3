"""Payments that name no invoice, and payments that go back and open again what they had paid."""

import re
from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

POSITIVE = "CONSTRAINT ck_settlement_amount_positive CHECK (amount > 0)"
NOT_ZERO = "CONSTRAINT ck_settlement_amount_not_zero CHECK (amount <> 0)"
NAMED, UNNAMED = "invoice_id VARCHAR(36) NOT NULL", "invoice_id VARCHAR(36)"


def upgrade() -> None:
    op.create_table(
        "payment_reversal",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("payment_id", sa.String(length=36), nullable=False),
        sa.Column("entry_id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("from_credit", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("reason_code", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("recorded_by", sa.String(length=80), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_payment_reversal_amount_positive")),
        sa.ForeignKeyConstraint(["entry_id"], ["ledger_entry.id"], name=op.f("fk_payment_reversal_entry_id")),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"], name=op.f("fk_payment_reversal_payment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment_reversal")),
    )
    op.create_index("ix_payment_reversal_payment_id", "payment_reversal", ["payment_id"])
    if op.get_bind().dialect.name == "sqlite":
        _replace("settlement", POSITIVE, NOT_ZERO)
        _replace("payment", NAMED, UNNAMED, ["CREATE INDEX ix_payment_supply_id ON payment (supply_id)"])
        _sqlite_written_once("payment_reversal")
        return
    op.drop_constraint(op.f("ck_settlement_amount_positive"), "settlement", type_="check")
    op.create_check_constraint(op.f("ck_settlement_amount_not_zero"), "settlement", "amount <> 0")
    op.alter_column("payment", "invoice_id", existing_type=sa.String(length=36), nullable=True)
    op.execute(
        "CREATE TRIGGER payment_reversal_written_once BEFORE UPDATE OR DELETE ON payment_reversal "
        "FOR EACH ROW EXECUTE FUNCTION written_once()"
    )


def _replace(table: str, old: str, new: str, indexes: Sequence[str] = ()) -> None:
    """SQLite cannot change a constraint: the same table is made with the new one, filled, and takes the old one's name."""
    connection = op.get_bind()
    made = connection.exec_driver_sql(
        f"SELECT sql FROM sqlite_master WHERE type = 'table' AND name = '{table}'"
    ).scalar()
    assert made is not None and made.count(old) == 1, f"the table {table} is not the one of the revision before"
    changed = re.sub(rf"^CREATE TABLE \W?{table}\W?", f"CREATE TABLE {table}_new", made.replace(old, new), count=1)
    op.execute(sa.text(changed))
    op.execute(f"INSERT INTO {table}_new SELECT * FROM {table}")
    op.execute(f"DROP TABLE {table}")
    op.execute(f"ALTER TABLE {table}_new RENAME TO {table}")
    for index in indexes:
        op.execute(index)
    _sqlite_written_once(table)


def _sqlite_written_once(table: str) -> None:
    for action in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {table}_no_{action.lower()} BEFORE {action} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is written once'); END"
        )


def downgrade() -> None:
    """The schema before has no place for payments that went back or name no invoice: refused once there are any."""
    connection = op.get_bind()
    back = connection.exec_driver_sql("SELECT COUNT(*) FROM payment_reversal").scalar()
    unnamed = connection.exec_driver_sql("SELECT COUNT(*) FROM payment WHERE invoice_id IS NULL").scalar()
    if back or unnamed:
        raise RuntimeError(
            f"{back} payments that went back and {unnamed} that name no invoice have no place in the schema before; "
            "keep this one."
        )
    op.drop_table("payment_reversal")
    if connection.dialect.name == "sqlite":
        _replace("settlement", NOT_ZERO, POSITIVE)
        _replace("payment", UNNAMED, NAMED, ["CREATE INDEX ix_payment_supply_id ON payment (supply_id)"])
        return
    op.drop_constraint(op.f("ck_settlement_amount_not_zero"), "settlement", type_="check")
    op.create_check_constraint(op.f("ck_settlement_amount_positive"), "settlement", "amount > 0")
    op.alter_column("payment", "invoice_id", existing_type=sa.String(length=36), nullable=False)
