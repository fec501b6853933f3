"""Agreements on sharing an installation, and who takes part in each."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sharing_agreement",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("cau", sa.String(length=26), nullable=False),
        sa.Column("start", sa.Date(), nullable=False),
        sa.Column("generation_key", sa.BigInteger(), nullable=False),
        sa.Column("time_zone", sa.String(length=40), nullable=False),
        sa.Column("file_name", sa.String(length=255), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("actor", sa.String(length=80), nullable=False),
        sa.Column("imported_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("superseded_by", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["generation_key"], ["measuring_point.key"], name=op.f("fk_sharing_agreement_generation_key")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sharing_agreement")),
    )
    op.create_index(
        "ix_sharing_agreement_cau_start",
        "sharing_agreement",
        ["cau", "start"],
        unique=True,
        sqlite_where=sa.text("superseded_by IS NULL"),
        postgresql_where=sa.text("superseded_by IS NULL"),
    )
    op.create_index("ix_sharing_agreement_generation_key", "sharing_agreement", ["generation_key"])
    op.create_table(
        "sharing_participant",
        sa.Column("agreement_id", sa.String(length=36), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("cups", sa.String(length=20), nullable=False),
        sa.ForeignKeyConstraint(
            ["agreement_id"], ["sharing_agreement.id"], name=op.f("fk_sharing_participant_agreement_id")
        ),
        sa.PrimaryKeyConstraint("agreement_id", "position", name=op.f("pk_sharing_participant")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_sharing_participant_cups", "sharing_participant", ["cups"])


def downgrade() -> None:
    op.drop_table("sharing_participant")
    op.drop_table("sharing_agreement")
