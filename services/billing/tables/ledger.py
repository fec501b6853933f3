"""The double-entry ledger and what follows from it: open items, credit, payments."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Date, ForeignKey, Index, Integer, String, Table, Text

from services.billing.tables.base import ID, metadata
from services.chassis.columns import Amount, UtcDateTime

ledger_posting = Table(
    "ledger_posting",
    metadata,
    # The postings come first and the entry seals them: its trigger refuses an entry that does not balance.
    Column(
        "entry_id",
        ID,
        ForeignKey("ledger_entry.id", deferrable=True, initially="DEFERRED"),
        primary_key=True,
    ),
    Column("position", Integer, primary_key=True),
    Column("account", String(20), nullable=False),
    Column("detail", String(20), nullable=False),
    Column("amount", Amount, nullable=False),
)
ledger_entry = Table(
    "ledger_entry",
    metadata,
    Column("id", ID, primary_key=True),
    Column("supply_id", ID, nullable=False),
    Column("day", Date, nullable=False),
    Column("kind", String(20), nullable=False),
    Column("document", String(60), nullable=False),
    # What the member owes changes by this: receivable and member_credit together.
    Column("member_amount", Amount, nullable=False),
    Column("recorded_at", UtcDateTime, nullable=False),
    Index("ix_ledger_entry_supply_id_day_id", "supply_id", "day", "id"),
)
# Which entries settled which invoices, and by how much; negative where a payment went back and opened them again.
settlement = Table(
    "settlement",
    metadata,
    Column("entry_id", ID, ForeignKey("ledger_entry.id"), primary_key=True),
    Column("invoice_id", ID, ForeignKey("invoice.id"), primary_key=True),
    Column("amount", Amount, nullable=False),
    CheckConstraint("amount <> 0", name="amount_not_zero"),
    # A payment that goes back asks what its account's invoices were paid with.
    Index("ix_settlement_invoice_id", "invoice_id"),
)
open_item = Table(
    "open_item",
    metadata,
    Column("invoice_id", ID, ForeignKey("invoice.id"), primary_key=True),
    Column("supply_id", ID, nullable=False),
    Column("number", String(60), nullable=False),
    Column("due_date", Date, nullable=False),
    Column("outstanding", Amount, nullable=False),
    CheckConstraint("outstanding >= 0", name="outstanding_not_negative"),
    Index("ix_open_item_supply_id_outstanding", "supply_id", "outstanding"),
)
member_credit = Table(
    "member_credit",
    metadata,
    Column("supply_id", ID, primary_key=True),
    Column("amount", Amount, nullable=False),
    CheckConstraint("amount >= 0", name="amount_not_negative"),
)
payment = Table(
    "payment",
    metadata,
    Column("id", ID, primary_key=True),
    Column("supply_id", ID, nullable=False, index=True),
    # Null: on the account, without naming an invoice.
    Column("invoice_id", ID, ForeignKey("invoice.id")),
    Column("entry_id", ID, ForeignKey("ledger_entry.id"), nullable=False),
    Column("amount", Amount, nullable=False),
    Column("credited", Amount, nullable=False),
    Column("method", String(20), nullable=False),
    Column("paid_on", Date, nullable=False),
    Column("reference", String(140), nullable=False),
    Column("recorded_by", String(80), nullable=False),
    Column("recorded_at", UtcDateTime, nullable=False),
    # Null: recorded before receipts had numbers; such a receipt is named by the payment's id.
    Column("receipt_number", String(60)),
    Index("ix_payment_receipt_number", "receipt_number", unique=True),
)
# What of a payment went back to the payer: returned by the payer's bank, or refunded.
payment_reversal = Table(
    "payment_reversal",
    metadata,
    Column("id", ID, primary_key=True),
    Column("payment_id", ID, ForeignKey("payment.id"), nullable=False, index=True),
    Column("entry_id", ID, ForeignKey("ledger_entry.id"), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("amount", Amount, nullable=False),
    # Of it, taken from the account's credit; the rest opened invoices again.
    Column("from_credit", Amount, nullable=False),
    Column("day", Date, nullable=False),
    # The bank's code for the reason, such as AM04; and the reason in words.
    Column("reason_code", String(10), nullable=False),
    Column("reason", Text, nullable=False),
    Column("recorded_by", String(80), nullable=False),
    Column("recorded_at", UtcDateTime, nullable=False),
    CheckConstraint("amount > 0", name="amount_positive"),
)
