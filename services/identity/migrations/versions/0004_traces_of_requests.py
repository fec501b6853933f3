"""Requests to register and for a new password keep the trace of the call that asked; those from before have none."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("registration", sa.Column("traceparent", sa.String(length=55), nullable=True))
    op.add_column("reset_request", sa.Column("traceparent", sa.String(length=55), nullable=True))


def downgrade() -> None:
    op.drop_column("reset_request", "traceparent")
    op.drop_column("registration", "traceparent")
