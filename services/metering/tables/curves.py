"""Curves: what is known now, every version before, and readings of meters that nobody has yet."""

from __future__ import annotations

from sqlalchemy import Column, Integer, LargeBinary, String, Table

from services.chassis.columns import BigKey, UtcDateTime
from services.metering.tables.base import CurveKey, metadata

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
    Column("point_key", CurveKey, primary_key=True, autoincrement=False),
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("revision", CurveKey, nullable=False),
    Column("curve", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

# Versions that a later revision superseded: as known at T = the row with the largest revision known at T.
day_curve_history = Table(
    "day_curve_history",
    metadata,
    Column("point_key", CurveKey, primary_key=True, autoincrement=False),
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("revision", CurveKey, primary_key=True, autoincrement=False),
    Column("curve", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

# Readings of meters that no supply had on that day: kept until one has. Every version stays, none is overwritten.
kept_reading = Table(
    "kept_reading",
    metadata,
    Column("meter_key", CurveKey, primary_key=True, autoincrement=False),
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("revision", CurveKey, primary_key=True, autoincrement=False),
    Column("curve", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

# The quarters of the hours that came by quarters, packed (domain/quarter_hours.py): every version of a day with all that was
# known of it then. None is overwritten; which of them count, the hours say (quarter_hours.agreeing).
day_quarters = Table(
    "day_quarters",
    metadata,
    Column("point_key", CurveKey, primary_key=True, autoincrement=False),
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("revision", CurveKey, primary_key=True, autoincrement=False),
    Column("quarters", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

# The same of hours in kept_reading.
kept_quarters = Table(
    "kept_quarters",
    metadata,
    Column("meter_key", CurveKey, primary_key=True, autoincrement=False),
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("revision", CurveKey, primary_key=True, autoincrement=False),
    Column("quarters", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)
