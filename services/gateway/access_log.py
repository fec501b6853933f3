"""One line per request and the figures of the metrics endpoint. The route is named, never the address with its ids or codes."""

from __future__ import annotations

import time

from flask import Flask, Response, g, request

from services.chassis import context
from services.chassis.telemetry import counter, histogram, logger

REQUESTS = counter("coop_http_requests_total", "HTTP requests answered", ["endpoint", "method", "status"])
REQUEST_SECONDS = histogram("coop_http_request_seconds", "Time to answer an HTTP request", ["endpoint"])
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


def register(app: Flask) -> None:
    """Count, time and log every request."""

    @app.before_request
    def begin() -> None:
        g.started = time.perf_counter()

    @app.after_request
    def finish(response: Response) -> Response:
        endpoint = request.endpoint or "none"
        seconds = time.perf_counter() - g.get("started", time.perf_counter())
        method = request.method if request.method in METHODS else "other"
        REQUESTS.labels(endpoint, method, str(response.status_code)).inc()
        REQUEST_SECONDS.labels(endpoint).observe(seconds)
        if "span" in g:
            g.span.note(http__response__status_code=response.status_code)
            g.span.end(failure=str(response.status_code) if response.status_code >= 500 else "")
        response.headers["X-Request-Id"] = context.request_id()
        if endpoint not in ("static", "health.alive", "health.ready"):
            logger().info(
                "request", endpoint=endpoint, method=method, status=response.status_code, ms=round(seconds * 1000, 1)
            )
        return response
