"""Invoices that bill no supply: what was ordered, and invoices that no bill run issued."""

import re

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

WITH_A_RUN = "bill_run_id VARCHAR(36) NOT NULL"
WITHOUT = "bill_run_id VARCHAR(36)"


def upgrade() -> None:
    op.create_table(
        "charge",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("supply_id", sa.String(length=36), nullable=False),
        sa.Column("concept", sa.String(length=40), nullable=False),
        sa.Column("net", sa.BigInteger(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("collection_id", sa.String(length=36), nullable=True),
        sa.Column("series", sa.String(length=40), nullable=True),
        sa.Column("sequence", sa.Integer(), nullable=True),
        sa.Column("made_by", sa.String(length=80), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("invoice_id", sa.String(length=36), nullable=True),
        sa.CheckConstraint("net > 0", name=op.f("ck_charge_net_positive")),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoice.id"], name=op.f("fk_charge_invoice_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_charge")),
        sa.UniqueConstraint("collection_id", name=op.f("uq_charge_collection_id")),
        sa.UniqueConstraint("invoice_id", name=op.f("uq_charge_invoice_id")),
        sa.UniqueConstraint("series", "sequence", name=op.f("uq_charge_series_sequence")),
    )
    if op.get_bind().dialect.name == "sqlite":
        _replace_invoice(WITH_A_RUN, WITHOUT)
    else:
        op.alter_column("invoice", "bill_run_id", existing_type=sa.String(length=36), nullable=True)


def _replace_invoice(old: str, new: str) -> None:
    """SQLite cannot change a column: the same table is made with the new one, filled, and takes the old one's name."""
    connection = op.get_bind()
    made = connection.exec_driver_sql(
        "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = 'invoice'"
    ).scalar()
    assert made is not None and old in made, "the table invoice is not the one of the revision before"
    kept = connection.exec_driver_sql(
        "SELECT sql FROM sqlite_master WHERE tbl_name = 'invoice' AND type IN ('index', 'trigger') AND sql IS NOT NULL"
    ).scalars()
    others = list(kept)
    changed = re.sub(r"^CREATE TABLE \W?invoice\W?", "CREATE TABLE invoice_new", made.replace(old, new), count=1)
    op.execute(sa.text(changed))
    op.execute("INSERT INTO invoice_new SELECT * FROM invoice")
    op.execute("DROP TABLE invoice")
    op.execute("ALTER TABLE invoice_new RENAME TO invoice")
    for each in others:
        connection.exec_driver_sql(each)


def downgrade() -> None:
    """The schema before has no room for invoices without a run: refused once there is one."""
    made = op.get_bind().exec_driver_sql("SELECT COUNT(*) FROM invoice WHERE bill_run_id IS NULL").scalar()
    if made:
        raise RuntimeError(
            f"{made} invoices that no bill run issued have no place in the schema before; keep this one."
        )
    if op.get_bind().dialect.name == "sqlite":
        _replace_invoice(WITHOUT, WITH_A_RUN)
    else:
        op.alter_column("invoice", "bill_run_id", existing_type=sa.String(length=36), nullable=False)
    op.drop_table("charge")
