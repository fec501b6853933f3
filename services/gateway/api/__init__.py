"""The JSON API under /api/v1: bearer tokens in, JSON out, problem+json for every error."""

from __future__ import annotations

from typing import Any

from apiflask import APIFlask
from apiflask.exceptions import HTTPError
from flask import request

from services.gateway.api import consumption, explanation, invitations, people, problems, records, schemas
from services.gateway.web import errors

SPEC_PATH = "/api/v1/openapi.json"


def configure(app: APIFlask) -> None:
    """How the OpenAPI document is made."""
    app.config.update(
        AUTO_VALIDATION_ERROR_RESPONSE=False,
        AUTO_AUTH_ERROR_RESPONSE=False,
        AUTO_404_RESPONSE=False,
        AUTO_SERVERS=False,
        SYNC_LOCAL_SPEC=False,
        OPENAPI_VERSION="3.0.3",
        DESCRIPTION=schemas.__doc__,
    )
    app.spec_processor(_document_problems)
    app.error_processor(_problem)


def register(app: APIFlask) -> None:
    """Add the API to the application."""
    for part in (people, consumption, records, explanation, invitations):
        app.register_blueprint(part.blueprint)


def _problem(error: HTTPError) -> Any:
    return problems.of_validation(error) if request.path.startswith("/api") else errors.page(error.status_code)


def _document_problems(spec: Any) -> Any:
    """Every operation may answer a problem."""
    spec["components"]["schemas"]["Problem"] = problems.SCHEMA
    reference = {"$ref": "#/components/schemas/Problem"}
    answer = {"description": "What went wrong (RFC 9457).", "content": {problems.CONTENT_TYPE: {"schema": reference}}}
    for path in spec.get("paths", {}).values():
        for operation in path.values():
            if isinstance(operation, dict) and "responses" in operation:
                operation["responses"].setdefault("default", answer)
    return spec
