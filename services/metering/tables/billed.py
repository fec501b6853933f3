"""What billing tells of periods, and what it was told of them afterwards."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Date, Index, Integer, String, Table

from services.chassis.columns import UtcDateTime
from services.metering.tables.base import metadata

billed_period = Table(
    "billed_period",
    metadata,
    Column("invoice_id", String(36), primary_key=True),
    Column("number", String(40), nullable=False),
    Column("service_id", String(36), nullable=False),
    Column("start", Date, nullable=False),
    Column("end", Date, nullable=False),
    Column("import_wh", BigInteger, nullable=False),
    Column("hours_expected", Integer, nullable=False),
    Column("hours_measured", Integer, nullable=False),
    Column("hours_estimated", Integer, nullable=False),
    Column("hours_missing", Integer, nullable=False),
    # The revision of the curve it was billed from; 0 = not known.
    Column("curve_version", BigInteger, nullable=False, server_default="0"),
    Index("ix_billed_period_service_id_start", "service_id", "start"),
)

# Told to billing: a billed period whose energy is known otherwise now. The last one of an invoice is what was told.
reading_correction = Table(
    "reading_correction",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("invoice_id", String(36), nullable=False),
    Column("service_id", String(36), nullable=False),
    Column("known_wh", BigInteger, nullable=False),
    Column("billed_wh", BigInteger, nullable=False),
    Column("curve_version", BigInteger, nullable=False, server_default="0"),
    Column("told_at", UtcDateTime, nullable=False),
    Index("ix_reading_correction_invoice_id", "invoice_id", "told_at"),
)

# Water on invoices, and what billing was told of it last: litres, and the days between the readings (null: none).
billed_register = Table(
    "billed_register",
    metadata,
    Column("invoice_id", String(36), primary_key=True),
    Column("service_id", String(36), primary_key=True),
    Column("start", Date, nullable=False),
    Column("end", Date, nullable=False),
    Column("billed_litres", BigInteger, nullable=False),
    Column("told_litres", BigInteger, nullable=False),
    Column("told_from", Date),
    Column("told_to", Date),
    Index("ix_billed_register_service_id_start", "service_id", "start"),
)
