"""Reminders of overdue debts: what was sent, of which debts, and which accounts are left alone for a while."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Date, ForeignKey, Index, Integer, String, Table, Text

from services.billing.tables.base import ID, metadata
from services.chassis.columns import Amount, Json, UtcDateTime

# One command of the office or the calendar.
reminder_round = Table(
    "reminder_round",
    metadata,
    Column("id", ID, primary_key=True),
    # The day for which it was decided what is due.
    Column("as_of", Date, nullable=False),
    Column("started_by", String(80), nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
)
reminder = Table(
    "reminder",
    metadata,
    Column("id", ID, primary_key=True),
    Column("round_id", ID, ForeignKey("reminder_round.id"), nullable=False, index=True),
    Column("supply_id", ID, nullable=False),
    # Whose debt it is: not always who holds the supply now.
    Column("member_id", ID, nullable=False),
    Column("account_number", String(40), nullable=False),
    Column("former_holder", Boolean, nullable=False),
    # A step of the profile's policy as it was, and its place in it from 1 on.
    Column("step", String(20), nullable=False),
    Column("number", Integer, nullable=False),
    Column("issued_on", Date, nullable=False),
    Column("pay_until", Date, nullable=False),
    Column("total", Amount, nullable=False),
    # In the account's favour at that instant.
    Column("credit", Amount, nullable=False),
    # What it told of a cut-off: track, months, sources, protected until.
    Column("told", Json, nullable=False),
    Column("issued_at", UtcDateTime, nullable=False),
    # Whether it goes with proof of receipt too; when it was received then, and where the proof is.
    Column("proof", Boolean, nullable=False),
    Column("received_on", Date),
    Column("evidence", Text, nullable=False),
    Column("received_by", String(80), nullable=False),
    Index("ix_reminder_supply_id_id", "supply_id", "id"),
)
# What a reminder was about; the key lets a debt come to a step once.
reminder_debt = Table(
    "reminder_debt",
    metadata,
    Column("invoice_id", ID, ForeignKey("invoice.id"), primary_key=True),
    # Of the invoice, or of the instalment that is meant.
    Column("due_date", Date, primary_key=True),
    Column("step", String(20), primary_key=True),
    Column("reminder_id", ID, ForeignKey("reminder.id"), nullable=False, index=True),
    Column("number", String(60), nullable=False),
    Column("outstanding", Amount, nullable=False),
)
# Supplies that the law does not let be cut off, and the paper that says so.
essential_supply = Table(
    "essential_supply",
    metadata,
    Column("supply_id", ID, primary_key=True),
    Column("kind", String(30), nullable=False),
    # The first day on which the paper is good no more; null where it has no end.
    Column("until", Date),
    Column("evidence", Text, nullable=False),
    Column("noted_by", String(80), nullable=False),
    Column("noted_at", UtcDateTime, nullable=False),
)
# Accounts that the office wants left alone, until a day: an agreement by word of mouth, a death, an insolvency.
reminder_hold = Table(
    "reminder_hold",
    metadata,
    Column("supply_id", ID, primary_key=True),
    Column("until", Date, nullable=False),
    Column("why", Text, nullable=False),
    Column("held_by", String(80), nullable=False),
    Column("held_at", UtcDateTime, nullable=False),
)
