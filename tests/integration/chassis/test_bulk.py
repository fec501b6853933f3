"""Many rows at once: the same rows as SQLAlchemy's own insert writes, on both databases."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import Boolean, Column, Date, Integer, LargeBinary, String, Table, Text, insert, select
from sqlalchemy.exc import IntegrityError

from services.chassis.bulk import COPY_ROWS, insert_many
from services.chassis.columns import Amount, BigKey, Json, UtcDateTime
from services.chassis.db import Database, new_metadata

metadata = new_metadata()
thing = Table(
    "thing",
    metadata,
    Column("id", BigKey, primary_key=True, autoincrement=True),
    Column("name", String(80), nullable=False, unique=True),
    Column("order", Integer, nullable=False),
    Column("amount", Amount),
    Column("day", Date),
    Column("at", UtcDateTime),
    Column("raw", LargeBinary),
    Column("state", Json),
    Column("good", Boolean),
    Column("label", Text, nullable=False, server_default="none"),
)
marked = Table("marked", metadata, Column("id", Integer, primary_key=True), Column("mark", Integer, default=lambda: 7))
named = Table("named", metadata, Column("name", String(80), primary_key=True))
AT = datetime(2026, 11, 21, 16, 0, tzinfo=UTC)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url, service="test")
    metadata.create_all(database.engine)
    yield database
    database.close()


def _rows(count: int) -> list[dict[str, object]]:
    return [
        {
            "name": f"tab\tline\nslash\\ ñ {number}",
            "order": number,
            "amount": None if number % 3 == 0 else Decimal(number) / 100 - 5,
            "day": date(2026, 1, 1) + timedelta(days=number),
            "at": AT + timedelta(microseconds=number),
            "raw": bytes(range(number % 256)),
            "state": None if number % 5 == 0 else {"b": ["\\N", number], "a": "ñ"},
            "good": None if number % 7 == 0 else number % 2 == 0,
        }
        for number in range(count)
    ]


@pytest.mark.parametrize("count", [0, 1, COPY_ROWS - 1, COPY_ROWS, 300])
def test_the_same_rows_as_one_by_one(database: Database, count: int) -> None:
    rows = _rows(count)
    found = []
    for write in (insert_many, lambda connection, table, rows: [connection.execute(insert(table), r) for r in rows]):
        with database.write() as tx:
            tx.execute(thing.delete())
            write(tx.connection, thing, rows)
        with database.read() as connection:
            columns = [column for column in thing.columns if column.name != "id"]
            found.append(list(connection.execute(select(*columns).order_by(thing.c.id))))
    assert found[0] == found[1]
    assert [row.order for row in found[0]] == list(range(count))
    assert all(row.label == "none" for row in found[0])


@pytest.mark.parametrize("count", [2, 300])
def test_a_row_that_cannot_be_takes_the_batch_with_it(database: Database, count: int) -> None:
    rows = _rows(count)
    rows[-1]["name"] = rows[0]["name"]
    with pytest.raises(IntegrityError), database.write() as tx:
        insert_many(tx.connection, thing, rows)
    with database.read() as connection:
        assert connection.execute(select(thing.c.id)).all() == []


def test_rows_that_are_not_alike_are_refused(database: Database) -> None:
    with pytest.raises(KeyError, match="order"), database.write() as tx:
        insert_many(tx.connection, thing, [{"name": "a", "order": 1}, {"name": "b"}])
    with pytest.raises(ValueError, match=r"marked\.mark has a default"), database.write() as tx:
        insert_many(tx.connection, marked, [{"id": 1}])


def test_rows_whose_key_is_there_can_be_left_out(database: Database) -> None:
    for names in ("ab", "bc"):
        with database.write() as tx:
            insert_many(tx.connection, named, [{"name": name} for name in names], where_none=True)
    with database.read() as connection:
        assert connection.execute(select(named.c.name).order_by(named.c.name)).scalars().all() == ["a", "b", "c"]
    with pytest.raises(IntegrityError), database.write() as tx:
        insert_many(tx.connection, named, [{"name": "c"}])
