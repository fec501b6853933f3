"""What supplies tells: supply points, the services measured there, their contracts and meters."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Date, ForeignKey, Index, String, Table

from services.chassis.columns import BigKey, Json
from services.metering.tables.base import metadata

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
