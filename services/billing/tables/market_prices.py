"""Hourly market prices, file by file."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Integer, String, Table

from services.billing.tables.base import ID, metadata
from services.chassis.columns import ScaledDecimal, UtcDateTime

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
