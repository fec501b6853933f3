"""Facts of contracts that bills ask for: control of power, electricity tax, vulnerable household."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("contract", sa.Column("power_control", sa.String(length=12), server_default="", nullable=False))
    op.add_column("contract", sa.Column("electricity_tax", sa.String(length=20), server_default="", nullable=False))
    op.add_column("contract", sa.Column("vulnerable", sa.Boolean(), server_default=sa.false(), nullable=False))


def downgrade() -> None:
    for column in ("vulnerable", "electricity_tax", "power_control"):
        op.drop_column("contract", column)
