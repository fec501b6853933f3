"""Billing's schema. Invoices, ledger entries and documents are written once: triggers of the first migration refuse changes."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from services.chassis.columns import Amount, Json, ScaledDecimal, UtcDateTime
from services.chassis.db import chassis_tables, new_metadata
from services.chassis.limits import limits_table

metadata = new_metadata()
chassis_tables(metadata)
limits_table(metadata)

#: Ten digits: the social bonus financing of 2025 is a price per day with that many.
UnitPrice = ScaledDecimal(10)
Quantity = ScaledDecimal(3)
Rate = ScaledDecimal(12)
ID = String(36)

# ------------------------------------------------------------------- read models, kept from the supplies service's events
member = Table(
    "member",
    metadata,
    Column("member_id", ID, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("state", Json, nullable=False),
)
supply = Table(
    "supply",
    metadata,
    Column("supply_id", ID, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("member_id", ID, nullable=False, index=True),
    Column("account_number", String(40), nullable=False),
    Column("state", Json, nullable=False),
    # First day with a contract and the day after the last (null = open): which months may concern it.
    Column("billable_from", Date),
    Column("billable_to", Date),
)
supply_access = Table(
    "supply_access",
    metadata,
    Column("account_id", ID, primary_key=True),
    Column("supply_id", ID, primary_key=True),
    Column("member_id", ID, nullable=False),
    Column("relation", String(20), nullable=False),
)

# ------------------------------------------------------------------------------------------------------------- bill runs
bill_run = Table(
    "bill_run",
    metadata,
    Column("id", ID, primary_key=True),
    Column("period", String(7), nullable=False, unique=True),
    Column("issue_date", Date, nullable=False),
    Column("state", String(12), nullable=False),
    # A month taken up again after it was completed is a further round of the same run.
    Column("round", Integer, nullable=False),
    Column("contracts", Integer, nullable=False),
    Column("already_invoiced", Integer, nullable=False),
    Column("invoiced", Integer, nullable=False),
    Column("held", Integer, nullable=False),
    Column("chunks", Integer, nullable=False),
    Column("chunks_done", Integer, nullable=False),
    Column("total", Amount, nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("completed_at", UtcDateTime),
)
bill_run_chunk = Table(
    "bill_run_chunk",
    metadata,
    Column("id", ID, primary_key=True),
    Column("bill_run_id", ID, ForeignKey("bill_run.id"), nullable=False),
    Column("round", Integer, nullable=False),
    Column("position", Integer, nullable=False),
    Column("issue_date", Date, nullable=False),
    Column("supply_ids", Json, nullable=False),
    Column("done_at", UtcDateTime),
    UniqueConstraint("bill_run_id", "round", "position"),
)
bill_run_held = Table(
    "bill_run_held",
    metadata,
    Column("bill_run_id", ID, ForeignKey("bill_run.id"), primary_key=True),
    Column("supply_id", ID, primary_key=True),
    Column("contract_id", ID, nullable=False),
    Column("account_number", String(40), nullable=False),
    Column("reason", String(40), nullable=False),
    Column("explanation", Text, nullable=False),
)

# Decisions of the office on held bills: the next run of the month bills the supply in spite of the reason.
bill_release = Table(
    "bill_release",
    metadata,
    Column("supply_id", ID, primary_key=True),
    Column("period", String(7), primary_key=True),
    Column("reason", String(40), primary_key=True),
    # What the run had said, and why the office releases it all the same.
    Column("explanation", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("released_by", String(80), nullable=False),
    Column("released_at", UtcDateTime, nullable=False),
)

# -------------------------------------------------------------------------------------------------------------- invoices
series = Table(
    "series",
    metadata,
    Column("code", String(40), primary_key=True),
    Column("last_number", Integer, nullable=False),
    Column("last_date", Date),
    Column("last_hash", String(64), nullable=False),
)
invoice = Table(
    "invoice",
    metadata,
    Column("id", ID, primary_key=True),
    Column("number", String(60), nullable=False, unique=True),
    Column("series", String(40), nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("bill_run_id", ID, ForeignKey("bill_run.id"), nullable=False),
    Column("supply_id", ID, nullable=False),
    Column("service_id", ID, nullable=False),
    Column("member_id", ID, nullable=False),
    Column("account_number", String(40), nullable=False),
    # "service": what was supplied; "foreign": concepts alien to it, on a document of their own.
    # "rectifying": corrects the service's of that period.
    Column("kind", String(10), nullable=False, server_default="service"),
    # 0, and for rectifying invoices of one invoice 1, 2, ...
    Column("revision", Integer, nullable=False, server_default="0"),
    Column("period_start", Date, nullable=False),
    Column("period_end", Date, nullable=False),
    Column("issue_date", Date, nullable=False),
    Column("due_date", Date, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("net", Amount, nullable=False),
    Column("total", Amount, nullable=False),
    Column("import_wh", BigInteger, nullable=False),
    Column("hours_expected", Integer, nullable=False),
    Column("hours_measured", Integer, nullable=False),
    Column("hours_estimated", Integer, nullable=False),
    Column("hours_missing", Integer, nullable=False),
    Column("curve_version", BigInteger, nullable=False),
    # Holder, supply and references as they were on issue: what every later print says.
    Column("printed", Json, nullable=False),
    # SHA-256 over this invoice and the hash of the one before it in its series.
    Column("previous_hash", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    Column("issued_at", UtcDateTime, nullable=False),
    UniqueConstraint("supply_id", "period_start", "kind", "revision"),
    UniqueConstraint("series", "sequence"),
    CheckConstraint("due_date >= issue_date", name="due_after_issue"),
)
invoice_line = Table(
    "invoice_line",
    metadata,
    Column("invoice_id", ID, ForeignKey("invoice.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("concept", String(40), nullable=False),
    Column("section", String(20), nullable=False),
    Column("service", String(20), nullable=False),
    Column("period", String(20), nullable=False),
    Column("quantity", Quantity),
    Column("unit", String(10), nullable=False),
    Column("days", Integer),
    Column("unit_price", UnitPrice),
    Column("price_unit", String(10), nullable=False),
    Column("year_days", Integer),
    Column("label", Text, nullable=False),
    Column("amount", Amount, nullable=False),
    Column("taxed_by", Json, nullable=False),
)
invoice_tax = Table(
    "invoice_tax",
    metadata,
    Column("invoice_id", ID, ForeignKey("invoice.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("code", String(20), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("base", Amount, nullable=False),
    Column("rate", Rate, nullable=False),
    Column("amount", Amount, nullable=False),
    Column("minimum_applied", Boolean, nullable=False),
    Column("quantity_mwh", ScaledDecimal(6)),
    Column("label", Text, nullable=False),
    Column("taxed_by", Json, nullable=False),
)
invoice_consumption = Table(
    "invoice_consumption",
    metadata,
    Column("invoice_id", ID, ForeignKey("invoice.id"), primary_key=True),
    Column("service", String(20), primary_key=True),
    Column("period", String(10), primary_key=True),
    Column("import_wh", BigInteger, nullable=False),
    Column("export_wh", BigInteger, nullable=False),
)

# What registers counted between two readings, as it was billed.
invoice_reading = Table(
    "invoice_reading",
    metadata,
    Column("invoice_id", ID, ForeignKey("invoice.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("service", String(20), nullable=False),
    Column("meter", String(64), nullable=False),
    Column("register", String(10), nullable=False),
    Column("period_start", Date, nullable=False),
    Column("period_end", Date, nullable=False),
    # "litre" or "Wh"; the three values are whole ones of it.
    Column("unit", String(8), nullable=False),
    Column("initial", BigInteger, nullable=False),
    Column("final", BigInteger, nullable=False),
    Column("used", BigInteger, nullable=False),
    Column("origin", String(20), nullable=False),
    Column("reading_ids", Json, nullable=False),
)

# What an invoice was calculated from (evidence/facts.py), compressed JSON, and the rows of law and agreement it met.
invoice_facts = Table(
    "invoice_facts",
    metadata,
    Column("invoice_id", ID, ForeignKey("invoice.id"), primary_key=True),
    Column("rules_sha256", String(64), ForeignKey("rule_set.sha256"), nullable=False),
    Column("facts", LargeBinary, nullable=False),
)

# Each state of the dated tables that an invoice was ever issued under.
rule_set = Table(
    "rule_set",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("content", Text, nullable=False),
    Column("first_used_at", UtcDateTime, nullable=False),
)

# ------------------------------------------------------------------------------------------------------- rectifications
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

# --------------------------------------------------------------------------------------------------------- market prices
market_file = Table(
    "market_file",
    metadata,
    Column("id", ID, primary_key=True),
    Column("sha256", String(64), nullable=False, unique=True),
    Column("file_name", String(255), nullable=False),
    Column("hours", Integer, nullable=False),
    Column("uploaded_by", String(80), nullable=False),
    Column("uploaded_at", UtcDateTime, nullable=False),
)
# The last version of an hour is in force; what invoices were calculated with is in their facts.
market_price = Table(
    "market_price",
    metadata,
    Column("start", UtcDateTime, primary_key=True),
    Column("version", Integer, primary_key=True),
    # EUR/MWh.
    Column("price", ScaledDecimal(6), nullable=False),
    Column("file_id", ID, ForeignKey("market_file.id"), nullable=False, index=True),
)

# ---------------------------------------------------------------------------------------------------------------- ledger
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
# Which entries settled which invoices, and by how much.
settlement = Table(
    "settlement",
    metadata,
    Column("entry_id", ID, ForeignKey("ledger_entry.id"), primary_key=True),
    Column("invoice_id", ID, ForeignKey("invoice.id"), primary_key=True),
    Column("amount", Amount, nullable=False),
    CheckConstraint("amount > 0", name="amount_positive"),
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
    Column("invoice_id", ID, ForeignKey("invoice.id"), nullable=False),
    Column("entry_id", ID, ForeignKey("ledger_entry.id"), nullable=False),
    Column("amount", Amount, nullable=False),
    Column("credited", Amount, nullable=False),
    Column("method", String(20), nullable=False),
    Column("paid_on", Date, nullable=False),
    Column("reference", String(140), nullable=False),
    Column("recorded_by", String(80), nullable=False),
    Column("recorded_at", UtcDateTime, nullable=False),
)

# -------------------------------------------------------------------------------------------- certificates and documents
certificate = Table(
    "certificate",
    metadata,
    Column("id", ID, primary_key=True),
    Column("number", String(60), nullable=False, unique=True),
    Column("code", String(16), nullable=False, unique=True),
    Column("supply_id", ID, nullable=False),
    Column("member_id", ID, nullable=False),
    Column("account_id", ID, nullable=False),
    Column("issued_at", UtcDateTime, nullable=False),
    Column("valid_until", Date, nullable=False),
    Column("position", Json, nullable=False),
    Column("position_hash", String(64), nullable=False),
    Column("printed", Json, nullable=False),
    Column("holder_masked", Text, nullable=False),
    Column("supply_masked", Text, nullable=False),
    Column("revoked_at", UtcDateTime),
    Column("revoked_why", Text, nullable=False),
    Index("ix_certificate_supply_id_id", "supply_id", "id"),
)
# Rendered once; whoever stores first decides the bytes for ever.
document = Table(
    "document",
    metadata,
    Column("kind", String(20), primary_key=True),
    Column("owner_id", ID, primary_key=True),
    Column("sha256", String(64), nullable=False),
    Column("file_name", String(120), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

# ------------------------------------------------------------------------------------------ what tax offices are told
# The end of the chain of an issuer's records; its row is locked while the chain grows.
fiscal_chain = Table(
    "fiscal_chain",
    metadata,
    Column("issuer", String(20), primary_key=True),
    Column("last_position", BigInteger, nullable=False),
    Column("last_number", String(60), nullable=False),
    Column("last_issue_date", Date),
    Column("last_hash", String(64), nullable=False),
    Column("last_generated_at", String(25), nullable=False),
)
fiscal_record = Table(
    "fiscal_record",
    metadata,
    Column("issuer", String(20), primary_key=True),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("invoice_id", ID, ForeignKey("invoice.id"), nullable=False),
    Column("kind", String(12), nullable=False),
    Column("number", String(60), nullable=False),
    Column("issue_date", Date, nullable=False, index=True),
    Column("invoice_type", String(2), nullable=False),
    Column("quota", Amount, nullable=False),
    Column("total", Amount, nullable=False),
    # The text that was hashed, with the offset of the issuer's zone.
    Column("generated_at", String(25), nullable=False),
    Column("previous_hash", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    Column("content", Json, nullable=False),
    UniqueConstraint("invoice_id", "kind"),
)
# Codes that authorise bills beforehand, and which bill was issued under which.
cesp_code = Table(
    "cesp_code",
    metadata,
    Column("code", String(14), primary_key=True),
    Column("point_of_sale", Integer, nullable=False),
    Column("voucher", String(3), nullable=False),
    Column("period_start", Date, nullable=False),
    Column("period_end", Date, nullable=False),
    Column("valid_until", Date, nullable=False),
    Column("provider", String(20), nullable=False),
    Column("granted_at", UtcDateTime, nullable=False),
    Index("ix_cesp_code_point_of_sale_voucher_period_start", "point_of_sale", "voucher", "period_start"),
)
cesp_use = Table(
    "cesp_use",
    metadata,
    Column("invoice_id", ID, ForeignKey("invoice.id"), primary_key=True),
    Column("code", String(14), ForeignKey("cesp_code.code"), nullable=False, index=True),
)
