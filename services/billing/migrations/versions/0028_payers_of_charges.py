"""For whom a code was asked stays with the charge until it is issued."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("charge", sa.Column("payer", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("charge", "payer")
