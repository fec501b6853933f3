"""What billing keeps of members, supplies and their accesses, from the supplies service's events."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Date, String, Table

from services.billing.tables.base import ID, metadata
from services.chassis.columns import Json

member = Table(
    "member",
    metadata,
    Column("member_id", ID, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("state", Json, nullable=False),
)
supply = Table(
    "supply",
    metadata,
    Column("supply_id", ID, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("member_id", ID, nullable=False, index=True),
    Column("account_number", String(40), nullable=False),
    Column("state", Json, nullable=False),
    # First day with a contract and the day after the last (null = open): which months may concern it.
    Column("billable_from", Date),
    Column("billable_to", Date),
)
supply_access = Table(
    "supply_access",
    metadata,
    Column("account_id", ID, primary_key=True),
    Column("supply_id", ID, primary_key=True),
    Column("member_id", ID, nullable=False),
    Column("relation", String(20), nullable=False),
)
