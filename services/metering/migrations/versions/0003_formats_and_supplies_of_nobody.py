"""Formats and supplies of nobody"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("readings_import", schema=None) as batch_op:
        batch_op.add_column(sa.Column("format", sa.String(length=200), server_default="", nullable=False))
        batch_op.add_column(sa.Column("register_readings", sa.BigInteger(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("unknown_supplies", sa.Text(), server_default="[]", nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("readings_import", schema=None) as batch_op:
        batch_op.drop_column("unknown_supplies")
        batch_op.drop_column("register_readings")
        batch_op.drop_column("format")
