"""Rectifying invoices, debts paid in parts, and corrections that wait for the office."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from services.billing.tables.base import ID, metadata
from services.chassis.columns import Amount, Json, UtcDateTime

# A rectifying invoice: which one it rectifies, how, why, and all of the corrected invoice's lines and taxes.
rectification = Table(
    "rectification",
    metadata,
    Column("invoice_id", ID, ForeignKey("invoice.id"), primary_key=True),
    Column("rectified_id", ID, ForeignKey("invoice.id"), nullable=False),
    Column("revision", Integer, nullable=False),
    # "I" by difference, "S" by substitution.
    Column("method", String(1), nullable=False),
    Column("record_type", String(2), nullable=False),
    Column("cause", String(10), nullable=False),
    Column("reason", Text, nullable=False),
    Column("interest", Amount, nullable=False),
    Column("corrected", Json, nullable=False),
    UniqueConstraint("rectified_id", "revision"),
)
# Debts that are paid in parts; together they are what was open of the invoice when it was issued.
instalment = Table(
    "instalment",
    metadata,
    Column("invoice_id", ID, ForeignKey("invoice.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("due_date", Date, nullable=False),
    Column("amount", Amount, nullable=False),
    CheckConstraint("amount > 0", name="amount_positive"),
)
# A billed period whose energy is known otherwise, priced again for the office to decide on.
correction = Table(
    "correction",
    metadata,
    Column("id", ID, primary_key=True),
    Column("invoice_id", ID, ForeignKey("invoice.id"), nullable=False),
    Column("supply_id", ID, nullable=False, index=True),
    Column("account_number", String(40), nullable=False),
    Column("state", String(10), nullable=False),
    Column("found_on", Date, nullable=False),
    Column("billed_wh", BigInteger, nullable=False),
    Column("known_wh", BigInteger, nullable=False),
    Column("curve_version", BigInteger, nullable=False),
    Column("billed_litres", BigInteger, nullable=False, server_default="0"),
    Column("known_litres", BigInteger, nullable=False, server_default="0"),
    Column("before_total", Amount, nullable=False),
    Column("after_total", Amount, nullable=False),
    # What the corrected invoice says; null when it could not be priced, and `note` says why.
    Column("corrected", Json),
    Column("note", Text, nullable=False),
    Column("rectifying_id", ID, ForeignKey("invoice.id")),
    Column("decided_by", String(80), nullable=False),
    Column("decided_at", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    # One proposal of an invoice at a time.
    Index(
        "ix_correction_invoice_id_proposed",
        "invoice_id",
        unique=True,
        sqlite_where=text("state = 'proposed'"),
        postgresql_where=text("state = 'proposed'"),
    ),
)
