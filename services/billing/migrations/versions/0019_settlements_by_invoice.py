"""What settled an invoice, found without reading every settlement."""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_settlement_invoice_id", "settlement", ["invoice_id"])


def downgrade() -> None:
    op.drop_index("ix_settlement_invoice_id", table_name="settlement")
