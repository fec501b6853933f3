"""Measuring points, their meters and contracts: the read model that supplies' events keep."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, delete, insert, select, update

from services.chassis.db import Transaction
from services.metering.repository.sql import insert_missing, slices
from services.metering.tables import contract_tariff, measuring_point, meter, meter_assignment, supply


@dataclass(frozen=True)
class Point:
    """One service of a supply, the owner of a curve."""

    key: int
    service_id: str
    supply_id: str
    kind: str
    tariff_zone: str


@dataclass(frozen=True)
class Assignment:
    """A meter hangs on a point from a local day to another (excluded; None = still)."""

    meter_key: int
    point_key: int
    start: date
    end: date | None


@dataclass(frozen=True)
class ContractTariff:
    """Tariff and contracted watts (by power period, P1 first) of a point from a local day to another (excluded; None = open)."""

    start: date
    end: date | None
    tariff: str
    power_w: tuple[int, ...] = ()


def supply_version(tx: Transaction, supply_id: str) -> int | None:
    """Version of the supply as last told; None for one never heard of. Locks the row."""
    query = select(supply.c.version).where(supply.c.id == supply_id).with_for_update()
    found: int | None = tx.execute(query).scalar_one_or_none()
    return found


def save_supply(
    tx: Transaction, supply_id: str, version: int, account_number: str, tariff_zone: str, cups: str
) -> None:
    """Insert or replace what is known of a supply."""
    values = {"version": version, "account_number": account_number, "tariff_zone": tariff_zone, "cups": cups}
    insert_missing(tx, supply, [{"id": supply_id, **values}])
    # A row just inserted is not written again: on PostgreSQL that would be a second row.
    tx.execute(update(supply).where(supply.c.id == supply_id, supply.c.version != version).values(values))


def save_point(tx: Transaction, service_id: str, supply_id: str, kind: str) -> int:
    """The key of the service's measuring point, made when it is new."""
    insert_missing(tx, measuring_point, [{"service_id": service_id, "supply_id": supply_id, "kind": kind}])
    of_service = measuring_point.c.service_id == service_id
    differs = (measuring_point.c.supply_id != supply_id) | (measuring_point.c.kind != kind)
    tx.execute(update(measuring_point).where(of_service, differs).values(supply_id=supply_id, kind=kind))
    return int(tx.execute(select(measuring_point.c.key).where(of_service)).scalar_one())


def replace_contracts(tx: Transaction, point_key: int, contracts: Sequence[ContractTariff]) -> None:
    """The point has exactly these contracts."""
    tx.execute(delete(contract_tariff).where(contract_tariff.c.point_key == point_key))
    rows = [
        {"point_key": point_key, "start": c.start, "end": c.end, "tariff": c.tariff, "power_w": list(c.power_w)}
        for c in contracts
    ]
    if rows:
        tx.execute(insert(contract_tariff), rows)


def replace_assignments(tx: Transaction, point_key: int, assignments: Sequence[Assignment]) -> None:
    """The point has exactly these meters. Their rows must be locked (lock_meters)."""
    tx.execute(delete(meter_assignment).where(meter_assignment.c.point_key == point_key))
    rows = [{"meter_key": a.meter_key, "point_key": point_key, "start": a.start, "end": a.end} for a in assignments]
    if rows:
        tx.execute(insert(meter_assignment), rows)


def lock_meters(tx: Transaction, serials: Collection[str]) -> dict[str, int]:
    """Keys of the meters by serial; unknown serials get one. Holds them until the transaction ends.

    Always in the order of the serials, so that two transactions never wait for each other.
    """
    wanted = sorted(set(serials))
    keys: dict[str, int] = {}
    insert_missing(tx, meter, [{"serial": serial} for serial in wanted])
    for some in slices(wanted):
        query = select(meter.c.serial, meter.c.key).where(meter.c.serial.in_(some)).order_by(meter.c.serial)
        keys.update((row.serial, row.key) for row in tx.execute(query.with_for_update()))
    return keys


def lock_points(tx: Transaction, keys: Collection[int]) -> None:
    """Hold the points until the transaction ends: one writer at a time changes a curve."""
    for some in slices(sorted(set(keys))):
        points = select(measuring_point.c.key).where(measuring_point.c.key.in_(some))
        tx.execute(points.order_by(measuring_point.c.key).with_for_update()).all()


def assignments_of_meters(tx: Transaction, meter_keys: Collection[int]) -> list[Assignment]:
    """Where the meters hang and hung, the latest first."""
    table, found = meter_assignment, []
    for some in slices(sorted(meter_keys)):
        query = select(table).where(table.c.meter_key.in_(some))
        found += [Assignment(r.meter_key, r.point_key, r.start, r.end) for r in tx.execute(query)]
    return sorted(found, key=lambda a: (a.meter_key, a.start, a.point_key), reverse=True)


def meters_of_point(tx: Transaction, point_key: int) -> list[str]:
    """Serials that hang or hung on a point."""
    query = select(meter.c.serial).join(meter_assignment, meter_assignment.c.meter_key == meter.c.key)
    return list(tx.execute(query.where(meter_assignment.c.point_key == point_key).distinct()).scalars())


def points_of_services(connection: Connection, service_ids: Collection[str]) -> dict[str, Point]:
    """The measuring points of services, by service id; services never heard of are absent."""
    found: dict[str, Point] = {}
    for some in slices(sorted(set(service_ids))):
        query = _points().where(measuring_point.c.service_id.in_(some))
        found.update((row.service_id, Point(*row)) for row in connection.execute(query))
    return found


def points_by_key(connection: Connection, keys: Collection[int]) -> dict[int, Point]:
    """Measuring points by key."""
    found: dict[int, Point] = {}
    for some in slices(sorted(set(keys))):
        query = _points().where(measuring_point.c.key.in_(some))
        found.update((row.key, Point(*row)) for row in connection.execute(query))
    return found


def point_of_supply(connection: Connection, supply_id: str) -> Point | None:
    """The point whose curve stands for the supply: its electricity service, else its only or first other one."""
    rows = connection.execute(_points().where(measuring_point.c.supply_id == supply_id)).all()
    points = sorted((Point(*row) for row in rows), key=lambda point: (point.kind != "electricity", point.key))
    return points[0] if points else None


def every_key(connection: Connection) -> list[int]:
    """Keys of all measuring points, in order."""
    return list(connection.execute(select(measuring_point.c.key).order_by(measuring_point.c.key)).scalars())


def keys_of_supply(connection: Connection, supply_id: str) -> list[int]:
    """Keys of the points of a supply, in order; none for a supply of nobody."""
    query = select(measuring_point.c.key).where(measuring_point.c.supply_id == supply_id)
    return list(connection.execute(query.order_by(measuring_point.c.key)).scalars())


def contracts_of(connection: Connection, point_key: int) -> list[ContractTariff]:
    """The contracts of a point, the earliest first."""
    table = contract_tariff
    query = select(table).where(table.c.point_key == point_key).order_by(table.c.start)
    return [ContractTariff(row.start, row.end, row.tariff, tuple(row.power_w)) for row in connection.execute(query)]


def _points():  # type: ignore[no-untyped-def]
    table = measuring_point
    columns = (table.c.key, table.c.service_id, table.c.supply_id, table.c.kind, supply.c.tariff_zone)
    return select(*columns).join(supply, supply.c.id == table.c.supply_id)
