"""Bill runs: their chunks, what they held back, and what the office decided on it."""

from __future__ import annotations

from sqlalchemy import Column, Date, ForeignKey, Integer, String, Table, Text, UniqueConstraint

from services.billing.tables.base import ID, metadata
from services.chassis.columns import Amount, Json, UtcDateTime

bill_run = Table(
    "bill_run",
    metadata,
    Column("id", ID, primary_key=True),
    Column("period", String(7), nullable=False, unique=True),
    Column("issue_date", Date, nullable=False),
    Column("state", String(12), nullable=False),
    # A month taken up again after it was completed is a further round of the same run.
    Column("round", Integer, nullable=False),
    Column("contracts", Integer, nullable=False),
    Column("already_invoiced", Integer, nullable=False),
    Column("invoiced", Integer, nullable=False),
    Column("held", Integer, nullable=False),
    Column("chunks", Integer, nullable=False),
    Column("chunks_done", Integer, nullable=False),
    Column("total", Amount, nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("completed_at", UtcDateTime),
)
bill_run_chunk = Table(
    "bill_run_chunk",
    metadata,
    Column("id", ID, primary_key=True),
    Column("bill_run_id", ID, ForeignKey("bill_run.id"), nullable=False),
    Column("round", Integer, nullable=False),
    Column("position", Integer, nullable=False),
    Column("issue_date", Date, nullable=False),
    Column("supply_ids", Json, nullable=False),
    Column("done_at", UtcDateTime),
    UniqueConstraint("bill_run_id", "round", "position"),
)
bill_run_held = Table(
    "bill_run_held",
    metadata,
    Column("bill_run_id", ID, ForeignKey("bill_run.id"), primary_key=True),
    Column("supply_id", ID, primary_key=True),
    Column("contract_id", ID, nullable=False),
    Column("account_number", String(40), nullable=False),
    Column("reason", String(40), nullable=False),
    Column("explanation", Text, nullable=False),
)

# Decisions of the office on held bills: the next run of the month bills the supply in spite of the reason.
bill_release = Table(
    "bill_release",
    metadata,
    Column("supply_id", ID, primary_key=True),
    Column("period", String(7), primary_key=True),
    Column("reason", String(40), primary_key=True),
    # What the run had said, and why the office releases it all the same.
    Column("explanation", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("released_by", String(80), nullable=False),
    Column("released_at", UtcDateTime, nullable=False),
)
