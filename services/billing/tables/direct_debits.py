"""Mandates, remittances of direct debits, and what became of each collection."""

from __future__ import annotations

from sqlalchemy import Boolean, CheckConstraint, Column, Date, ForeignKey, Index, Integer, String, Table, Text, text

from services.billing.tables.base import ID, metadata
from services.chassis.columns import Amount, UtcDateTime

mandate = Table(
    "mandate",
    metadata,
    Column("id", ID, primary_key=True),
    Column("reference", String(35), nullable=False, unique=True),
    Column("supply_id", ID, nullable=False, index=True),
    # Who signed: a later holder of the supply signs another.
    Column("member_id", ID, nullable=False),
    Column("scheme", String(4), nullable=False),
    Column("signed_on", Date, nullable=False),
    # Where the signature is and what it says; and the SHA-256 of the signed file, "" without one.
    Column("evidence", Text, nullable=False),
    Column("evidence_sha256", String(64), nullable=False),
    Column("recorded_by", String(80), nullable=False),
    Column("recorded_at", UtcDateTime, nullable=False),
    Column("cancelled_on", Date),
    Column("cancelled_by", String(80), nullable=False),
    Column("cancelled_why", Text, nullable=False),
    # Of its last collection, "" and null before the first: when it lapses, and whether the bank must be told of a change.
    Column("last_collected_on", Date),
    Column("last_iban", String(34), nullable=False),
    # A supply has one mandate at a time.
    Index(
        "uq_mandate_in_force",
        "supply_id",
        unique=True,
        sqlite_where=text("cancelled_on IS NULL"),
        postgresql_where=text("cancelled_on IS NULL"),
    ),
)
# The accounts of a mandate, as they were told: written once, the last one is the current.
mandate_account = Table(
    "mandate_account",
    metadata,
    Column("mandate_id", ID, ForeignKey("mandate.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("iban", String(34), nullable=False),
    Column("holder", String(140), nullable=False),
    Column("told_on", Date, nullable=False),
    Column("recorded_by", String(80), nullable=False),
    Column("recorded_at", UtcDateTime, nullable=False),
)
remittance = Table(
    "remittance",
    metadata,
    Column("id", ID, primary_key=True),
    # The message id of its file.
    Column("number", String(30), nullable=False, unique=True),
    Column("collect_on", Date, nullable=False),
    # "proposed", "approved", "settled", or "discarded".
    Column("state", String(10), nullable=False),
    # Open items without a mandate when it was proposed: they are paid otherwise.
    Column("without_mandate", Integer, nullable=False),
    Column("proposed_by", String(80), nullable=False),
    Column("proposed_at", UtcDateTime, nullable=False),
    Column("approved_by", String(80), nullable=False),
    Column("approved_at", UtcDateTime),
    # Of the file for the bank, from its approval on.
    Column("sha256", String(64), nullable=False),
    Column("settled_by", String(80), nullable=False),
    Column("settled_at", UtcDateTime),
)
direct_debit = Table(
    "direct_debit",
    metadata,
    Column("id", ID, primary_key=True),
    Column("end_to_end", String(35), nullable=False, unique=True),
    Column("remittance_id", ID, ForeignKey("remittance.id"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("invoice_id", ID, ForeignKey("invoice.id"), nullable=False, index=True),
    # The invoice while its collection is under way: it is in one remittance at a time.
    Column("open_invoice_id", ID, unique=True),
    Column("supply_id", ID, nullable=False),
    Column("mandate_id", ID, ForeignKey("mandate.id"), nullable=False, index=True),
    Column("iban", String(34), nullable=False),
    Column("holder", String(140), nullable=False),
    Column("amended", Boolean, nullable=False),
    Column("amount", Amount, nullable=False),
    # "proposed", "dropped" (not sent after all), "sent", "collected", "returned", "rejected" (never booked by the bank).
    Column("state", String(10), nullable=False),
    # Why it was dropped.
    Column("why", Text, nullable=False),
    Column("payment_id", ID, ForeignKey("payment.id")),
    Column("reversal_id", ID, ForeignKey("payment_reversal.id")),
    Column("returned_on", Date),
    Column("reason_code", String(10), nullable=False),
    CheckConstraint("amount > 0", name="amount_positive"),
    Index("ix_direct_debit_remittance_id_position", "remittance_id", "position", unique=True),
)
# What a proposal left out of the due items of supplies with a mandate, and why.
remittance_exclusion = Table(
    "remittance_exclusion",
    metadata,
    Column("remittance_id", ID, ForeignKey("remittance.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("invoice_id", ID, ForeignKey("invoice.id"), nullable=False),
    Column("amount", Amount, nullable=False),
    Column("code", String(20), nullable=False),
    Column("why", Text, nullable=False),
)
