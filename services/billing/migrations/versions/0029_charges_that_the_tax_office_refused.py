"""Charges that the tax office refused say why, and can be given up."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("charge", sa.Column("refusal", sa.Text(), nullable=True))
    op.add_column("charge", sa.Column("dropped_by", sa.String(length=80), nullable=True))
    op.add_column("charge", sa.Column("dropped_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("charge", sa.Column("dropped_why", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("charge", "dropped_why")
    op.drop_column("charge", "dropped_at")
    op.drop_column("charge", "dropped_by")
    op.drop_column("charge", "refusal")
