"""Card payments: an order for each attempt, and what was refused of what came as the bank's notification."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, ForeignKey, Index, String, Table, Text

from services.billing.tables.base import ID, metadata
from services.chassis.columns import Amount, BigKey, Json, UtcDateTime

card_order = Table(
    "card_order",
    metadata,
    # Each attempt takes a number of its own, for ever: the bank refuses one it has seen.
    Column("order_number", String(12), primary_key=True),
    Column("sequence", BigInteger, nullable=False, unique=True),
    Column("supply_id", ID, nullable=False),
    # Null: for what is due on the account.
    Column("invoice_id", ID, ForeignKey("invoice.id")),
    Column("amount", Amount, nullable=False),
    # ISO 4217 number, merchant and terminal as the bank was told: a notification must repeat them.
    Column("currency", String(3), nullable=False),
    Column("merchant_code", String(9), nullable=False),
    Column("terminal", String(3), nullable=False),
    Column("signature_version", String(20), nullable=False),
    # "created", "denied" or "authorised"; "expired" is how an old "created" is shown.
    Column("state", String(10), nullable=False),
    # Who asked: "member:" and the account, or "staff:".
    Column("payer", String(80), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("settled_at", UtcDateTime),
    # Of the notification that settled it: four digits, and the bank's authorisation code.
    Column("response", String(4), nullable=False),
    Column("authorisation", String(20), nullable=False),
    Column("payment_id", ID, ForeignKey("payment.id"), unique=True),
    CheckConstraint("amount > 0", name="amount_positive"),
    CheckConstraint("(state = 'authorised') = (payment_id IS NOT NULL)", name="authorised_is_booked"),
    Index("ix_card_order_supply_id_sequence", "supply_id", "sequence"),
)
# One row: the sequence of the last order.
card_order_count = Table(
    "card_order_count",
    metadata,
    Column("name", String(20), primary_key=True),
    Column("last", BigInteger, nullable=False),
)
refused_notification = Table(
    "refused_notification",
    metadata,
    Column("id", BigKey, primary_key=True, autoincrement=True),
    Column("received_at", UtcDateTime, nullable=False),
    # What it claims to be about; cut, and empty when it cannot be read.
    Column("order_number", String(12), nullable=False, index=True),
    Column("reason", String(40), nullable=False),
    Column("why", Text, nullable=False),
    # Whether its signature was good: then it is the bank that says something else than we know.
    Column("signed", Boolean, nullable=False),
    # The parameters that the checks look at, by name.
    Column("claims", Json, nullable=False),
)
