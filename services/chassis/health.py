"""What probes are told, where calls are answered and, in plain text, at an address of its own from the first moment on."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from services.chassis.grpc.server import bind

#: Health names: "" is liveness, this one readiness.
READINESS = "readiness"


class Health:
    """Alive from the start; ready when it is said so."""

    def __init__(self) -> None:
        self._servicer = health.HealthServicer()
        self._server: grpc.Server | None = None
        self.ready = False
        self.port = 0
        self.say(ready=False)

    def add_to(self, server: grpc.Server) -> None:
        health_pb2_grpc.add_HealthServicer_to_server(self._servicer, server)

    def serve(self, address: str) -> None:
        """Answers at an address of its own, in plain text: probes have no certificate. Raises OSError when it is taken."""
        server = grpc.server(
            ThreadPoolExecutor(max_workers=2, thread_name_prefix="health"), options=[("grpc.so_reuseport", 0)]
        )
        self.add_to(server)
        self.port = bind(server, address)
        server.start()
        self._server = server

    def say(self, *, ready: bool) -> None:
        state = health_pb2.HealthCheckResponse
        self.ready = ready
        self._servicer.set("", state.SERVING)
        self._servicer.set(READINESS, state.SERVING if ready else state.NOT_SERVING)

    def stop(self) -> None:
        if self._server:
            self._server.stop(0.5).wait(1)
