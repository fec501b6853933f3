"""Quarters of an hour, beside the hours that came by them."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    key = sa.Integer().with_variant(sa.BigInteger(), "sqlite")
    for table, owner in (("day_quarters", "point_key"), ("kept_quarters", "meter_key")):
        op.create_table(
            table,
            sa.Column(owner, key, autoincrement=False, nullable=False),
            sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
            sa.Column("revision", key, autoincrement=False, nullable=False),
            sa.Column("quarters", sa.LargeBinary(), nullable=False),
            sa.PrimaryKeyConstraint(owner, "day", "revision", name=op.f(f"pk_{table}")),
            sqlite_with_rowid=False,
        )


def downgrade() -> None:
    op.drop_table("kept_quarters")
    op.drop_table("day_quarters")
