"""Dates in the addresses of pages."""

from __future__ import annotations

from datetime import date

from flask import Flask
from werkzeug.routing import BaseConverter, ValidationError


class DayConverter(BaseConverter):
    """A civil date: 2026-10-14."""

    regex = r"\d{4}-\d{2}-\d{2}"

    def to_python(self, value: str) -> date:
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise ValidationError(f"{value} is not a date of the calendar") from None

    def to_url(self, value: date) -> str:
        return value.isoformat()


class MonthConverter(BaseConverter):
    """A month, as its first day: 2026-10."""

    regex = r"\d{4}-\d{2}"

    def to_python(self, value: str) -> date:
        try:
            return date.fromisoformat(f"{value}-01")
        except ValueError:
            raise ValidationError(f"{value} is not a month of the calendar") from None

    def to_url(self, value: date) -> str:
        return f"{value:%Y-%m}"


def register(app: Flask) -> None:
    """Give the routes these converters."""
    app.url_map.converters.update(day=DayConverter, month=MonthConverter)
