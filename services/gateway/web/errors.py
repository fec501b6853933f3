"""Errors as pages in the look of the portal. What went wrong inside stays in the log."""

from __future__ import annotations

from typing import Any

from flask import Flask, Response, make_response, redirect, render_template, request
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as BaseResponse

from services.chassis import context
from services.chassis.errors import CoopError, Throttled, Unauthenticated
from services.chassis.telemetry import logger
from services.gateway import kept, session
from services.gateway.api import problems
from services.gateway.statuses import status_of
from services.gateway.web.sentences import sentence


def page(status: int, detail: str = "") -> Response:
    """The error page of a status."""
    titles = {
        400: _("We did not understand that"),
        403: _("You may not see this page"),
        404: _("This page does not exist"),
        405: _("That cannot be done here"),
        409: _("That cannot be done now"),
        413: _("That is too large"),
        429: _("Too many attempts"),
        500: _("Something failed on our side"),
        503: _("The office does not answer right now"),
    }
    texts = {
        400: _("Go back, check what you wrote and try again."),
        403: _("Your account has no right to it. If you think it should, write to the office."),
        404: _("The address may be mistyped, or the page belongs to a supply that is not among yours."),
        405: _("Go back to the page before and use its buttons."),
        429: _("There have been too many attempts. Wait a few minutes and try again."),
        500: _("It is not your fault. We have a note of it; try again in a few minutes."),
        503: _("Nothing was lost. Try again in a few minutes."),
    }
    shown = status if status in titles else 500 if status >= 500 else 400
    body = render_template(
        "pages/error.html",
        status=shown,
        heading=titles[shown],
        text=detail or texts.get(shown, texts[400]),
        reference=context.request_id() if shown == 500 else "",
    )
    return make_response(body, status)


def of_service(error: CoopError) -> Response | BaseResponse:
    """A service's error as a page."""
    if isinstance(error, Unauthenticated) and error.reason != "FORM":
        return session.to_sign_in()
    status = status_of(error)
    if status == 500:
        logger().error("service_failed", code=error.code, reason=error.reason, path=request.endpoint)
    told = _how_long(error.retry_after_s) if isinstance(error, Throttled) else ""
    response = page(status, sentence(error) if status in (409, 422) else told)
    if isinstance(error, Throttled):
        response.headers["Retry-After"] = str(error.retry_after_s)
    elif status == 503:
        response.headers["Retry-After"] = "30"
    return response


def _how_long(seconds: int) -> str:
    """When another attempt is taken, rounded up to minutes, of a long time to hours."""
    minutes = -(-seconds // 60)
    if minutes > 90:
        hours = -(-minutes // 60)
        wait = ngettext("Try again in %(num)d hour.", "Try again in %(num)d hours.", hours)
    else:
        wait = ngettext("Try again in %(num)d minute.", "Try again in %(num)d minutes.", max(minutes, 1))
    return _("There have been too many attempts.") + " " + wait


def of_http(error: HTTPException) -> Any:
    """An HTTP error as a page, keeping headers such as Allow."""
    if error.code is None or error.code < 400:
        return error
    detail = ""
    if isinstance(error, CSRFError):
        if request.headers.get("Sec-Fetch-Site") == "same-origin" and kept.keep():
            return redirect(kept.here(), 303)  # our own form, with a token of another session
        detail = _("The form was open for too long or came from another page. Open it again and send it once more.")
    response = page(error.code, detail)
    for name, value in error.get_headers():
        if name.lower() not in ("content-type", "content-length"):
            response.headers[name] = value
    return response


def of_fault(error: Exception) -> Response:
    """An exception nobody expected: all of it to the log, none of it to the reader."""
    logger().error("page_failed", endpoint=request.endpoint, exc_info=error)
    return page(500)


def register(app: Flask) -> None:
    """Answer errors of pages; those under /api are answered by the API."""

    def pick(page_answer: Any, api_answer: Any) -> Any:
        return lambda error: (api_answer if request.path.startswith("/api") else page_answer)(error)

    app.register_error_handler(CoopError, pick(of_service, problems.of_service))
    app.register_error_handler(HTTPException, pick(of_http, problems.of_http))
    app.register_error_handler(Exception, pick(of_fault, problems.of_fault))
