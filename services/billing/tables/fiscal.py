"""What tax offices are told of invoices."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Date, ForeignKey, Index, Integer, String, Table, UniqueConstraint

from services.billing.tables.base import ID, metadata
from services.chassis.columns import Amount, Json, UtcDateTime

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
# Vouchers that are authorised one by one (CAE): what was asked for a number, the code, and the document issued with it. The
# code is "" until it is granted; a granted number that has no document is issued before any other of its kind.
cae_request = Table(
    "cae_request",
    metadata,
    Column("point_of_sale", Integer, primary_key=True, autoincrement=False),
    Column("voucher", String(3), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("issue_date", Date, nullable=False),
    Column("figures", Json, nullable=False),
    Column("rectified", String(60), nullable=False),
    Column("code", String(14), nullable=False),
    Column("valid_until", Date),
    Column("provider", String(20), nullable=False),
    Column("asked_at", UtcDateTime, nullable=False),
    Column("invoice_id", ID, ForeignKey("invoice.id"), unique=True),
)
