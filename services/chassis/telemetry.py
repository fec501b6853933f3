"""Structured logs, metrics and their endpoint. Log lines carry ids of things, never names, documents, addresses or amounts."""

import logging
import sys
import threading
from collections.abc import MutableMapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, Counter, Gauge, Histogram, generate_latest

from services.chassis import context

CALLS = Counter("coop_grpc_calls_total", "gRPC calls answered", ["service", "method", "code"])
CALL_SECONDS = Histogram("coop_grpc_call_seconds", "Time to answer a gRPC call", ["service", "method"])
EVENTS_HANDLED = Counter("coop_events_handled_total", "Events handled", ["consumer", "type", "outcome"])
EVENT_SECONDS = Histogram("coop_event_delay_seconds", "From the event's time to its handling", ["consumer"])
OUTBOX_PUBLISHED = Counter("coop_outbox_published_total", "Outbox rows appended to the event log", ["service"])
OUTBOX_PENDING = Gauge("coop_outbox_pending", "Outbox rows not yet appended", ["service"])
CONSUMER_LAG = Gauge("coop_consumer_lag", "Records not yet committed", ["consumer"])
DEAD_LETTERS = Gauge("coop_dead_letters_open", "Open dead letters", ["service"])


def configure_logging(service: str, level: str = "info") -> None:
    """JSON lines on standard error: time, level, service, event, request id, trace."""

    def add_context(_logger: Any, _name: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        line["service"] = service
        if context.request_id():
            line["request_id"] = context.request_id()
        return line

    number = logging.getLevelNamesMapping().get(level.upper())
    if number is None:
        raise ValueError(f"log level {level!r} is unknown: use debug, info, warning or error")
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            add_context,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(
        level=logging.WARNING, stream=sys.stderr, format='{"level":"%(levelname)s","event":%(message)r}'
    )


def logger() -> Any:
    return structlog.get_logger()


class MetricsServer:
    """``GET /metrics`` on its own address, away from the public door."""

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                found = self.path == "/metrics"
                body = generate_latest() if found else b"Only /metrics is here.\n"
                self.send_response(200 if found else 404)
                self.send_header("Content-Type", CONTENT_TYPE_LATEST if found else "text/plain; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                """Scrapes are not worth a line."""

        self._server = ThreadingHTTPServer((host, int(port)), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
