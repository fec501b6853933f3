"""Errors of the API as `application/problem+json` (RFC 9457)."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

from apiflask.exceptions import HTTPError
from flask import Response, request
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as BaseResponse

from services.chassis import context
from services.chassis.errors import CoopError, Throttled
from services.chassis.telemetry import logger
from services.gateway.statuses import status_of

CONTENT_TYPE = "application/problem+json"
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "reason": {"type": "string", "description": "What programs match on: UPPER_SNAKE."},
        "request_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {"type": "object", "properties": {"field": {"type": "string"}, "detail": {"type": "string"}}},
        },
    },
}
"""A problem document, as the OpenAPI document describes it."""


def problem(status: int, detail: str, *, reason: str = "", errors: list[dict[str, str]] | None = None) -> Response:
    """A problem document. `type` is about:blank: the status says the kind, `reason` is what programs match on."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    if reason:
        body["reason"] = reason
    if errors:
        body["errors"] = errors
    if context.request_id():
        body["request_id"] = context.request_id()
    return Response(json.dumps(body, ensure_ascii=False), status=status, content_type=CONTENT_TYPE)


def of_service(error: CoopError) -> Response:
    """A service's error: its sentence and reason are made for callers; a fault of ours says only that it is one."""
    status = status_of(error)
    if status == 500:
        logger().error("service_failed", code=error.code, reason=error.reason, endpoint=request.endpoint)
        return problem(500, "Something failed on our side.", reason="INTERNAL")
    errors = [{"field": found.field, "detail": found.description} for found in error.violations]
    response = problem(status, error.message, reason=error.reason, errors=errors)
    if isinstance(error, Throttled):
        response.headers["Retry-After"] = str(error.retry_after_s)
    if status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="acometida"'
    return response


def of_http(error: HTTPException) -> BaseResponse:
    """An HTTP error such as 404, 405 or 415, with its headers."""
    if error.code is None or error.code < 400:
        return error.get_response(request.environ)
    response = problem(error.code, error.description or HTTPStatus(error.code).phrase)
    for name, value in error.get_headers():
        if name.lower() not in ("content-type", "content-length"):
            response.headers[name] = value
    return response


def of_validation(error: HTTPError) -> Response:
    """What APIFlask found wrong in a request, or an `abort` of its own."""
    errors = [
        {"field": field, "detail": sentence}
        for place in (error.detail or {}).values()
        if isinstance(place, dict)
        for field, sentences in place.items()
        for sentence in (sentences if isinstance(sentences, list) else [str(sentences)])
    ]
    response = problem(error.status_code, error.message or HTTPStatus(error.status_code).phrase, errors=errors)
    response.headers.update(error.headers or {})
    return response


def of_fault(error: Exception) -> Response:
    """An exception nobody expected: all of it to the log, none of it to the caller."""
    logger().error("api_failed", endpoint=request.endpoint, exc_info=error)
    return problem(500, "Something failed on our side.", reason="INTERNAL")
