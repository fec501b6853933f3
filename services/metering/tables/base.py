"""What all tables of metering share. Days are day numbers (since 1970-01-01, local) where curves are kept, dates elsewhere."""

from __future__ import annotations

from sqlalchemy import BigInteger, Integer

from services.chassis.db import chassis_tables, new_metadata

metadata = new_metadata()
chassis_tables(metadata)

CurveKey = Integer().with_variant(BigInteger, "sqlite")
"""Keys and revisions in the rows of curves, of which there are thousands a supply: half as wide on PostgreSQL, whose rows
and index rows then need no padding. SQLite stores every number in the bytes it needs, whatever its column is called."""
