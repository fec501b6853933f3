"""Measuring points by CUPS, and the hours that are kept for a CUPS until a supply has it.

Kept hours belong to a name among the meters that no meter has (``owner_of``): their rows are the same, and what is locked
while they change is the same.
"""

from __future__ import annotations

from collections import defaultdict

from sqlalchemy import Connection, delete, func, select

from services.chassis.db import Transaction
from services.metering.domain.hours import FIRST_DAY
from services.metering.repository.holdings import CUPS_LENGTH, contracts_of_points
from services.metering.repository.points import Assignment
from services.metering.repository.sql import slices
from services.metering.tables import kept_quarters, kept_reading, measuring_point, meter, supply

_OWNER = "cups:"
_ELECTRICITY = "electricity"


def owner_of(cups: str) -> str:
    """The name under which hours of a CUPS are kept: its first 20 characters say which supply it is."""
    return _OWNER + cups[:CUPS_LENGTH]


def places_of_cups(connection: Connection, keys: dict[str, int]) -> list[Assignment]:
    """Where the hours of each CUPS belong, the first that covers a day counting: ``keys`` are the keys of their owners.

    Usually one electricity service has the CUPS and gets all. Where several supplies have or had it, each gets the days of
    its contracts, and the days of no contract go to the one whose contract began last.
    """
    points: dict[str, list[int]] = defaultdict(list)
    start = func.substr(supply.c.cups, 1, CUPS_LENGTH)
    for some in slices([cups[:CUPS_LENGTH] for cups in keys]):
        query = (
            select(start.label("cups"), measuring_point.c.key)
            .join(supply, supply.c.id == measuring_point.c.supply_id)
            .where(measuring_point.c.kind == _ELECTRICITY, start.in_(some))
            .order_by(measuring_point.c.key)
        )
        for row in connection.execute(query):
            points[row.cups].append(row.key)
    contracts = contracts_of_points(
        connection, [key for keys_of_one in points.values() if len(keys_of_one) > 1 for key in keys_of_one]
    )
    found = []
    for cups, owner in keys.items():
        having = points.get(cups[:CUPS_LENGTH], [])
        held = [Assignment(owner, key, one.start, one.end) for key in having for one in contracts.get(key, [])]
        held.sort(key=lambda one: (one.start, one.point_key), reverse=True)
        found += held
        if having:
            found.append(Assignment(owner, held[0].point_key if held else having[-1], FIRST_DAY, None))
    return found


def drop_kept(tx: Transaction, owner: str) -> None:
    """Give up the hours kept under a name, and their quarters."""
    key = select(meter.c.key).where(meter.c.serial == owner).scalar_subquery()
    for table in (kept_reading, kept_quarters):
        tx.execute(delete(table).where(table.c.meter_key == key))
