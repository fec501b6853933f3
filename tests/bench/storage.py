"""What a stored day takes on disk, all in: its row, its index, and everything else that the service keeps.

SQLite is measured by the files it leaves. PostgreSQL cannot reach the same: of each row 28 bytes are its own (header and
line pointer) and 20 at least are the index row that finds it, before the first hour is written (docs/architecture.md, "What
a day takes"); ``row`` and ``index`` tell both apart from what grows with the number of supplies and not with their days.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import text

from services.chassis.db import Database
from services.chassis.periods import DatePeriod
from services.local.postgres import PostgresMissing, postgres_server
from tests.bench.figures import at_most
from tests.bench.readings import SUPPLIES_PER_REPORT, MeteringAlone

_TABLES = """SELECT c.relname, pg_table_size(c.oid), pg_indexes_size(c.oid)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public' AND c.relkind = 'r'"""


def sqlite_bytes(path: Path) -> int:
    """The size of a database that nobody has open, with whatever lies beside it."""
    return sum(file.stat().st_size for file in path.parent.glob(f"{path.name}*"))


def measure(folder: Path, reports: list[Path], month: DatePeriod) -> dict[str, Any]:
    """Bytes by supply and day of these reports, on SQLite and on PostgreSQL where this machine has one."""
    supplies = SUPPLIES_PER_REPORT * len(reports)
    days = supplies * month.days
    folder.mkdir()
    path = folder / "metering.db"
    metering = MeteringAlone(f"sqlite:///{path}", folder)
    _fill(metering, supplies, reports)
    return {
        "bytes_per_supply_and_day_of_so_many_supplies": supplies,
        "bytes_per_supply_and_day_sqlite": at_most(round(sqlite_bytes(path) / days, 1), 120),
        "bytes_per_supply_and_day_postgresql": _postgresql(folder / "postgresql", supplies, reports, days),
    }


def _postgresql(folder: Path, supplies: int, reports: list[Path], days: int) -> dict[str, Any]:
    folder.mkdir()
    try:
        with postgres_server() as server:
            url = server.new_database()
            metering = MeteringAlone(url, folder)
            empty = _sizes(metering.database)
            _fill(metering, supplies, reports)
            full = Database(url)
            # As the server does by itself sooner or later: events that were sent have left their room behind.
            with full.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(text("VACUUM"))
            sizes = _sizes(full)
            full.close()
    except PostgresMissing as missing:
        return {"not_measured": str(missing)}
    row, index = sizes.pop("day_curve")
    rest = sum(map(sum, sizes.values())) - sum(map(sum, empty.values()))
    return {
        "row": at_most(round(row / days, 1), 114),
        "index": at_most(round(index / days, 1), 24),
        "supplies_meters_and_events_in_the_first_month": round(rest / days, 1),
        "empty_tables": round(sum(map(sum, empty.values())) / days, 1),
    }


def _sizes(database: Database) -> dict[str, tuple[int, int]]:
    """Bytes of each table and of its indexes."""
    with database.read() as connection:
        return {name: (table, indexes) for name, table, indexes in connection.execute(text(_TABLES))}


def _fill(metering: MeteringAlone, supplies: int, reports: list[Path]) -> None:
    metering.connect(supplies)
    with metering.relay():
        for report in reports:
            metering.load(report)
    metering.close()
