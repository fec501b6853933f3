"""What registers showed: readings of every origin, members' own, and what of them the office accepted."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Date, ForeignKey, Index, Integer, String, Table, Text

from services.chassis.columns import Json, UtcDateTime
from services.metering.tables.base import metadata

# Every reading that ever came, of whatever origin; which one stands is decided when it is asked (domain/estimation/closes.py).
# The point is found through the meter's assignments, so that a reading may come before its meter's supply is known.
register_reading = Table(
    "register_reading",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("meter_key", BigInteger, ForeignKey("meter.key"), nullable=False),
    # Read at local midnight at the start of this day.
    Column("day", Date, nullable=False),
    # Table 44 of the CNMC's formats (domain/estimation/closes.py, Origin).
    Column("origin", Integer, nullable=False),
    # "Wh" (varh for reactive energy) or "litre".
    Column("unit", String(8), nullable=False),
    # Channel ("import", "export", "r1".."r4"; "water") -> absolute value per tariff period, P1 first; and its total register.
    Column("registers", Json, nullable=False),
    Column("totals", Json, nullable=False),
    # Of a monthly close: its first day, and the highest power per tariff period since: [{"w": 471, "at": "..."}].
    Column("since", Date),
    Column("max_power", Json, nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
    Column("import_id", String(36)),
    # What validation found, as problems with parameters; a doubtful reading is kept and closes nothing.
    Column("findings", Json, nullable=False),
    Column("doubtful", Integer, nullable=False),
    Index("ix_register_reading_meter_key_day", "meter_key", "day"),
)

# Doubtful readings that the office accepted: hours (under a revision of the curve) and register readings.
acceptance = Table(
    "acceptance",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("point_key", BigInteger, ForeignKey("measuring_point.key"), nullable=False),
    # Local days, half-open.
    Column("start", Date, nullable=False),
    Column("end", Date, nullable=False),
    # Empty when no hour was doubtful.
    Column("revision", BigInteger),
    Column("hours", Integer, nullable=False),
    Column("reading_ids", Json, nullable=False),
    Column("reason", Text, nullable=False),
    Column("actor", String(80), nullable=False),
    Column("accepted_at", UtcDateTime, nullable=False),
    Index("ix_acceptance_point_key", "point_key", "accepted_at"),
)

# A member's own reading: the receipt for it, and the photo by its hash in the blob store.
self_reading = Table(
    "self_reading",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("receipt", String(20), nullable=False, unique=True),
    Column("reading_id", String(36), ForeignKey("register_reading.id"), nullable=False, unique=True),
    Column("account_id", String(36), nullable=False),
    Column("supply_id", String(36), nullable=False),
    Column("service_id", String(36), nullable=False),
    # As the member wrote them: whole kWh or m3 per register, and the day of the reading.
    Column("shown", Json, nullable=False),
    Column("read_on", Date, nullable=False),
    Column("photo_sha256", String(64), nullable=False),
    Column("photo_type", String(40), nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
    Index("ix_self_reading_supply_id_received_at", "supply_id", "received_at"),
)
