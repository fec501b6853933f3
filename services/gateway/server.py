"""gunicorn, started from our own settings: threads that answer, workers made before anything is connected.

The application is built in each worker after the fork (no preload): gRPC channels and their threads do not survive a
fork. Draining: on SIGTERM the master stops listening and the workers finish what they have in hand.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gunicorn.app.base import BaseApplication

from services.chassis import shared_metrics, tracing
from services.chassis.buildinfo import build
from services.chassis.telemetry import MetricsServer, configure_logging, logger, report_faults, say_build
from services.gateway.gunicorn_log import JsonLog
from services.gateway.settings import Settings

WORKER_SILENCE_S = 60
"""A worker that gives no sign of life for so long is replaced."""


class GatewayServer(BaseApplication):
    """The WSGI server of the portal and the API; `figures` is the folder in which its workers share what they count."""

    def __init__(self, settings: Settings, figures: Path | None = None) -> None:
        self._settings = settings
        self._figures = figures
        super().__init__()

    def load_config(self) -> None:
        settings = self._settings
        for name, value in {
            "bind": settings.http_address,
            "workers": max(settings.web_workers, 1),
            "worker_class": "gthread",
            "threads": max(settings.web_threads, 1),
            "preload_app": False,
            "timeout": WORKER_SILENCE_S,
            "graceful_timeout": max(1, int(settings.drain_s)),
            "keepalive": 5,
            "max_requests": 0,
            "accesslog": None,
            "logger_class": JsonLog,
            "proc_name": "acometida-gateway",
            "forwarded_allow_ips": "*" if settings.trusted_proxies else "127.0.0.1",
            "control_socket_disable": True,
            "limit_request_line": 4094,
            "post_fork": self._after_fork,
            "worker_exit": self._worker_exit,
            "child_exit": self._child_exit,
            "on_exit": self._on_exit,
        }.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """The application; called by gunicorn inside a worker."""
        from services.gateway.app import create_app

        self._app = create_app(self._settings)
        return self._app

    def _after_fork(self, server: Any, worker: Any) -> None:
        configure_logging("gateway", self._settings.log_level)
        report_faults()
        tracing.configure("gateway", self._settings.traces, build().version)
        say_build("gateway")
        address = self._settings.metrics_address
        try:
            metrics = MetricsServer(address, self._figures)
        except OSError as taken:
            logger().warning("metrics_not_served", address=address, why=str(taken))
        else:
            metrics.start()
        logger().info("worker_started", pid=worker.pid)

    def _worker_exit(self, _server: Any, worker: Any) -> None:
        app = getattr(self, "_app", None)
        if app is not None:
            app.extensions["coop.draining"].set()
            app.extensions["coop.upstream"].close()
        tracing.shutdown()
        logger().info("worker_stopped", pid=worker.pid)

    def _child_exit(self, _server: Any, worker: Any) -> None:
        """In the first process, of whichever way a worker ended."""
        if self._figures:
            shared_metrics.ended(self._figures, worker.pid)

    def _on_exit(self, _server: Any) -> None:
        if self._figures:
            shared_metrics.end(self._figures)
