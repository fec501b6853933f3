"""Log lines: JSON on standard error, one a line: time, level, service, event, request id, trace id.

A program that does not configure this (`coopctl`, a test) says warnings alone, on standard error as well.

Lines of libraries (gunicorn, kafka, werkzeug, sqlalchemy, alembic) come out in the same shape, from level warning on,
with the library's name as `logger`.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
from collections.abc import MutableMapping
from datetime import UTC, datetime
from typing import Any

import structlog

from services.chassis import context
from services.chassis.log_levels import parse_log_level
from services.chassis.telemetry import faults
from services.chassis.telemetry.private import without_personal_data

CHATTERING = ("kafka.net.selector",)
"""Libraries' loggers whose warnings (each turn of a loop that took a tenth of a second) tell an operator nothing."""


def configure_logging(service: str, level: str = "info") -> None:
    """Sets up our own lines and those of libraries. Raises ValueError for a level that is none."""
    number = logging.getLevelNamesMapping()[parse_log_level(level).upper()]

    def finish(_logger: Any, _name: str, line: MutableMapping[str, Any]) -> str:
        return _rendered(service, dict(line))

    structlog.configure(
        processors=[structlog.processors.add_log_level, finish],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=_to_standard_error,
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    for handler in list(root.handlers):
        if isinstance(handler.formatter, _JsonLines):
            root.removeHandler(handler)
    ours = logging.StreamHandler(sys.stderr)
    ours.setFormatter(_JsonLines(service))
    root.addHandler(ours)
    root.setLevel(max(number, logging.WARNING))
    for name in CHATTERING:
        logging.getLogger(name).setLevel(logging.ERROR)


def say_only_warnings() -> None:
    """How it is until somebody configures it: for people, who asked for something else than our lines."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=_to_standard_error,
        cache_logger_on_first_use=False,
    )


def _to_standard_error(*_: Any) -> structlog.PrintLogger:
    return structlog.PrintLogger(sys.stderr)


def report_faults() -> None:
    """Whatever nobody caught, and Python's warnings, become log lines too; for processes, not for tests."""
    sys.excepthook = lambda _kind, error, _trace: logger().error("uncaught", exc_info=error)

    def in_thread(arguments: threading.ExceptHookArgs) -> None:
        name = arguments.thread.name if arguments.thread else ""
        logger().error("uncaught_in_thread", thread=name, exc_info=arguments.exc_value)

    threading.excepthook = in_thread
    logging.captureWarnings(True)


def logger() -> Any:
    return structlog.get_logger()


class _JsonLines(logging.Formatter):
    """A library's record as one of our lines."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        line = {"event": record.getMessage(), "level": record.levelname.lower(), "logger": record.name}
        if record.exc_info and record.exc_info[1] is not None:
            line["exception"] = faults.told(record.exc_info[1])
        return _rendered(self._service, line)


def _rendered(service: str, line: dict[str, Any]) -> str:
    error = line.pop("exc_info", None)
    if error is True:
        error = sys.exc_info()[1]
    if isinstance(error, BaseException):
        line["exception"] = faults.told(error)
    line = {key: without_personal_data(value) for key, value in line.items()}
    line["timestamp"] = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    line["service"] = service
    if context.request_id():
        line["request_id"] = context.request_id()
    if context.trace_id():
        line["trace_id"] = context.trace_id()
    return json.dumps(line, ensure_ascii=False, default=str)


say_only_warnings()
