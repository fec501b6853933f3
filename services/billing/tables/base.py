"""What all of billing's tables share: their metadata and the widths of figures."""

from __future__ import annotations

from sqlalchemy import String

from services.chassis.columns import ScaledDecimal
from services.chassis.db import chassis_tables, new_metadata
from services.chassis.limits import limits_table

metadata = new_metadata()
chassis_tables(metadata)
limits_table(metadata)

#: Ten digits: the social bonus financing of 2025 is a price per day with that many.
UnitPrice = ScaledDecimal(10)
Quantity = ScaledDecimal(3)
Rate = ScaledDecimal(12)
ID = String(36)
