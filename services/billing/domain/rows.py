"""Reading typed values from rows of configuration: exact decimals and civil dates, never a binary fraction."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from services.chassis.errors import Invalid


def exact(value: Any, field: str, place: str) -> Decimal:
    """A decimal from text, an integer or a Decimal; Invalid for a binary fraction, which has already lost digits."""
    if isinstance(value, float):
        raise Invalid(f'{place}: {field} = {value} is a binary fraction; write it in quotes, "{value}".', field=field)
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise Invalid(f"{place}: {field} = {value!r} is not a number.", field=field)
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise Invalid(f"{place}: {field} = {value!r} is not a number.", field=field) from None
    if not number.is_finite():
        raise Invalid(f"{place}: {field} = {value!r} is not a finite number.", field=field)
    return number


def decimal(row: Mapping[str, Any], field: str, place: str) -> Decimal:
    return exact(_required(row, field, place), field, place)


def ratio(row: Mapping[str, Any], field: str, place: str) -> Decimal:
    """A percentage, 0 to 100, as the ratio that it is: 0.21 for 21."""
    percent = decimal(row, field, place)
    if not 0 <= percent <= 100:
        raise Invalid(f"{place}: {field} = {percent} is no percentage; give 0 to 100.", field=field)
    return percent / 100


def decimals(row: Mapping[str, Any], field: str, place: str) -> dict[str, Decimal]:
    values = _required(row, field, place)
    if not isinstance(values, Mapping) or not values:
        raise Invalid(f'{place}: {field} must be a table such as {{P1 = "0.196"}}.', field=field)
    return {str(key): exact(value, f"{field}.{key}", place) for key, value in values.items()}


def text(row: Mapping[str, Any], field: str, place: str) -> str:
    value = _required(row, field, place)
    if not isinstance(value, str) or not value.strip():
        raise Invalid(f"{place}: {field} = {value!r} must be a text.", field=field)
    return value.strip()


def civil_date(row: Mapping[str, Any], field: str, place: str) -> date:
    value = _required(row, field, place)
    if isinstance(value, str):
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise Invalid(f"{place}: {field} = {value!r} is not a date such as 2026-01-31.", field=field) from None
    if isinstance(value, datetime) or not isinstance(value, date):
        raise Invalid(f"{place}: {field} = {value!r} is not a date such as 2026-01-31.", field=field)
    return value


def optional_date(row: Mapping[str, Any], field: str, place: str) -> date | None:
    return civil_date(row, field, place) if row.get(field) not in (None, "") else None


def _required(row: Mapping[str, Any], field: str, place: str) -> Any:
    if field not in row:
        raise Invalid(f"{place}: {field} is missing.", field=field)
    return row[field]
