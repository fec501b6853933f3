"""Files of readings, and rows of them that could not be taken."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, String, Table, Text

from services.chassis.columns import Json, UtcDateTime
from services.metering.tables.base import metadata

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
