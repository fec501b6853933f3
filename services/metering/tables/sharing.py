"""What the participants of a shared installation agreed on, as the office imported it.

The curve of a participant is worked out of it whenever it is read, so that hours, estimates and agreements may come and be
corrected in any order.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Date, ForeignKey, Index, Integer, String, Table, Text, text

from services.chassis.columns import UtcDateTime
from services.metering.tables.base import metadata

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
