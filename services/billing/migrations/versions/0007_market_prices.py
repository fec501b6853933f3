"""Hourly market prices: files and, for each hour, every version of its price."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

WRITTEN_ONCE = ("market_file", "market_price")


def upgrade() -> None:
    op.create_table(
        "market_file",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("file_name", sa.String(length=255), nullable=False),
        sa.Column("hours", sa.Integer(), nullable=False),
        sa.Column("uploaded_by", sa.String(length=80), nullable=False),
        sa.Column("uploaded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_market_file")),
        sa.UniqueConstraint("sha256", name=op.f("uq_market_file_sha256")),
    )
    op.create_table(
        "market_price",
        sa.Column("start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("price", sa.BigInteger(), nullable=False),
        sa.Column("file_id", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(["file_id"], ["market_file.id"], name=op.f("fk_market_price_file_id")),
        sa.PrimaryKeyConstraint("start", "version", name=op.f("pk_market_price")),
    )
    op.create_index("ix_market_price_file_id", "market_price", ["file_id"])
    sqlite = op.get_bind().dialect.name == "sqlite"
    for table in WRITTEN_ONCE:
        if not sqlite:
            op.execute(
                f"CREATE TRIGGER {table}_written_once BEFORE UPDATE OR DELETE ON {table} "
                "FOR EACH ROW EXECUTE FUNCTION written_once()"
            )
            continue
        for action in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{action.lower()} BEFORE {action} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is written once'); END"
            )


def downgrade() -> None:
    op.drop_table("market_price")
    op.drop_table("market_file")
