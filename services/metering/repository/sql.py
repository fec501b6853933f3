"""Small helpers that hide where the two databases differ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite

from services.chassis.db import Transaction

IN_LIMIT = 1_000
"""Values in one IN (...): far below the 32,766 parameters SQLite takes, large enough that few statements are sent."""

Item = TypeVar("Item")


def slices(items: Sequence[Item], size: int = IN_LIMIT) -> Iterator[Sequence[Item]]:
    """The items in groups of at most ``size``."""
    for begin in range(0, len(items), size):
        yield items[begin : begin + size]


def insert_missing(tx: Transaction, table: Table, rows: list[dict[str, Any]]) -> None:
    """Insert the rows whose key is not there yet; the others stay as they are."""
    dialect = sqlite if tx.connection.dialect.name == "sqlite" else postgresql
    if rows:
        tx.execute(dialect.insert(table).on_conflict_do_nothing(), rows)
