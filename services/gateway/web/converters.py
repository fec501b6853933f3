"""Dates in the addresses of pages."""

from __future__ import annotations

from datetime import date

from flask import Flask
from werkzeug.routing import BaseConverter, ValidationError

YEARS = range(2000, 2100)
"""Years that addresses may name: there are no readings of others, and no days before and after the calendar's ends."""


class DayConverter(BaseConverter):
    """A civil date: 2026-10-14."""

    regex = r"\d{4}-\d{2}-\d{2}"

    def to_python(self, value: str) -> date:
        return _known(value)

    def to_url(self, value: date) -> str:
        return value.isoformat()


class MonthConverter(BaseConverter):
    """A month, as its first day: 2026-10."""

    regex = r"\d{4}-\d{2}"

    def to_python(self, value: str) -> date:
        return _known(f"{value}-01")

    def to_url(self, value: date) -> str:
        return f"{value:%Y-%m}"


def _known(text: str) -> date:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        raise ValidationError(f"{text} is not a date of the calendar") from None
    if found.year not in YEARS:
        raise ValidationError(f"{text} is not between {YEARS[0]} and {YEARS[-1]}")
    return found


def register(app: Flask) -> None:
    """Give the routes these converters."""
    app.url_map.converters.update(day=DayConverter, month=MonthConverter)
