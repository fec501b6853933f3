"""What the API reads: JSON and nothing else, and ranges of days."""

from __future__ import annotations

from datetime import date

from coop.common.v1 import types_pb2
from flask import Response, request

from services.chassis.errors import Invalid
from services.gateway.api import problems


def json_only() -> Response | None:
    """A body in another format is refused before anybody reads it."""
    if request.method in ("POST", "PUT", "PATCH") and request.content_length and not request.is_json:
        return problems.problem(415, "The API reads JSON: send Content-Type: application/json.")
    return None


def period_of(query: dict[str, date]) -> types_pb2.DatePeriod:
    """The range asked for. Raises Invalid when it holds no day."""
    if query["end"] <= query["start"]:
        raise Invalid(
            f"The range from {query['start']} to {query['end']} holds no day: its end is excluded.",
            "EMPTY_RANGE",
            field="end",
        )
    return types_pb2.DatePeriod(start=query["start"].isoformat(), end=query["end"].isoformat())
