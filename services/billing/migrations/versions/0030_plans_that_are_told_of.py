"""What became of a payment plan is told once: what was told last stands with it."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("payment_plan", sa.Column("told", sa.String(length=8), nullable=True))


def downgrade() -> None:
    op.drop_column("payment_plan", "told")
