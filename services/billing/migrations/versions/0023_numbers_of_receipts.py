"""Receipts of payments have numbers of their own; those of payments from before stay named by the payment's id."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("payment", sa.Column("receipt_number", sa.String(length=60), nullable=True))


def downgrade() -> None:
    op.drop_column("payment", "receipt_number")
