"""The version of the curve that a period was billed from, and a correction told by."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("billed_period", schema=None) as batch_op:
        batch_op.add_column(sa.Column("curve_version", sa.BigInteger(), server_default="0", nullable=False))

    with op.batch_alter_table("reading_correction", schema=None) as batch_op:
        batch_op.add_column(sa.Column("curve_version", sa.BigInteger(), server_default="0", nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("reading_correction", schema=None) as batch_op:
        batch_op.drop_column("curve_version")

    with op.batch_alter_table("billed_period", schema=None) as batch_op:
        batch_op.drop_column("curve_version")
