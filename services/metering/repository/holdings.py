"""Which meters hang where, and which supply a name stands for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

from sqlalchemy import Connection, exists, func, or_, select

from services.metering.repository.points import Assignment, ContractTariff, Point, points_by_key
from services.metering.repository.sql import slices
from services.metering.tables import contract_tariff, day_curve, measuring_point, meter, meter_assignment, supply

CUPS_LENGTH = 20
"""Letters of a CUPS without the border point: distributors write it with or without those two."""


def assignments_of_points(connection: Connection, point_keys: Collection[int]) -> list[Assignment]:
    """The meters that hang or hung on points, by point and day."""
    table, found = meter_assignment, []
    for some in slices(sorted(set(point_keys))):
        query = select(table).where(table.c.point_key.in_(some))
        found += [Assignment(r.meter_key, r.point_key, r.start, r.end) for r in connection.execute(query)]
    return sorted(found, key=lambda a: (a.point_key, a.start, a.meter_key))


def contracts_of_points(connection: Connection, point_keys: Collection[int]) -> dict[int, list[ContractTariff]]:
    """The contracts of points, by point, the earliest first."""
    table = contract_tariff
    found: dict[int, list[ContractTariff]] = {}
    for some in slices(sorted(set(point_keys))):
        query = select(table).where(table.c.point_key.in_(some)).order_by(table.c.point_key, table.c.start)
        for row in connection.execute(query):
            contract = ContractTariff(row.start, row.end, row.tariff, tuple(row.power_w))
            found.setdefault(row.point_key, []).append(contract)
    return found


def points_named(connection: Connection, names: Collection[str], kind: str) -> dict[str, int]:
    """Points of a kind of service by the CUPS or account number of their supply, as files write it; nobody's are absent."""
    found: dict[str, int] = {}
    for some in slices(sorted(set(names))):
        by_cups: dict[str, list[str]] = defaultdict(list)  # with the border point and without: both name one supply
        for name in some:
            by_cups[name[:CUPS_LENGTH]].append(name)
        start = func.substr(supply.c.cups, 1, CUPS_LENGTH)
        query = (
            select(measuring_point.c.key, supply.c.account_number, start.label("cups"))
            .join(supply, supply.c.id == measuring_point.c.supply_id)
            .where(measuring_point.c.kind == kind, or_(supply.c.account_number.in_(some), start.in_(list(by_cups))))
            .order_by(measuring_point.c.key)
        )
        for row in connection.execute(query):
            for name in (row.account_number, *by_cups.get(row.cups, ())):
                if name in some:
                    found.setdefault(name, row.key)
    return found


def serials_of(connection: Connection, meter_keys: Collection[int]) -> dict[int, str]:
    """Serials by meter."""
    found: dict[int, str] = {}
    for some in slices(sorted(set(meter_keys))):
        query = select(meter.c.key, meter.c.serial).where(meter.c.key.in_(some))
        found.update((row.key, row.serial) for row in connection.execute(query))
    return found


def account_numbers(connection: Connection, supply_ids: Collection[str]) -> dict[str, str]:
    """Account numbers by supply."""
    found: dict[str, str] = {}
    for some in slices(sorted(set(supply_ids))):
        query = select(supply.c.id, supply.c.account_number).where(supply.c.id.in_(some))
        found.update((row.id, row.account_number) for row in connection.execute(query))
    return found


def points_with_curves(connection: Connection, kind: str) -> list[Point]:
    """Measuring points of a kind that ever had an hour, by key."""
    some_day = exists().where(day_curve.c.point_key == measuring_point.c.key)
    query = select(measuring_point.c.key).where(measuring_point.c.kind == kind, some_day)
    keys = connection.execute(query.order_by(measuring_point.c.key)).scalars().all()
    found = points_by_key(connection, keys)
    return [found[key] for key in sorted(found)]
