"""Card payments: an order for each attempt, and notifications that were refused."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "card_order_count",
        sa.Column("name", sa.String(length=20), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_card_order_count")),
    )
    op.create_table(
        "refused_notification",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("order_number", sa.String(length=12), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("signed", sa.Boolean(), nullable=False),
        sa.Column("claims", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refused_notification")),
    )
    op.create_index(op.f("ix_refused_notification_order_number"), "refused_notification", ["order_number"])
    op.create_table(
        "card_order",
        sa.Column("order_number", sa.String(length=12), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("supply_id", sa.String(length=36), nullable=False),
        sa.Column("invoice_id", sa.String(length=36), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("merchant_code", sa.String(length=9), nullable=False),
        sa.Column("terminal", sa.String(length=3), nullable=False),
        sa.Column("signature_version", sa.String(length=20), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("payer", sa.String(length=80), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("response", sa.String(length=4), nullable=False),
        sa.Column("authorisation", sa.String(length=20), nullable=False),
        sa.Column("payment_id", sa.String(length=36), nullable=True),
        sa.CheckConstraint(
            "(state = 'authorised') = (payment_id IS NOT NULL)", name=op.f("ck_card_order_authorised_is_booked")
        ),
        sa.CheckConstraint("amount > 0", name=op.f("ck_card_order_amount_positive")),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoice.id"], name=op.f("fk_card_order_invoice_id")),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"], name=op.f("fk_card_order_payment_id")),
        sa.PrimaryKeyConstraint("order_number", name=op.f("pk_card_order")),
        sa.UniqueConstraint("payment_id", name=op.f("uq_card_order_payment_id")),
        sa.UniqueConstraint("sequence", name=op.f("uq_card_order_sequence")),
    )
    op.create_index("ix_card_order_supply_id_sequence", "card_order", ["supply_id", "sequence"])


def downgrade() -> None:
    op.drop_index("ix_card_order_supply_id_sequence", table_name="card_order")
    op.drop_table("card_order")
    op.drop_index(op.f("ix_refused_notification_order_number"), table_name="refused_notification")
    op.drop_table("refused_notification")
    op.drop_table("card_order_count")
