"""The tables of metering. Days are day numbers (since 1970-01-01, local) where curves are kept, dates elsewhere."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Date, ForeignKey, Index, Integer, LargeBinary, String, Table, Text

from services.chassis.columns import BigKey, Json, UtcDateTime
from services.chassis.db import chassis_tables, new_metadata

metadata = new_metadata()
chassis_tables(metadata)

# What supplies tells: supply points, the services measured there, their contracts and meters.

supply = Table(
    "supply",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("account_number", String(40), nullable=False),
    Column("tariff_zone", String(20), nullable=False),
)

# One service of a supply, as the owner of a curve. The short key is what every curve row carries.
measuring_point = Table(
    "measuring_point",
    metadata,
    Column("key", BigKey, primary_key=True, autoincrement=True),
    Column("service_id", String(36), nullable=False, unique=True),
    Column("supply_id", String(36), ForeignKey("supply.id"), nullable=False, index=True),
    Column("kind", String(20), nullable=False),
)

contract_tariff = Table(
    "contract_tariff",
    metadata,
    Column("point_key", BigInteger, ForeignKey("measuring_point.key"), primary_key=True),
    Column("start", Date, primary_key=True),
    Column("end", Date),
    Column("tariff", String(40), nullable=False),
)

# Every serial ever seen, in a file or in a supply. Its row is locked while its readings or assignments change.
meter = Table(
    "meter",
    metadata,
    Column("key", BigKey, primary_key=True, autoincrement=True),
    Column("serial", String(64), nullable=False, unique=True),
)

meter_assignment = Table(
    "meter_assignment",
    metadata,
    Column("meter_key", BigInteger, ForeignKey("meter.key"), primary_key=True),
    Column("point_key", BigInteger, ForeignKey("measuring_point.key"), primary_key=True),
    Column("start", Date, primary_key=True),
    Column("end", Date),
    Index("ix_meter_assignment_point_key", "point_key"),
)

supply_access = Table(
    "supply_access",
    metadata,
    Column("account_id", String(36), primary_key=True),
    Column("supply_id", String(36), primary_key=True),
    Column("member_id", String(36), primary_key=True),
)

# What billing tells: the periods a member may see, with the hours the invoice was made from.

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
    Index("ix_billed_period_service_id_start", "service_id", "start"),
)

# Files and curves.

readings_import = Table(
    "readings_import",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("file_name", String(255), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("actor", String(80), nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
    # Empty until the whole file was stored: an import without it was interrupted.
    Column("finished_at", UtcDateTime),
    Column("accepted", BigInteger, nullable=False),
    Column("duplicates", BigInteger, nullable=False),
    Column("superseded", BigInteger, nullable=False),
    Column("of_unknown_meters", BigInteger, nullable=False),
    Column("refused", BigInteger, nullable=False),
    Column("meters_with_readings", Integer, nullable=False),
    Column("unknown_meters", Json, nullable=False),
    Column("meter_errors", Json, nullable=False),
    Column("file_problem", Text, nullable=False),
    Column("seen_before", Integer, nullable=False),
    Index("ix_readings_import_sha256", "sha256"),
)

refused_reading = Table(
    "refused_reading",
    metadata,
    Column("import_id", String(36), ForeignKey("readings_import.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("line", BigInteger, nullable=False),
    Column("meter", String(64), nullable=False),
    Column("value", Text, nullable=False),
    Column("reason", Text, nullable=False),
)

# One row per transaction that changed a curve: when it became known, and through which file. Version of a curve = its id.
revision = Table(
    "revision",
    metadata,
    Column("id", BigKey, primary_key=True, autoincrement=True),
    Column("known_at", UtcDateTime, nullable=False),
    Column("import_id", String(36)),
)

# The curve as known now: one packed row (domain/curve.py) per measuring point and local day.
day_curve = Table(
    "day_curve",
    metadata,
    Column("point_key", BigInteger, primary_key=True, autoincrement=False),
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("revision", BigInteger, nullable=False),
    Column("curve", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

# Versions that a later revision superseded: as known at T = the row with the largest revision known at T.
day_curve_history = Table(
    "day_curve_history",
    metadata,
    Column("point_key", BigInteger, primary_key=True, autoincrement=False),
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("revision", BigInteger, primary_key=True, autoincrement=False),
    Column("curve", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

# Readings of meters that no supply had on that day: kept until one has. Every version stays, none is overwritten.
kept_reading = Table(
    "kept_reading",
    metadata,
    Column("meter_key", BigInteger, primary_key=True, autoincrement=False),
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("revision", BigInteger, primary_key=True, autoincrement=False),
    Column("curve", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)
