"""A service's process: ``python -m services.<name> serve|work|migrate|all``.

* ``serve`` answers gRPC calls.
* ``work`` appends the outbox to the event log, consumes events and runs background work.
* ``migrate`` brings the schema to head and makes the service's signing key, then ends.
* ``all`` is migrate, then serve and work in one process: one machine's way.

A service's ``app.py`` has ``build(kit: Kit[Settings]) -> Parts``; its ``__main__.py`` is ``main("billing", Settings, build)``.
On SIGTERM or SIGINT: readiness turns off, the server finishes the calls in hand, consumers finish the record in hand and
hand their partitions over, the outbox is emptied, then the process ends with exit code 0.
"""

import faulthandler
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from sqlalchemy import Connection, text

from services.chassis import migrations
from services.chassis.clock import Clock, SystemClock
from services.chassis.config import ServiceSettings, SettingsError, load
from services.chassis.consumer import ConsumerRunner, Subscription
from services.chassis.db import Database
from services.chassis.eventlog.factory import open_event_log
from services.chassis.grpc.client import Clients
from services.chassis.grpc.server import ServicerSpec, bind, build_server
from services.chassis.grpc.tokens import TokenSigner, TokenVerifier
from services.chassis.operations import no_jobs, operations_servicer
from services.chassis.outbox import OutboxRelay
from services.chassis.profile import Profile, load_profile
from services.chassis.telemetry import MetricsServer, configure_logging, logger

ROLES = ("serve", "work", "migrate", "all")
#: Health names: "" is liveness, this one readiness.
READINESS = "readiness"

SettingsT = TypeVar("SettingsT", bound=ServiceSettings)


@dataclass
class Kit(Generic[SettingsT]):
    """What the chassis gives a service to build itself from."""

    name: str
    settings: SettingsT
    profile: Profile
    database: Database
    clock: Clock
    signer: TokenSigner
    #: Stubs of other services, called with this service's own token.
    clients: Clients


@dataclass
class Parts:
    """What a service is made of."""

    servicers: list[ServicerSpec]
    subscriptions: list[Subscription] = field(default_factory=list)
    #: Run in a thread each, in the work role, until the event is set.
    background: list[Callable[[threading.Event], None]] = field(default_factory=list)
    #: Whether rows wait for those threads.
    jobs_waiting: Callable[[Connection], bool] = no_jobs
    #: Run by migrate, after the schema is at head.
    after_migrate: Callable[[], None] | None = None


