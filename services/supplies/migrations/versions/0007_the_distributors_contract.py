"""Contracts know how the distributor calls the access to its network; of those from before it is not known."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("contract", sa.Column("access_contract", sa.String(length=40), server_default="", nullable=False))


def downgrade() -> None:
    op.drop_column("contract", "access_contract")
