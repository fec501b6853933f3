"""Register readings: every one that ever came, with what validation found."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, and_, func, insert, or_, select, update

from services.chassis.db import Transaction
from services.chassis.periods import DatePeriod
from services.metering.domain.estimation.closes import ON_THE_SPOT, TECHNICIAN, Origin, Reading
from services.metering.domain.register_closes import Kept, main_channel
from services.metering.domain.registers import MaximumPower
from services.metering.repository.points import Assignment
from services.metering.repository.sql import slices
from services.metering.tables import meter, register_reading, self_reading

_TECHNICIAN = tuple(int(origin) for origin in TECHNICIAN)
_MONTHLY = tuple(int(origin) for origin in (*ON_THE_SPOT, Origin.SELF_READING))


@dataclass(frozen=True)
class StoredReading:
    """A row of ``register_reading`` with its meter's serial. ``findings``: [{"problem", "parameters"}]."""

    id: str
    meter_key: int
    meter: str
    day: date
    origin: Origin
    unit: str
    registers: dict[str, list[int]]
    totals: dict[str, int]
    since: date | None
    max_power: tuple[MaximumPower, ...]
    received_at: datetime
    import_id: str | None
    findings: list[dict[str, Any]]
    doubtful: bool

    @property
    def same(self) -> tuple[Any, ...]:
        """What makes two readings one: the meter, the day, how it was read and everything it showed.

        A monthly close is more than the daily one of its last midnight: it has the highest power besides.
        """
        shown = tuple((channel, tuple(values)) for channel, values in sorted(self.registers.items()))
        totals = tuple(sorted(self.totals.items()))
        return (self.meter_key, self.day, self.origin, self.unit, shown, totals, self.since, self.max_power)

    @property
    def kept(self) -> Kept | None:
        """The main channel, for closes; None for a reading that does not have it."""
        channel = main_channel(self.unit)
        values = self.registers.get(channel)
        if not values:
            return None
        total = self.totals.get(channel)
        reading = Reading(self.meter, self.day, tuple(values), self.origin, self.received_at, total)
        return Kept(self.id, self.unit, reading, self.doubtful)


def add(tx: Transaction, readings: Sequence[StoredReading]) -> None:
    """Keep readings; what one showed is never changed."""
    rows = [
        {
            "id": one.id,
            "meter_key": one.meter_key,
            "day": one.day,
            "origin": int(one.origin),
            "unit": one.unit,
            "registers": one.registers,
            "totals": one.totals,
            "since": one.since,
            "max_power": [
                {"period": power.period, "w": power.watts, "at": power.at.isoformat() if power.at else None}
                for power in one.max_power
            ],
            "received_at": one.received_at,
            "import_id": one.import_id,
            "findings": one.findings,
            "doubtful": int(one.doubtful),
        }
        for one in readings
    ]
    if rows:
        tx.execute(insert(register_reading), rows)


def accept(tx: Transaction, reading_ids: Collection[str]) -> None:
    """Doubtful readings count from now on; what validation found stays with them."""
    for some in slices(sorted(reading_ids)):
        tx.execute(update(register_reading).where(register_reading.c.id.in_(some)).values(doubtful=0))


def accepted(one: StoredReading) -> StoredReading:
    """The reading as one that counts."""
    return replace(one, doubtful=False)


def around(
    connection: Connection, meter_keys: Collection[int], first: date, last: date, monthly_from: date | None = None
) -> list[StoredReading]:
    """Readings of meters from day ``first`` to day ``last`` (both included), and the next ones before and after.

    ``monthly_from``: from there on also monthly closes, readings taken by people, and those of the first day of a month,
    which are few where a meter tells every day. By meter, day and receipt.
    """
    table = register_reading
    found: dict[str, StoredReading] = {}
    for some in slices(sorted(set(meter_keys))):
        inside = and_(table.c.day >= first, table.c.day <= last)
        if monthly_from is not None:
            first_days = [day for day in DatePeriod(monthly_from, first) if day.day == 1]
            few = or_(table.c.since.is_not(None), table.c.origin.in_(_MONTHLY), table.c.day.in_(first_days))
            inside = or_(inside, and_(table.c.day >= monthly_from, table.c.day < first, few))
        queries = [_readings().where(table.c.meter_key.in_(some), inside)]
        # The neighbours outside, of any good reading and of the technician's: a close may reach far beyond the days.
        for edge, beyond in ((func.max(table.c.day), table.c.day < first), (func.min(table.c.day), table.c.day > last)):
            good = and_(table.c.meter_key.in_(some), beyond, table.c.doubtful == 0)
            for some_of_them in (good, and_(good, table.c.origin.in_(_TECHNICIAN))):
                next_ones = select(table.c.meter_key, edge.label("day")).where(some_of_them)
                nearest = next_ones.group_by(table.c.meter_key).subquery()
                same_day = and_(nearest.c.meter_key == table.c.meter_key, nearest.c.day == table.c.day)
                queries.append(_readings().join(nearest, same_day))
        for query in queries:
            found |= {row.id: _reading(row) for row in connection.execute(query)}
    return sorted(found.values(), key=lambda one: (one.meter_key, one.day, one.received_at, one.id))


