"""Invoices as they were issued, and what they were calculated from."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from services.billing.tables.base import ID, Quantity, Rate, UnitPrice, metadata
from services.chassis.columns import Amount, Json, ScaledDecimal, UtcDateTime

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
    # Null of what no bill run issued: a charge.
    Column("bill_run_id", ID, ForeignKey("bill_run.id")),
    Column("supply_id", ID, nullable=False),
    Column("service_id", ID, nullable=False),
    Column("member_id", ID, nullable=False),
    Column("account_number", String(40), nullable=False),
    # "service": what was supplied; "foreign": concepts alien to it, on a document of their own.
    # "rectifying": corrects the service's of that period; "charge": bills no supply, and its period is the day it is for.
    Column("kind", String(10), nullable=False, server_default="service"),
    # 0, and for rectifying invoices of one first day 1, 2, ...; of the charges of one day 0, 1, 2, ...
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
    # What a quantity has below its thousandths (a root has four decimals): the two together are it.
    Column("quantity_rest", ScaledDecimal(6)),
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
