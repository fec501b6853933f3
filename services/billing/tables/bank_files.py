"""Files of banks and collectors, their movements, and what was decided about each."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Date, ForeignKey, Index, Integer, String, Table, Text

from services.billing.tables.base import ID, metadata
from services.chassis.columns import Amount, Json, UtcDateTime

# One row for each time a file was given, also when nothing of it was taken.
bank_file = Table(
    "bank_file",
    metadata,
    Column("id", ID, primary_key=True),
    Column("sha256", String(64), nullable=False, index=True),
    Column("file_name", String(255), nullable=False),
    # "camt.053.001.08", "csb43", "rapipago"...; empty when it is none.
    Column("format", String(30), nullable=False),
    # "taken" or "refused"; `problem` says why.
    Column("state", String(10), nullable=False),
    Column("problem", Text, nullable=False),
    # What was not as it should be and lost no money, as sentences.
    Column("findings", Json, nullable=False),
    Column("movements", Integer, nullable=False),
    # Of them, those that no file before had brought.
    Column("fresh", Integer, nullable=False),
    Column("imported_by", String(80), nullable=False),
    Column("imported_at", UtcDateTime, nullable=False),
)
# What files say has no length that banks keep to: everything that is copied from one is Text.
bank_movement = Table(
    "bank_movement",
    metadata,
    Column("id", ID, primary_key=True),
    Column("file_id", ID, ForeignKey("bank_file.id"), nullable=False, index=True),
    # The same movement in another file has the same one.
    Column("bank_reference", String(40), nullable=False, unique=True),
    # "statement" or "collector".
    Column("source", String(10), nullable=False),
    Column("format", String(30), nullable=False),
    # Our account at the bank, or the collector's name.
    Column("account", Text, nullable=False),
    Column("booked_on", Date, nullable=False),
    Column("valued_on", Date, nullable=False),
    # Positive: money in.
    Column("amount", Amount, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("end_to_end", Text, nullable=False),
    Column("mandate", Text, nullable=False),
    Column("references", Json, nullable=False),
    Column("party_name", Text, nullable=False),
    Column("party_iban", Text, nullable=False, index=True),
    Column("return_reason", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("texts", Json, nullable=False),
    Column("line", Integer, nullable=False),
    # "new" until its file is matched, then "matched", "settled", "queued", "return" or "ignored".
    Column("state", String(10), nullable=False),
    # By which it was matched or settled: "invoice_reference"...; "staff" when a person did.
    Column("rule", String(20), nullable=False),
    Column("sentence", Text, nullable=False),
    # Numbers of the invoices that it may mean.
    Column("candidates", Json, nullable=False),
    # The entry that brought it into the books; null for a movement of nothing.
    Column("entry_id", ID, ForeignKey("ledger_entry.id")),
    Index("ix_bank_movement_state_id", "state", "id"),
    CheckConstraint("entry_id IS NOT NULL OR amount = 0", name="in_the_books"),
)
# What a movement paid: several invoices are several payments.
bank_movement_payment = Table(
    "bank_movement_payment",
    metadata,
    Column("movement_id", ID, ForeignKey("bank_movement.id"), primary_key=True),
    Column("payment_id", ID, ForeignKey("payment.id"), primary_key=True, unique=True),
)
# What people decided about movements of the queue; never changed.
bank_decision = Table(
    "bank_decision",
    metadata,
    Column("id", ID, primary_key=True),
    Column("movement_id", ID, ForeignKey("bank_movement.id"), nullable=False, index=True),
    # "matched", "settled", "ignored" or "unmatched", and with what: numbers of invoices, an account.
    Column("decision", String(10), nullable=False),
    Column("target", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("actor", String(80), nullable=False),
    Column("at", UtcDateTime, nullable=False),
)
