"""What was estimated, from what, and the load profiles for it."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Date, ForeignKey, Index, Integer, LargeBinary, String, Table, Text

from services.chassis.columns import BigKey, Json, UtcDateTime
from services.metering.tables.base import CurveKey, metadata

# One estimation of the local days [start, end) of a point: from what it was made and why, case by case.
estimation = Table(
    "estimation",
    metadata,
    Column("id", BigKey, primary_key=True, autoincrement=True),
    Column("point_key", BigInteger, ForeignKey("measuring_point.key"), nullable=False),
    Column("start", Date, nullable=False),
    Column("end", Date, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("actor", String(80), nullable=False),
    # "requested", "reading", "curve": what made it necessary.
    Column("cause", String(20), nullable=False),
    Column("tariff", String(40), nullable=False),
    Column("profile", Text, nullable=False),
    Column("reading_ids", Json, nullable=False),
    # Reasons (domain/estimation/explain.py): code, case, days, tariff period, method and figures.
    Column("reasons", Json, nullable=False),
    # The revision that put another estimation, or none, in its place.
    Column("superseded_by", BigInteger),
    Index("ix_estimation_point_key_start", "point_key", "start"),
)

# The estimated hours laid over the measured curve: a packed day in which only those hours are present. What was measured
# stays as it is in day_curve. A withdrawn estimate is a day without any hour, so that history knows when it ended.
estimated_day = Table(
    "estimated_day",
    metadata,
    Column("point_key", CurveKey, primary_key=True, autoincrement=False),
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("revision", CurveKey, nullable=False),
    Column("curve", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

estimated_day_history = Table(
    "estimated_day_history",
    metadata,
    Column("point_key", CurveKey, primary_key=True, autoincrement=False),
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("revision", CurveKey, primary_key=True, autoincrement=False),
    Column("curve", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

# Estimations that later data made stale, waiting for the worker.
estimation_due = Table(
    "estimation_due",
    metadata,
    Column("point_key", BigInteger, ForeignKey("measuring_point.key"), primary_key=True),
    Column("start", Date, primary_key=True),
    Column("end", Date, primary_key=True),
    Column("cause", String(20), nullable=False),
    Column("since", UtcDateTime, nullable=False),
)

# Load profiles that the office uploaded, whole; the last one of a tariff is in force.
load_profile = Table(
    "load_profile",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("tariff", String(40), nullable=False),
    Column("file_name", String(255), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("content", Text, nullable=False),
    Column("coefficients", Integer, nullable=False),
    Column("actor", String(80), nullable=False),
    Column("uploaded_at", UtcDateTime, nullable=False),
    Index("ix_load_profile_tariff", "tariff", "uploaded_at"),
)
