"""Water of corrections"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("correction", schema=None) as batch_op:
        batch_op.add_column(sa.Column("billed_litres", sa.BigInteger(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("known_litres", sa.BigInteger(), server_default="0", nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("correction", schema=None) as batch_op:
        batch_op.drop_column("known_litres")
        batch_op.drop_column("billed_litres")