class Process(Generic[SettingsT]):
    """One running service; also what integration tests start inside their own process."""

    def __init__(
        self,
        name: str,
        settings: SettingsT,
        build: Callable[[Kit[SettingsT]], Parts],
        *,
        clock: Clock | None = None,
    ) -> None:
        self.name = name
        self.settings = settings
        clock = clock or SystemClock()
        profile = load_profile(settings.profile_dir)
        (settings.data_dir / "data").mkdir(parents=True, exist_ok=True)
        signer = TokenSigner(settings.keys_dir, name, clock)
        clients = Clients(
            settings.addresses, lambda: {"authorization": f"Bearer {signer.service()}"}, tls_dir=settings.tls_dir
        )
        database = Database(settings.database_url(name), service=name, clock=clock)
        self.kit = Kit(name, settings, profile, database, clock, signer, clients)
        self.parts = build(self.kit)
        self._verifier = TokenVerifier(settings.keys_dir, clock)
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._server: grpc.Server | None = None
        self._metrics: MetricsServer | None = None
        self._health = health.HealthServicer()
        self._event_log: Any = None
        self._relay: OutboxRelay | None = None
        #: Set when a worker thread died of an unexpected error: the process then ends so that its keeper starts it anew.
        self.failed = threading.Event()
        self.port = 0

    def migrate(self) -> None:
        migrations.upgrade(self.kit.database, self.name)
        if self.parts.after_migrate:
            self.parts.after_migrate()

    def start(self, *, serve: bool = True, work: bool = True) -> None:
        if not migrations.at_head(self.kit.database, self.name):
            raise SettingsError(
                [f"The schema of {self.name} is not at head: run 'python -m services.{self.name} migrate' first."]
            )
        self._event_log = open_event_log(self.settings.event_log_url)
        if work:
            self._start_work()
        if serve:
            self._start_server()
        self._metrics = MetricsServer(self.settings.metrics_address)
        self._metrics.start()
        self._set_ready(True)
        logger().info("started", address=f"port {self.port}" if serve else "", work=work)

    def _start_work(self) -> None:
        database = self.kit.database
        relay = OutboxRelay(database, self._event_log, partitions=self.settings.event_partitions)
        self._relay = relay
        self._spawn("outbox", relay.run)
        for subscription in self.parts.subscriptions:
            for _ in range(subscription.readers):
                runner = ConsumerRunner(
                    database, self._event_log, subscription, partitions=self.settings.event_partitions
                )
                self._spawn(f"consumer-{subscription.group}", runner.run)
        for number, work in enumerate(self.parts.background):
            self._spawn(f"background-{number}", work)

    def _spawn(self, name: str, work: Callable[[threading.Event], None]) -> None:
        def guarded() -> None:
            try:
                work(self._stop)
            except Exception as error:
                logger().error("worker_died", worker=name, exc_info=error)
                self.failed.set()

        thread = threading.Thread(target=guarded, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _start_server(self) -> None:
        operations = operations_servicer(
            self.kit.database, self._event_log, self.parts.subscriptions, self.parts.jobs_waiting
        )
        server = build_server(
            self.name,
            [*self.parts.servicers, operations],
            self._verifier,
            workers=self.settings.grpc_workers,
            extra=lambda made: health_pb2_grpc.add_HealthServicer_to_server(self._health, made),
        )
        self.port = bind(server, self.settings.grpc_address, self.settings.tls_dir)
        server.start()
        self._server = server

    def _set_ready(self, ready: bool) -> None:
        state = health_pb2.HealthCheckResponse
        self._health.set("", state.SERVING)
        self._health.set(READINESS, state.SERVING if ready else state.NOT_SERVING)

    def check_database(self) -> None:
        """Turns readiness off while the database does not answer, and on again when it does."""
        try:
            with self.kit.database.read() as connection:
                connection.execute(text("SELECT 1"))
        except Exception as error:
            logger().warning("database_unreachable", kind=type(error).__name__)
            self._set_ready(False)
        else:
            self._set_ready(True)

    def stop(self) -> None:
        """Drains and closes everything; safe to call twice."""
        self._set_ready(False)
        grace = self.settings.drain_s
        if self._server:
            self._server.stop(grace).wait(grace + 1)
        self._stop.set()
        # The server of metrics takes half a second to notice: meanwhile the workers end.
        metrics = threading.Thread(target=self._metrics.stop, name="metrics-stop") if self._metrics else None
        if metrics:
            metrics.start()
        if self._event_log:
            self._event_log.hurry()
        if self._relay:
            self._relay.wake()
        deadline = time.monotonic() + grace
        for thread in self._threads:
            thread.join(max(0.1, deadline - time.monotonic()))
            if thread.is_alive():
                logger().warning("drain_incomplete", worker=thread.name)
        if metrics:
            metrics.join()
        self.kit.clients.close()
        if self._event_log:
            self._event_log.close()
        self.kit.database.close()
        logger().info("stopped")


def main(name: str, settings_type: type[SettingsT], build: Callable[[Kit[SettingsT]], Parts]) -> None:
    """The command line of a service; ends the process."""
    faulthandler.enable()
    arguments = sys.argv[1:]
    if len(arguments) != 1 or arguments[0] not in ROLES:
        sys.exit(f"Say what {name} shall do: python -m services.{name} {'|'.join(ROLES)}")
    role = arguments[0]
    try:
        settings = load(settings_type)
        configure_logging(name, settings.log_level)
        process = Process(name, settings, build)
        if role in ("migrate", "all"):
            process.migrate()
        if role == "migrate":
            return
        wanted = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: wanted.set())
        process.start(serve=role in ("serve", "all"), work=role in ("work", "all"))
    except (SettingsError, OSError, ValueError) as wrong:
        sys.exit(str(wrong))
    since_check = time.monotonic()
    while not wanted.wait(1.0) and not process.failed.is_set():
        if time.monotonic() - since_check > 10:
            process.check_database()
            since_check = time.monotonic()
    process.stop()
    sys.exit(1 if process.failed.is_set() else 0)
