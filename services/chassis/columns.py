"""Column types that keep exact values exact on both databases.

SQLite's NUMERIC is a binary float; amounts and prices are therefore stored as scaled integers everywhere.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from sqlalchemy import BigInteger, DateTime, Integer, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

#: Auto-incrementing 64-bit key: SQLite increments only a column whose type is spelt INTEGER.
BigKey = BigInteger().with_variant(Integer, "sqlite")


class ScaledDecimal(TypeDecorator[Decimal]):
    """A Decimal with at most ``scale`` digits after the point, stored as an integer of that unit."""

    impl = BigInteger
    cache_ok = True

    def __init__(self, scale: int) -> None:
        super().__init__()
        self.scale = scale

    def bind_processor(self, dialect: Dialect) -> Callable[[Decimal | None], int | None]:
        """The library's own goes through three calls for each value, and invoices have most of theirs in such columns."""
        scale = self.scale

        def scaled(value: Decimal | None) -> int | None:
            return None if value is None else _scaled(value, scale)

        return scaled

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> int | None:
        return None if value is None else _scaled(value, self.scale)

    def process_result_value(self, value: int | None, dialect: Dialect) -> Decimal | None:
        return None if value is None else Decimal(value).scaleb(-self.scale)


def _scaled(value: Decimal, scale: int) -> int:
    scaled = Decimal(value).scaleb(scale)
    whole = int(scaled)
    if whole != scaled:
        raise ValueError(f"{value} has more than {scale} digits after the point: round it before storing")
    return whole


#: Money: two digits after the point.
Amount = ScaledDecimal(2)
#: Prices, rates and quantities of energy in kWh: eight digits after the point.
Price = ScaledDecimal(8)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware instant; refuses a naive one, gives UTC back on both databases."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone: store aware instants only")
        at = value.astimezone(UTC)
        return at.replace(tzinfo=None) if dialect.name == "sqlite" else at

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


#: A value that holds itself is nothing we store; looking for one costs a tenth of the encoding.
_ENCODE = json.JSONEncoder(check_circular=False, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode


@lru_cache(maxsize=1024)
def _names(value: tuple[str, ...]) -> str:
    """A short list of names, of which there are few and which many rows have: the taxes of an invoice's line."""
    return _ENCODE(value)


class Json(TypeDecorator[Any]):
    """A JSON value as text with sorted keys, the same bytes on both databases."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        if type(value) is tuple and all(type(each) is str for each in value):
            return _names(value)
        return None if value is None else _ENCODE(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else json.loads(value)
