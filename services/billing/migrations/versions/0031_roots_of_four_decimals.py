"""A line's quantity may have four decimals: the root of excess power by quarters of an hour."""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("invoice_line", sa.Column("quantity_rest", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column("invoice_line", "quantity_rest")
