"""The tables of metering. Days are day numbers (since 1970-01-01, local) where curves are kept, dates elsewhere."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Date, ForeignKey, Index, Integer, LargeBinary, String, Table, Text, text

from services.chassis.columns import BigKey, Json, UtcDateTime
from services.chassis.db import chassis_tables, new_metadata

metadata = new_metadata()
chassis_tables(metadata)

CurveKey = Integer().with_variant(BigInteger, "sqlite")
"""Keys and revisions in the rows of curves, of which there are thousands a supply: half as wide on PostgreSQL, whose rows
and index rows then need no padding. SQLite stores every number in the bytes it needs, whatever its column is called."""

# What supplies tells: supply points, the services measured there, their contracts and meters.

supply = Table(
    "supply",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("account_number", String(40), nullable=False),
    Column("tariff_zone", String(20), nullable=False),
    # Canonical, Spain only; empty elsewhere. Distributors' files name supplies by it.
    Column("cups", String(22), nullable=False, server_default=""),
    sqlite_with_rowid=False,
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
    # Contracted watts by power period, P1 first.
    Column("power_w", Json, nullable=False, server_default="[]"),
    sqlite_with_rowid=False,
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
    sqlite_with_rowid=False,
)

supply_access = Table(
    "supply_access",
    metadata,
    Column("account_id", String(36), primary_key=True),
    Column("supply_id", String(36), primary_key=True),
    Column("member_id", String(36), primary_key=True),
    sqlite_with_rowid=False,
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
    # The revision of the curve it was billed from; 0 = not known.
    Column("curve_version", BigInteger, nullable=False, server_default="0"),
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
    # Dialects found, joined by " + "; empty for a file that is none.
    Column("format", String(200), nullable=False, server_default=""),
    Column("register_readings", BigInteger, nullable=False, server_default="0"),
    # CUPS that no supply had.
    Column("unknown_supplies", Json, nullable=False, server_default="[]"),
    Index("ix_readings_import_sha256", "sha256"),
)

# Rows that could not be taken, with all that is needed to read them again; kept after they are settled, as a trace.
quarantined_row = Table(
    "quarantined_row",
    metadata,
    Column("import_id", String(36), ForeignKey("readings_import.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("line", BigInteger, nullable=False),
    # Meter serial or CUPS, as the file writes it; empty where the row does not say.
    Column("meter", String(64), nullable=False),
    Column("value", Text, nullable=False),
    Column("reason", Text, nullable=False),
    # The member of an archive, "" in a plain file; and the dialect the row was written in.
    Column("member", String(255), nullable=False, server_default=""),
    Column("dialect", String(40), nullable=False, server_default=""),
    # The whole row, and what stands around it (heading, concentrator, multiplier); empty when the row cannot be read alone.
    Column("raw", Text, nullable=False, server_default=""),
    Column("around", Json, nullable=False, server_default="{}"),
    # "open", "taken" (a retry succeeded) or "discarded".
    Column("state", String(10), nullable=False, server_default="open"),
    Column("settled_at", UtcDateTime),
    Column("settled_by", String(80), nullable=False, server_default=""),
    Index("ix_quarantined_row_state", "state", "import_id", "number"),
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

# What registers showed, and what was estimated from them.

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

# What the participants of a shared installation agreed on, as the office imported it. The curve of a participant is worked out
# of it whenever it is read, so that hours, estimates and agreements may come and be corrected in any order.

sharing_agreement = Table(
    "sharing_agreement",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("cau", String(26), nullable=False),
    # The first local day; it holds until the next one of its installation begins.
    Column("start", Date, nullable=False),
    Column("generation_key", BigInteger, ForeignKey("measuring_point.key"), nullable=False),
    # In which its hours of the year are counted.
    Column("time_zone", String(40), nullable=False),
    Column("file_name", String(255), nullable=False),
    # The file of coefficients; empty for one that only ends what was before it.
    Column("content", Text, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("actor", String(80), nullable=False),
    Column("imported_at", UtcDateTime, nullable=False),
    # From which revision of curves on it counts, and from which on another one took its place.
    Column("revision", BigInteger, nullable=False),
    Column("superseded_by", BigInteger),
    # One of an installation and day at a time.
    Index(
        "ix_sharing_agreement_cau_start",
        "cau",
        "start",
        unique=True,
        sqlite_where=text("superseded_by IS NULL"),
        postgresql_where=text("superseded_by IS NULL"),
    ),
    Index("ix_sharing_agreement_generation_key", "generation_key"),
)

sharing_participant = Table(
    "sharing_participant",
    metadata,
    Column("agreement_id", String(36), ForeignKey("sharing_agreement.id"), primary_key=True),
    # Its place among the coefficients of the file.
    Column("position", Integer, primary_key=True),
    # The first 20 characters, by which supplies are told apart.
    Column("cups", String(20), nullable=False),
    Index("ix_sharing_participant_cups", "cups"),
    sqlite_with_rowid=False,
)