def of_days(connection: Connection, meter_keys: Collection[int], days: Collection[date]) -> list[StoredReading]:
    """Readings of meters of the midnights at which those days begin. By meter, day and receipt."""
    table = register_reading
    found: list[StoredReading] = []
    for some in slices(sorted(set(meter_keys))):
        query = _readings().where(table.c.meter_key.in_(some), table.c.day.in_(sorted(days)))
        found += [_reading(row) for row in connection.execute(query)]
    return sorted(found, key=lambda one: (one.meter_key, one.day, one.received_at, one.id))


def page(
    connection: Connection, assignments: Sequence[Assignment], size: int, after: tuple[date, str] | None
) -> list[StoredReading]:
    """Readings of meters while they hung where the assignments say, the newest first, from the one after ``after``
    (day, id) on."""
    table = register_reading
    places = [
        and_(
            table.c.meter_key == one.meter_key,
            table.c.day >= one.start,
            *(() if one.end is None else (table.c.day <= one.end,)),
        )
        for one in assignments
    ]
    if not places:
        return []
    query = _readings().where(or_(*places))
    if after is not None:
        day, reading_id = after
        query = query.where(or_(table.c.day < day, and_(table.c.day == day, table.c.id < reading_id)))
    query = query.order_by(table.c.day.desc(), table.c.id.desc()).limit(size)
    return [_reading(row) for row in connection.execute(query)]


def receipts_of(connection: Connection, reading_ids: Collection[str]) -> dict[str, str]:
    """Receipts of the readings that a member gave, by reading."""
    table = self_reading
    found: dict[str, str] = {}
    for some in slices(sorted(reading_ids)):
        query = select(table.c.reading_id, table.c.receipt).where(table.c.reading_id.in_(some))
        found.update((row.reading_id, row.receipt) for row in connection.execute(query))
    return found


def any_of(connection: Connection, meter_keys: Collection[int]) -> bool:
    """Whether one of the meters ever had a reading: most have hourly curves alone."""
    table = register_reading
    for some in slices(sorted(set(meter_keys))):
        query = select(table.c.id).where(table.c.meter_key.in_(some)).limit(1)
        if connection.execute(query).first() is not None:
            return True
    return False


def doubtful(connection: Connection, meter_keys: Collection[int], first: date, last: date) -> list[StoredReading]:
    """Readings of meters that are doubtful, from day ``first`` to day ``last`` (both included), by day."""
    table, found = register_reading, []
    for some in slices(sorted(set(meter_keys))):
        query = _readings().where(
            table.c.meter_key.in_(some), table.c.doubtful == 1, table.c.day >= first, table.c.day <= last
        )
        found += [_reading(row) for row in connection.execute(query)]
    return sorted(found, key=lambda one: (one.day, one.meter, one.id))


def with_maximum_power(
    connection: Connection, meter_keys: Collection[int], first: date, last: date
) -> list[StoredReading]:
    """Monthly closes whose final day lies in [first, last], with the power they report."""
    table, found = register_reading, []
    for some in slices(sorted(set(meter_keys))):
        query = _readings().where(
            table.c.meter_key.in_(some), table.c.since.is_not(None), table.c.day >= first, table.c.day <= last
        )
        found += [_reading(row) for row in connection.execute(query.order_by(table.c.received_at, table.c.id))]
    return found


def _readings():  # type: ignore[no-untyped-def]
    return select(register_reading, meter.c.serial).join(meter, meter.c.key == register_reading.c.meter_key)


def _reading(row: Any) -> StoredReading:
    return StoredReading(
        row.id,
        row.meter_key,
        row.serial,
        row.day,
        Origin(row.origin),
        row.unit,
        row.registers,
        row.totals,
        row.since,
        tuple(
            MaximumPower(one["period"], one["w"], datetime.fromisoformat(one["at"]) if one["at"] else None)
            for one in row.max_power
        ),
        row.received_at,
        row.import_id,
        row.findings,
        bool(row.doubtful),
    )
