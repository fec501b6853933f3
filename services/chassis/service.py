"""A service's process, put together from what its ``app.py`` gives: server, consumers, background work, health.

A service's ``app.py`` has ``build(kit: Kit[Settings]) -> Parts``; ``services.chassis.command`` starts the process in the
role that the command line says.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import grpc
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from services.chassis import migrations, retention
from services.chassis.announcing import Announced, announcing_servicer
from services.chassis.clock import Clock, SystemClock
from services.chassis.config import ServiceSettings
from services.chassis.consumer import ConsumerRunner, Subscription
from services.chassis.db import Database
from services.chassis.eventlog import EventLog, EventLogError, layout
from services.chassis.eventlog.factory import open_event_log
from services.chassis.grpc.client import Clients
from services.chassis.grpc.server import ServicerSpec, bind, build_server
from services.chassis.grpc.tokens import TokenSigner, TokenVerifier
from services.chassis.health import READINESS, Health
from services.chassis.operations import no_jobs, operations_servicer
from services.chassis.outbox import OutboxRelay
from services.chassis.profile import Profile, load_profile
from services.chassis.retention import Kept
from services.chassis.retention_api import retention_servicer
from services.chassis.schema_history import History
from services.chassis.telemetry import (
    MetricsServer,
    logger,
    observe_disk,
    observe_pool,
    observe_readiness,
    say_build,
)
from services.chassis.waiting import NotYet, Teller, until_there
from services.chassis.watch import Watch, Watched
from services.chassis.workers import Workers, first_line

__all__ = ["READINESS", "Kit", "Parts", "Process"]

#: How often a running process looks whether it has what it needs.
LOOK_EVERY_S = 5.0

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
    #: What the service looks up about itself for those who watch it.
    watched: list[Watched] = field(default_factory=list)
    #: What the service keeps, how long and why.
    kept: list[Kept] = field(default_factory=list)
    #: States of its own that others keep copies of, where its topics do not keep them for ever.
    announced: list[Announced] = field(default_factory=list)
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
        database = Database(settings.database_url(name), service=name, clock=clock, url_now=settings.database_url_now)
        self.kit = Kit(name, settings, profile, database, clock, signer, clients)
        self.parts = build(self.kit)
        kept = [*retention.of_the_chassis(database, self._opened_event_log, name), *self.parts.kept]
        self._kept = retention.as_the_profile_says(kept, profile.section("retention"), name)
        self._verifier = TokenVerifier(settings.keys_dir, clock)
        self._history = History(name)
        self._stop = threading.Event()
        self._server: grpc.Server | None = None
        self._metrics: MetricsServer | None = None
        self.health = Health()
        self._event_log: EventLog | None = None
        self._relay: OutboxRelay | None = None
        #: Whether anything was begun that has to be drained, and whether all of it was.
        self.started = False
        self.up = threading.Event()
        self._works = False
        self._draining = False
        #: Set when a worker thread died of an unexpected error: the process then ends so that its keeper starts it anew.
        self.failed = threading.Event()
        self._workers = Workers(self._stop, self.failed)
        self.port = 0

    def open_doors(self) -> None:
        """Health at its own address and metrics, before anything else is there. Raises OSError when one is taken."""
        if self._metrics:
            return
        if self.settings.health_address:
            self.health.serve(self.settings.health_address)
        say_build(self.name)
        observe_readiness(self.name, lambda: self.health.ready)
        observe_pool(self.name, self.kit.database.engine)
        observe_disk(self.name, self.settings.data_dir)
        self._metrics = MetricsServer(self.settings.metrics_address)
        self._metrics.start()

    def migrate(self) -> None:
        settings = self.settings
        patience = migrations.Patience(
            lock_s=settings.migrate_lock_s, statement_s=settings.migrate_statement_s, tries=settings.migrate_tries
        )
        migrations.upgrade(self.kit.database, self.name, patience)
        if self.parts.after_migrate:
            self.parts.after_migrate()

    def check_database(self) -> None:
        """Raises NotYet while the database does not answer."""
        try:
            with self.kit.database.read() as connection:
                connection.execute(text("SELECT 1"))
        except SQLAlchemyError as error:
            raise self._no_database(error) from error

    def _no_database(self, error: SQLAlchemyError) -> NotYet:
        return NotYet(f"The database {_place(self.kit.database)} does not answer: {first_line(error)}")

    def check_schema(self) -> None:
        """Raises NotYet while the schema is not one that this code can serve."""
        found = migrations.state(self.kit.database, self.name, self._history)
        if not found.served:
            raise NotYet(found.sentence, refused=found.condition == "refused")

    def check_event_log(self) -> None:
        """Raises NotYet while the event log does not answer."""
        try:
            self._opened_event_log().check()
        except (EventLogError, OSError) as error:
            raise NotYet(f"The event log does not answer: {error}") from error

    def check_topics(self) -> None:
        """Raises NotYet while topics on Kafka are missing that somebody else makes, or are narrower than asked for."""
        if not self.settings.event_log_url.startswith("kafka:"):
            return
        names = layout.topics_of(self.name, {name for one in self.parts.subscriptions for name in one.topics})
        try:
            wrong = layout.problem(
                self._opened_event_log(),
                names,
                partitions=self.settings.event_partitions,
                managed=self.settings.topics == "managed",
            )
        except EventLogError as error:
            raise NotYet(f"The event log does not answer: {error}") from error
        if wrong:
            raise NotYet(wrong)

    def check(self, *, work: bool) -> None:
        """Raises NotYet, naming the first thing that is missing for the role.

        Answering calls takes the database alone: while the event log is away, events wait in the outbox.
        """
        self.check_database()
        try:
            self.check_schema()
        except SQLAlchemyError as error:  # it went between the two looks
            raise self._no_database(error) from error
        if work:
            self.check_event_log()
            self.check_topics()

    def start(self, *, serve: bool = True, work: bool = True) -> None:
        """Begins to answer and to work. Raises NotYet when the schema is not served by this code."""
        self.check_schema()
        self.started, self._works = True, work
        self.open_doors()
        self._opened_event_log()
        if work:
            self._start_work()
        if serve:
            self._start_server()
        self.health.say(ready=True)
        self.up.set()
        logger().info("started", address=f"port {self.port}" if serve else "", work=work)

    def _opened_event_log(self) -> EventLog:
        if self._event_log is None:
            managed = self.settings.topics == "managed"
            url_now = self.settings.event_log_url_now if "event_log" in self.settings.files else None
            self._event_log = open_event_log(self.settings.event_log_url, managed=managed, url_now=url_now)
        return self._event_log

    def _start_work(self) -> None:
        database, event_log = self.kit.database, self._opened_event_log()
        partitions = self.settings.event_partitions
        self._relay = OutboxRelay(database, event_log, partitions=partitions)
        self._workers.begin("outbox", self._relay.run)
        for subscription in self.parts.subscriptions:
            for _ in range(subscription.readers):
                runner = ConsumerRunner(database, event_log, subscription, partitions=partitions)
                self._workers.begin(f"consumer-{subscription.group}", runner.run)
        self._workers.begin("watch", self._new_watch().run)
        for number, work in enumerate(self.parts.background):
            self._workers.begin(f"background-{number}", work)

    def _new_watch(self) -> Watch:
        parts = self.parts
        return Watch(
            self.kit.database, self._opened_event_log(), parts.subscriptions, parts.jobs_waiting, parts.watched
        )

    def _start_server(self) -> None:
        operations = operations_servicer(
            self.kit.database,
            self._opened_event_log(),
            self.parts.subscriptions,
            self.parts.jobs_waiting,
            self._new_watch(),
        )
        of_all = (
            operations,
            retention_servicer(self._kept, self.kit.clock),
            announcing_servicer(self.kit.database, self.parts.announced),
        )
        server = build_server(
            self.name,
            [*self.parts.servicers, *of_all],
            self._verifier,
            workers=self.settings.grpc_workers,
            extra=self.health.add_to,
        )
        self.port = bind(server, self.settings.grpc_address, self.settings.tls_dir)
        server.start()
        self._server = server

    def run(self, stop: threading.Event, *, serve: bool, work: bool) -> None:
        """Waits for what the role needs, starts, and keeps readiness true to what is there, until ``stop`` is set."""
        if not until_there(lambda: self.check(work=work), stop):
            return
        self.start(serve=serve, work=work)
        self.keep_readiness(stop)

    def keep_readiness(self, stop: threading.Event) -> None:
        """Turns readiness off while something is missing, and on again when it is back."""
        teller = Teller()
        while not stop.wait(LOOK_EVERY_S):
            self.look(teller)

    def look(self, teller: Teller) -> None:
        """One look."""
        try:
            self.check(work=self._works)
        except NotYet as problem:
            teller.missing(problem)
            self.health.say(ready=False)
        except Exception as error:
            # Whatever it is, who looks after the process has to see it, and the calls in hand have to go on.
            logger().error("look_failed", exc_info=error)
            self.health.say(ready=False)
        else:
            teller.there()
            self.health.say(ready=not self._draining)

    def stop(self) -> None:
        """Drains and closes everything; safe to call twice."""
        self._draining = True
        self.health.say(ready=False)
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
        self._workers.end(time.monotonic() + grace)
        if metrics:
            metrics.join()
        self.kit.clients.close()
        if self._event_log:
            self._event_log.close()
        self.kit.database.close()
        self.health.stop()
        logger().info("stopped")


def _place(database: Database) -> str:
    """Where a database is, without user and password."""
    url = database.url
    if database.is_sqlite:
        return str(url.database)
    return f"{url.database} at {url.host or 'the local socket'}:{url.port or 5432}"
