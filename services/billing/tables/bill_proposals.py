"""Bill runs that the calendar proposes to the office: what a month would come to, waiting for whoever starts its run."""

from __future__ import annotations

from sqlalchemy import Column, Integer, String, Table, UniqueConstraint

from services.billing.tables.base import ID, metadata
from services.chassis.columns import Amount, Json, UtcDateTime

bill_proposal = Table(
    "bill_proposal",
    metadata,
    Column("id", ID, primary_key=True),
    Column("period", String(7), nullable=False),
    # Rounds of the month's run that had been when it was made; a later round takes it up.
    Column("after_round", Integer, nullable=False),
    Column("contracts", Integer, nullable=False),
    Column("already_invoiced", Integer, nullable=False),
    Column("would_invoice", Integer, nullable=False),
    Column("total", Amount, nullable=False),
    # [[reason, contracts], ...]: why how many would be held.
    Column("held", Json, nullable=False),
    Column("proposed_by", String(80), nullable=False),
    Column("proposed_at", UtcDateTime, nullable=False),
    # When the figures were calculated last.
    Column("looked_at", UtcDateTime, nullable=False),
    UniqueConstraint("period", "after_round"),
)
