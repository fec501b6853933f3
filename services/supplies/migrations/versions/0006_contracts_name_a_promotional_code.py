"""Contracts may name a promotional code of the price book; those from before name none."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("contract", sa.Column("promotion_code", sa.String(length=40), server_default="", nullable=False))


def downgrade() -> None:
    op.drop_column("contract", "promotion_code")
