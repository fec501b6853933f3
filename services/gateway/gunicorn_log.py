"""gunicorn's own lines, written as ours."""

from __future__ import annotations

import logging
from typing import Any

from gunicorn.glogging import Logger


class JsonLog(Logger):
    """Hands gunicorn's lines to the root logger, which `configure_logging` has set up, in place of handlers of its own."""

    def setup(self, cfg: Any) -> None:
        self.cfg = cfg
        self.error_log.handlers.clear()
        self.error_log.propagate = True
        self.error_log.setLevel(logging.WARNING)
        self.error_log.filters = [_without_address]
        self.access_log.disabled = True

    def access(self, resp: Any, req: Any, environ: Any, request_time: Any) -> None:
        """Requests have a line of their own (`access_log`), which names the route and not the address."""

    def reopen_files(self) -> None:
        """There is none to reopen."""


def _without_address(record: logging.LogRecord) -> bool:
    """An address may carry the token of a mail or a code: the line does without it."""
    if str(record.msg).startswith("Error handling request"):
        record.msg, record.args = "Error handling a request", ()
    return True
