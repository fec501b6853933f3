"""What was ordered to be invoiced besides supplying, and the invoice that it became."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Date, ForeignKey, Integer, String, Table, Text, UniqueConstraint

from services.billing.tables.base import ID, metadata
from services.chassis.columns import Amount, Json, UtcDateTime

charge = Table(
    "charge",
    metadata,
    Column("id", ID, primary_key=True),
    Column("supply_id", ID, nullable=False),
    Column("concept", String(40), nullable=False),
    # Before taxes.
    Column("net", Amount, nullable=False),
    # What it is for, as it is printed, and the day on which it was earned.
    Column("text", Text, nullable=False),
    Column("day", Date, nullable=False),
    # The returned direct debit that brought it; one brings one.
    Column("collection_id", ID, unique=True),
    # The number for which a code of the tax office was asked, while and since it was.
    Column("series", String(40)),
    Column("sequence", Integer),
    # Holder, supply and contract as they were then: the code is for them.
    Column("payer", Json),
    Column("made_by", String(80), nullable=False),
    Column("made_at", UtcDateTime, nullable=False),
    # Why the tax office refused it, while it is not asked again.
    Column("refusal", Text),
    # Given up before it had a number: who did, when and why.
    Column("dropped_by", String(80)),
    Column("dropped_at", UtcDateTime),
    Column("dropped_why", Text),
    # Null until the invoice is issued.
    Column("invoice_id", ID, ForeignKey("invoice.id"), unique=True),
    UniqueConstraint("series", "sequence"),
    CheckConstraint("net > 0", name="net_positive"),
)
