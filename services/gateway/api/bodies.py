"""What the API reads: JSON and nothing else."""

from __future__ import annotations

from flask import Response, request

from services.gateway.api import problems


def json_only() -> Response | None:
    """A body in another format is refused before anybody reads it."""
    if request.method in ("POST", "PUT", "PATCH") and request.content_length and not request.is_json:
        return problems.problem(415, "The API reads JSON: send Content-Type: application/json.")
    return None
