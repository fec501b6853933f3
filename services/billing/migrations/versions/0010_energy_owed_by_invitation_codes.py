"""Energy owed by invitation codes, and the invoices that gave it."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "reward",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("redemption_id", sa.String(length=36), nullable=False),
        sa.Column("side", sa.String(length=10), nullable=False),
        sa.Column("member_id", sa.String(length=36), nullable=False),
        sa.Column("wh", sa.BigInteger(), nullable=False),
        sa.Column("left_wh", sa.BigInteger(), nullable=False),
        sa.Column("owed_since", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("left_wh >= 0 AND left_wh <= wh", name=op.f("ck_reward_left_of_reward")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reward")),
        sa.UniqueConstraint("redemption_id", "side", name=op.f("uq_reward_redemption_id_side")),
    )
    op.create_index("ix_reward_member_id_id", "reward", ["member_id", "id"])
    op.create_table(
        "reward_use",
        sa.Column("invoice_id", sa.String(length=36), nullable=False),
        sa.Column("reward_id", sa.String(length=36), nullable=False),
        sa.Column("supply_id", sa.String(length=36), nullable=False),
        sa.Column("period_start", sa.Date(), nullable=False),
        sa.Column("wh", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoice.id"], name=op.f("fk_reward_use_invoice_id")),
        sa.ForeignKeyConstraint(["reward_id"], ["reward.id"], name=op.f("fk_reward_use_reward_id")),
        sa.PrimaryKeyConstraint("invoice_id", "reward_id", name=op.f("pk_reward_use")),
    )
    op.create_index("ix_reward_use_supply_id_period_start", "reward_use", ["supply_id", "period_start"])


def downgrade() -> None:
    op.drop_index("ix_reward_use_supply_id_period_start", table_name="reward_use")
    op.drop_table("reward_use")
    op.drop_index("ix_reward_member_id_id", table_name="reward")
    op.drop_table("reward")
