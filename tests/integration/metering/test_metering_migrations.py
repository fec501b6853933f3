"""A metering database with curves comes through the migration to narrower rows with every version of every day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from alembic import command

from services.chassis import migrations
from services.chassis.clock import FixedClock
from services.chassis.db import Database
from services.metering.application.learn import supply_changed
from services.metering.domain.curve import DayCurves, blank_days, pack
from services.metering.domain.hours import day_number
from services.metering.domain.merge import Layer
from services.metering.domain.readings import REAL
from services.metering.repository import curves, holdings, overlay, points
from services.metering.repository.cups import places_of_cups
from tests.support.metering import NOW, supply_message

DAY = day_number(date(2026, 10, 6))
KNOWN = [NOW - timedelta(days=back) for back in (4, 3, 2, 1)]
FIRST_LAYOUT = bytes([24, REAL, 1, 0]) + bytes(range(24))
CUPS = "ES0021000000000001XX"


def day_of(wh: int, hours: slice = slice(0, 24)) -> DayCurves:
    day = blank_days(np.array([24], np.int8))
    day.quality[0, hours] = REAL
    day.values[0, hours, 0] = wh
    return day


def add(connection: sa.Connection, table: str, *rows: dict[str, Any]) -> None:
    names = list(rows[0])
    places = ", ".join(f":{name}" for name in names)
    quoted = ", ".join(f'"{name}"' for name in names)
    connection.execute(sa.text(f"INSERT INTO {table} ({quoted}) VALUES ({places})"), list(rows))


def fill(connection: sa.Connection) -> None:
    """A point with three versions of a day, the oldest in the first layout; an estimate with two; kept hours."""
    (second,), (third,) = pack(day_of(500)), pack(day_of(40_000))
    (estimate,), (withdrawn,) = pack(day_of(7, slice(3, 4))), pack(blank_days(np.array([24], np.int8)))
    supply = {"id": "s", "version": 1, "account_number": "5555/1", "tariff_zone": "peninsula", "cups": CUPS + "0F"}
    add(connection, "supply", supply)
    add(connection, "measuring_point", {"key": 1, "service_id": "s-service", "supply_id": "s", "kind": "electricity"})
    add(connection, "contract_tariff", {"point_key": 1, "start": "2020-01-01", "end": None, "tariff": "2.0TD"})
    add(connection, "meter", {"key": 5, "serial": "METER"}, {"key": 6, "serial": "STRAY"})
    add(connection, "meter_assignment", {"meter_key": 5, "point_key": 1, "start": "2020-01-01", "end": None})
    add(connection, "supply_access", {"account_id": "a", "supply_id": "s", "member_id": "m"})
    add(connection, "inbox_event", {"consumer": "metering", "event_id": "e", "handled_at": "2026-11-01 00:00:00"})
    for number, known in enumerate(KNOWN, 1):
        add(connection, "revision", {"id": number, "known_at": known.replace(tzinfo=None), "import_id": None})
    add(connection, "day_curve_history",
        {"point_key": 1, "day": DAY, "revision": 1, "curve": FIRST_LAYOUT},
        {"point_key": 1, "day": DAY, "revision": 2, "curve": second})  # fmt: skip
    add(connection, "day_curve", {"point_key": 1, "day": DAY, "revision": 3, "curve": third})
    add(connection, "estimated_day_history", {"point_key": 1, "day": DAY + 1, "revision": 2, "curve": estimate})
    add(connection, "estimated_day", {"point_key": 1, "day": DAY + 1, "revision": 4, "curve": withdrawn})
    add(connection, "kept_reading", {"meter_key": 6, "day": DAY, "revision": 4, "curve": second})


@pytest.fixture
def schema_of() -> str:
    """None: these tests migrate themselves."""
    return ""


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url, service="metering", clock=FixedClock(NOW))
    config = migrations._config("metering")
    with database.write() as tx:
        config.attributes.update(connection=tx.connection, metadata=migrations.metadata_of("metering"))
        command.upgrade(config, "0004")
        fill(tx.connection)
        if not database.is_sqlite:  # keys were given by hand
            for table, column in (("revision", "id"), ("measuring_point", "key"), ("meter", "key")):
                tx.connection.execute(sa.text(f"SELECT setval(pg_get_serial_sequence('{table}', '{column}'), 10)"))
    migrations.upgrade(database, "metering")
    yield database
    database.close()


def known_at(database: Database, instant: datetime) -> list[int]:
    """Wh of the first, fourth and sixth hour of the day, and of the day after, as far as they were known."""
    with database.read() as connection:
        version = curves.revision_known_at(connection, instant)
        found = overlay.curves_of_version(connection, 1, DAY, DAY + 2, version)
    return [int(found.curves.values[row, slot, 0]) for row in range(len(found.day)) for slot in (0, 3, 5)]


def test_every_version_of_every_day_is_known_at_its_time_as_before(database: Database) -> None:
    seen = [known_at(database, known + timedelta(hours=1)) for known in KNOWN]
    assert seen == [
        [0, 3, 5],
        [500, 500, 500, 0, 7, 0],
        [40_000, 40_000, 40_000, 0, 7, 0],
        [40_000, 40_000, 40_000, 0, 0, 0],
    ]
    with database.read() as connection:
        for table, count in (("supply_access", 1), ("inbox_event", 1), ("contract_tariff", 1)):
            assert connection.execute(sa.text(f"SELECT count(*) FROM {table}")).scalar_one() == count
        assert places_of_cups(connection, {CUPS: 9})[0].point_key == 1
        assert [(one.meter_key, one.end) for one in holdings.assignments_of_points(connection, [1])] == [(5, None)]


def test_curves_supplies_and_kept_hours_go_on_after_it(database: Database) -> None:
    with database.write() as tx:
        points.lock_points(tx, [1])
        layer = Layer(np.array([1]), np.array([DAY]), day_of(8))
        number = curves.Revision(tx, NOW, None)
        assert curves.store(tx, layer, number).superseded == 24
    assert known_at(database, NOW) == [8, 8, 8, 0, 0, 0]
    assert known_at(database, KNOWN[1]) == [500, 500, 500, 0, 7, 0]
    # The stray meter's supply comes: what was kept for it becomes its curve.
    with database.write() as tx:
        supply_changed(tx, supply_message("t", ("STRAY", "2020-01-01", "")))
    with database.read() as connection:
        key = points.points_of_services(connection, ["t-service"])["t-service"].key
        assert curves.curves_between(connection, [key], DAY, DAY + 1).curves.values[0, 0, 0] == 500
        assert connection.execute(sa.text("SELECT count(*) FROM kept_reading")).scalar_one() == 0
