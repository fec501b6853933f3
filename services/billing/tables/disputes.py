"""Invoices in dispute, and which accounts a certificate speaks of."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, String, Table, Text, text

from services.billing.tables.base import ID, metadata
from services.chassis.columns import UtcDateTime

dispute = Table(
    "dispute",
    metadata,
    Column("id", ID, primary_key=True),
    Column("invoice_id", ID, ForeignKey("invoice.id"), nullable=False),
    Column("supply_id", ID, nullable=False, index=True),
    # What the holder says against it, and afterwards how it ended.
    Column("reason", Text, nullable=False),
    Column("opened_by", String(80), nullable=False),
    Column("opened_at", UtcDateTime, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("closed_by", String(80), nullable=False),
    Column("closed_at", UtcDateTime),
    # One of an invoice at a time.
    Index(
        "ix_dispute_invoice_id_open",
        "invoice_id",
        unique=True,
        sqlite_where=text("closed_at IS NULL"),
        postgresql_where=text("closed_at IS NULL"),
    ),
)
certificate_supply = Table(
    "certificate_supply",
    metadata,
    Column("certificate_id", ID, ForeignKey("certificate.id"), primary_key=True),
    Column("supply_id", ID, primary_key=True),
    Index("ix_certificate_supply_supply_id_certificate_id", "supply_id", "certificate_id"),
)
