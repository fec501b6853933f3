"""Payment plans: unpaid invoices of an account that are paid in agreed instalments."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Date, ForeignKey, Index, Integer, String, Table, Text

from services.billing.tables.base import ID, metadata
from services.chassis.columns import Amount, UtcDateTime

payment_plan = Table(
    "payment_plan",
    metadata,
    Column("id", ID, primary_key=True),
    Column("supply_id", ID, nullable=False),
    # Whose invoices they are.
    Column("member_id", ID, nullable=False),
    Column("agreed_by", String(80), nullable=False),
    Column("agreed_at", UtcDateTime, nullable=False),
    # Empty while it is in force; broken or paid it still is.
    Column("reason", Text, nullable=False),
    Column("ended_by", String(80), nullable=False),
    Column("ended_at", UtcDateTime),
    # What became of it that was told last: "broken" or "paid".
    Column("told", String(8)),
    Index("ix_payment_plan_supply_id_id", "supply_id", "id"),
)
# The invoices of a plan in the order in which they are paid, with what was unpaid of each when it was agreed.
payment_plan_invoice = Table(
    "payment_plan_invoice",
    metadata,
    Column("plan_id", ID, ForeignKey("payment_plan.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("invoice_id", ID, ForeignKey("invoice.id"), nullable=False),
    Column("amount", Amount, nullable=False),
    # The invoice again while the plan is in force: one is in one plan at a time.
    Column("open_invoice_id", ID, unique=True),
    CheckConstraint("amount > 0", name="amount_positive"),
)
# Written once; together they are what was unpaid of the plan's invoices.
payment_plan_instalment = Table(
    "payment_plan_instalment",
    metadata,
    Column("plan_id", ID, ForeignKey("payment_plan.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("due_date", Date, nullable=False),
    Column("amount", Amount, nullable=False),
    CheckConstraint("amount > 0", name="amount_positive"),
)
