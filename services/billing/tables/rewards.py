"""Energy that members are owed by invitation codes, and the invoices that gave it."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, Date, ForeignKey, Index, String, Table, UniqueConstraint

from services.billing.tables.base import ID, metadata
from services.chassis.columns import UtcDateTime

reward = Table(
    "reward",
    metadata,
    Column("id", ID, primary_key=True),
    Column("redemption_id", ID, nullable=False),
    # "inviter" or "invited".
    Column("side", String(10), nullable=False),
    Column("member_id", ID, nullable=False),
    Column("wh", BigInteger, nullable=False),
    # What no invoice has given yet.
    Column("left_wh", BigInteger, nullable=False),
    Column("owed_since", UtcDateTime, nullable=False),
    UniqueConstraint("redemption_id", "side"),
    CheckConstraint("left_wh >= 0 AND left_wh <= wh", name="left_of_reward"),
    Index("ix_reward_member_id_id", "member_id", "id"),
)
# What an invoice gave of a reward; below zero what a rectifying one, for less energy, gives back.
reward_use = Table(
    "reward_use",
    metadata,
    Column("invoice_id", ID, ForeignKey("invoice.id"), primary_key=True),
    Column("reward_id", ID, ForeignKey("reward.id"), primary_key=True),
    Column("supply_id", ID, nullable=False),
    Column("period_start", Date, nullable=False),
    Column("wh", BigInteger, nullable=False),
    Index("ix_reward_use_supply_id_period_start", "supply_id", "period_start"),
)
