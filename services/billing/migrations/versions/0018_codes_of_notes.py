"""The codes under which notes that correct Argentine bills are issued, one for each."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "cae_request",
        sa.Column("point_of_sale", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("voucher", sa.String(length=3), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("issue_date", sa.Date(), nullable=False),
        sa.Column("figures", sa.Text(), nullable=False),
        sa.Column("rectified", sa.String(length=60), nullable=False),
        sa.Column("code", sa.String(length=14), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("provider", sa.String(length=20), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("invoice_id", sa.String(length=36), nullable=True),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoice.id"], name=op.f("fk_cae_request_invoice_id")),
        sa.PrimaryKeyConstraint("point_of_sale", "voucher", "number", name=op.f("pk_cae_request")),
        sa.UniqueConstraint("invoice_id", name=op.f("uq_cae_request_invoice_id")),
    )


def downgrade() -> None:
    op.drop_table("cae_request")
