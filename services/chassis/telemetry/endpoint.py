"""The HTTP address that shows the metrics."""

import socket
import sys
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from services.chassis import shared_metrics
from services.chassis.telemetry.logs import logger


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Mostly a scraper that did not wait for its answer."""
        logger().info("scrape_broke_off", kind=type(sys.exception()).__name__)


class _SharedServer(_Server):
    """Several processes listen at one address, and the system gives each scrape to one of them."""

    allow_reuse_port = True


class MetricsServer:
    """``GET /metrics`` on its own address, away from the public door.

    With a folder of `shared_metrics`, the sums of all the processes that count there, whichever of them is asked.
    """

    def __init__(self, address: str, shared: Path | None = None) -> None:
        host, _, port = address.rpartition(":")

        def figures() -> bytes:
            return shared_metrics.text(shared) if shared else generate_latest()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                found = self.path == "/metrics"
                body = figures() if found else b"Only /metrics is here.\n"
                self.send_response(200 if found else 404)
                self.send_header("Content-Type", CONTENT_TYPE_LATEST if found else "text/plain; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                """Scrapes are not worth a line."""

        self._server = (_SharedServer if shared else _Server)((host, int(port)), Handler)
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        ending = threading.Thread(target=self._server.shutdown, name="metrics-end")
        ending.start()
        # The server looks whether it shall end twice a second, and whenever somebody comes: a caller spares the wait.
        with suppress(OSError):
            host, port = self._server.server_address[:2]
            socket.create_connection((str(host), port), timeout=1).close()
        ending.join()
        self._server.server_close()
