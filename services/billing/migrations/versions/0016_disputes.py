"""Invoices in dispute, and which accounts a certificate speaks of."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "dispute",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("invoice_id", sa.String(length=36), nullable=False),
        sa.Column("supply_id", sa.String(length=36), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("opened_by", sa.String(length=80), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("closed_by", sa.String(length=80), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoice.id"], name=op.f("fk_dispute_invoice_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dispute")),
    )
    op.create_index(op.f("ix_dispute_supply_id"), "dispute", ["supply_id"])
    op.create_index(
        "ix_dispute_invoice_id_open",
        "dispute",
        ["invoice_id"],
        unique=True,
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_table(
        "certificate_supply",
        sa.Column("certificate_id", sa.String(length=36), nullable=False),
        sa.Column("supply_id", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(
            ["certificate_id"], ["certificate.id"], name=op.f("fk_certificate_supply_certificate_id")
        ),
        sa.PrimaryKeyConstraint("certificate_id", "supply_id", name=op.f("pk_certificate_supply")),
    )
    op.create_index(
        "ix_certificate_supply_supply_id_certificate_id", "certificate_supply", ["supply_id", "certificate_id"]
    )
    op.execute("INSERT INTO certificate_supply (certificate_id, supply_id) SELECT id, supply_id FROM certificate")


def downgrade() -> None:
    op.drop_index("ix_certificate_supply_supply_id_certificate_id", table_name="certificate_supply")
    op.drop_table("certificate_supply")
    op.drop_index("ix_dispute_invoice_id_open", table_name="dispute")
    op.drop_index(op.f("ix_dispute_supply_id"), table_name="dispute")
    op.drop_table("dispute")
