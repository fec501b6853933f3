"""Many rows into one table at once.

SQLAlchemy's own ``executemany`` goes over every value of every row several times in Python, which costs more than the
database does. Here a statement is made once for a table and its columns, whole columns go through their types, and
PostgreSQL gets a ``COPY``, which spares it a statement per row. Triggers and constraints see each row as ever.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import Any

from sqlalchemy import Column, Connection, Date, Table
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import DBAPIError

from services.chassis.columns import UtcDateTime

#: Rows from which a COPY pays on PostgreSQL: it takes one exchange with the server more than an INSERT.
COPY_ROWS = 10
#: The values of a column as the driver takes them.
_Convert = Callable[[Sequence[Any]], Sequence[Any]]


@dataclass(frozen=True)
class _Statement:
    insert: str
    copy: str
    #: A row's values, in the order of the columns.
    values: Callable[[Mapping[str, Any]], tuple[Any, ...]]
    #: What the values of each column go through; None: they stay as they are.
    converts: tuple[_Convert | None, ...]


def insert_many(
    connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], *, where_none: bool = False
) -> None:
    """Insert rows that all have the same columns, in their order; nothing when there are none. Columns that the rows do
    not have take the database's defaults. Errors are SQLAlchemy's, as of any statement.

    With `where_none` a row whose key is there already is left out.
    Raises KeyError when a row lacks a column of the first one, ValueError for a column whose default is Python's.
    """
    if not rows:
        return
    names = tuple(rows[0])
    statement = _statement(table, names, connection.dialect)
    columns = [
        values if convert is None else convert(values)
        for values, convert in zip(zip(*map(statement.values, rows), strict=True), statement.converts, strict=True)
    ]
    converted = list(zip(*columns, strict=True))
    if where_none:
        connection.exec_driver_sql(f"{statement.insert} ON CONFLICT DO NOTHING", converted)
    elif len(rows) < COPY_ROWS or connection.dialect.name != "postgresql":
        connection.exec_driver_sql(statement.insert, converted)
    else:
        _copy(connection, statement.copy, converted)


def _copy(connection: Connection, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
    dialect = connection.dialect
    driver_error = dialect.loaded_dbapi.Error
    try:
        with connection.connection.cursor() as cursor, cursor.copy(statement) as copy:  # type: ignore[attr-defined]
            for row in rows:
                copy.write_row(row)
    except driver_error as error:
        raise DBAPIError.instance(statement, None, error, driver_error, dialect=dialect) from error


@lru_cache(maxsize=256)
def _statement(table: Table, names: tuple[str, ...], dialect: Dialect) -> _Statement:
    forgotten = [column.name for column in table.columns if column.default is not None and column.name not in names]
    if forgotten:
        raise ValueError(f"{table.name}.{forgotten[0]} has a default that only Python knows: give it in every row.")
    preparer = dialect.identifier_preparer
    into = f"{preparer.format_table(table)} ({', '.join(preparer.format_column(table.c[name]) for name in names)})"
    marker = "?" if dialect.paramstyle == "qmark" else "%s"
    return _Statement(
        insert=f"INSERT INTO {into} VALUES ({', '.join(marker for _ in names)})",
        copy=f"COPY {into} FROM STDIN",
        # Of one name alone it would give the bare value.
        values=itemgetter(*names) if len(names) > 1 else lambda row: (row[names[0]],),
        converts=tuple(_convert(table.c[name], dialect) for name in names),
    )


def _convert(column: Column[Any], dialect: Dialect) -> _Convert | None:
    process = column.type.dialect_impl(dialect).bind_processor(dialect)
    if process is None:
        return None
    if not isinstance(column.type, Date | UtcDateTime):
        return lambda values: [process(value) for value in values]

    # Rows that are written together have the same few dates.
    def each_once(values: Sequence[Any]) -> Sequence[Any]:
        known = {value: process(value) for value in set(values)}
        return [known[value] for value in values]

    return each_once
