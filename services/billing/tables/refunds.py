"""Refunds that the office asks for, and the till: how far it is closed, and what was counted in it."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Date, ForeignKey, Index, String, Table, Text

from services.billing.tables.base import ID, metadata
from services.chassis.columns import Amount, UtcDateTime

refund = Table(
    "refund",
    metadata,
    Column("id", ID, primary_key=True),
    Column("payment_id", ID, ForeignKey("payment.id"), nullable=False, index=True),
    Column("supply_id", ID, nullable=False),
    Column("amount", Amount, nullable=False),
    Column("why", Text, nullable=False),
    # "requested", "paid", "rejected".
    Column("state", String(10), nullable=False),
    Column("requested_by", String(80), nullable=False),
    Column("requested_at", UtcDateTime, nullable=False),
    # Who approved or rejected it; empty while it waits.
    Column("decided_by", String(80), nullable=False),
    Column("decided_at", UtcDateTime),
    Column("decision_why", Text, nullable=False),
    Column("reversal_id", ID, ForeignKey("payment_reversal.id"), unique=True),
    CheckConstraint("amount > 0", name="amount_positive"),
    CheckConstraint("(state = 'paid') = (reversal_id IS NOT NULL)", name="paid_is_booked"),
    CheckConstraint("(state = 'requested') = (decided_at IS NULL)", name="waits_for_a_decision"),
    Index("ix_refund_state_id", "state", "id"),
)
# One row: cash shares its lock, closing takes it whole, so that nothing comes into a day while it is counted.
till = Table(
    "till",
    metadata,
    Column("name", String(20), primary_key=True),
    Column("closed_until", Date),
)
till_count = Table(
    "till_count",
    metadata,
    Column("day", Date, primary_key=True),
    # By the ledger, before the difference was booked.
    Column("expected", Amount, nullable=False),
    Column("counted", Amount, nullable=False),
    Column("why", Text, nullable=False),
    # The entry of the difference, where there was one.
    Column("entry_id", ID, ForeignKey("ledger_entry.id")),
    Column("closed_by", String(80), nullable=False),
    Column("closed_at", UtcDateTime, nullable=False),
)
