"""`coop.common.v1.OperationsService`, which every service serves: dead letters, how far consumers are behind, how it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from coop.common.v1 import operations_service_pb2 as pb
from coop.common.v1 import operations_service_pb2_grpc as pb_grpc
from prometheus_client import Gauge
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from services.chassis import context, deadletters, migrations, outbox
from services.chassis.buildinfo import build
from services.chassis.db import Database, RequestKey, Transaction
from services.chassis.deadletters import DeadLetter
from services.chassis.errors import Invalid, Unavailable
from services.chassis.eventlog import EventLog, EventLogError
from services.chassis.grpc.server import ServicerSpec
from services.chassis.subscription import Subscription
from services.chassis.telemetry import CERTIFICATE_EXPIRY, DISK_FREE, DISK_SIZE
from services.chassis.watch import Watch

DEFAULT_PAGE = 50


def no_jobs(_: Connection) -> bool:
    """Of a service without workers."""
    return False


class OperationsServicer(pb_grpc.OperationsServiceServicer):
    def __init__(
        self,
        database: Database,
        event_log: EventLog,
        subscriptions: Sequence[Subscription],
        jobs_waiting: Callable[[Connection], bool],
        watch: Watch,
    ) -> None:
        self._database = database
        self._event_log = event_log
        self._subscriptions = subscriptions
        self._jobs_waiting = jobs_waiting
        self._watch = watch
        self._started_at = database.clock.now()

    def ListDeadLetters(self, request: pb.ListDeadLettersRequest, _: Any) -> pb.ListDeadLettersResponse:
        if request.page_size < 0:
            raise Invalid(f"page_size {request.page_size} must not be negative.", field="page_size")
        size = min(request.page_size or DEFAULT_PAGE, deadletters.MAX_PAGE)
        found = deadletters.list_letters(
            self._database, after=request.page_token, limit=size + 1, include_closed=request.include_closed
        )
        page = found[:size]
        return pb.ListDeadLettersResponse(
            dead_letters=[_message(letter) for letter in page],
            next_page_token=page[-1].id if len(found) > size else "",
        )

    def RetryDeadLetter(self, request: pb.RetryDeadLetterRequest, _: Any) -> pb.RetryDeadLetterResponse:
        def retry(transaction: Transaction, actor: str) -> None:
            deadletters.retry(transaction, self._subscriptions, request.id, closed_by=actor)

        return pb.RetryDeadLetterResponse(dead_letter=self._decide("RetryDeadLetter", request, retry))

    def DiscardDeadLetter(self, request: pb.DiscardDeadLetterRequest, _: Any) -> pb.DiscardDeadLetterResponse:
        def discard(transaction: Transaction, actor: str) -> None:
            deadletters.discard(transaction, request.id, why=request.why, closed_by=actor)

        return pb.DiscardDeadLetterResponse(dead_letter=self._decide("DiscardDeadLetter", request, discard))

    def _decide(self, method: str, request: Any, decision: Callable[[Transaction, str], None]) -> pb.DeadLetter:
        """Carry out a decision once per request id; the dead letter as it is then."""
        actor = context.caller().actor

        def once(transaction: Transaction) -> str:
            decision(transaction, actor)
            return str(request.id)

        with self._database.write() as transaction:
            letter_id = transaction.once(RequestKey.of(method, request), lambda: once(transaction))
            letter = deadletters.get(transaction.connection, letter_id)
        return _message(letter)

    def GetLag(self, request: pb.GetLagRequest, _: Any) -> pb.GetLagResponse:
        # An event may move from the outbox to the log, leave a row for a worker, or cause another in the outbox, between
        # two looks. Looking at the outbox before and after counts it in one place at least.
        before = outbox.pending(self._database)
        try:
            behind = self._behind(deferred=False)
            waiting = self._behind(deferred=True)
        except EventLogError as error:
            raise Unavailable(f"The event log does not say how far consumers are: {error}") from error
        with self._database.read() as connection:
            jobs = self._jobs_waiting(connection)
        after = outbox.pending(self._database)
        return pb.GetLagResponse(
            outbox_pending=max(before, after), records_behind=behind, records_deferred=waiting, jobs_waiting=jobs
        )

    def GetStatus(self, request: pb.GetStatusRequest, _: Any) -> pb.GetStatusResponse:
        readings, problems = self._watch.now()
        here = build()
        answer = pb.GetStatusResponse(
            service=self._database.service,
            version=here.version,
            commit=here.commit,
            figures=[
                pb.StatusFigure(
                    metric=reading.metric.name,
                    # The first label is the service, which the answer names.
                    labels=dict(zip(reading.metric.labels[1:], reading.labels, strict=True)),
                    value=reading.value,
                )
                for reading in readings
            ],
            problems=problems,
        )
        answer.started_at.FromDatetime(self._started_at)
        for gauge in (CERTIFICATE_EXPIRY, DISK_FREE, DISK_SIZE):
            answer.figures.extend(_of_this_process(gauge, self._database.service))
        try:
            schema = migrations.state(self._database, self._database.service)
        except SQLAlchemyError as error:
            answer.problems.append(f"The database does not tell its schema: {type(error).__name__}.")
        else:
            answer.schema_state, answer.schema_revision = schema.condition, schema.found
        return answer

    def _behind(self, *, deferred: bool) -> int:
        return sum(
            sum(self._event_log.lag(subscription.group, subscription.topics).values())
            for subscription in self._subscriptions
            if subscription.deferred is deferred
        )


def operations_servicer(
    database: Database,
    event_log: EventLog,
    subscriptions: Sequence[Subscription],
    jobs_waiting: Callable[[Connection], bool],
    watch: Watch,
) -> ServicerSpec:
    """The servicer as the chassis' server takes it."""
    return ServicerSpec(
        OperationsServicer(database, event_log, subscriptions, jobs_waiting, watch),
        pb_grpc.add_OperationsServiceServicer_to_server,
        pb.DESCRIPTOR.services_by_name["OperationsService"],
    )


def _of_this_process(gauge: Gauge, service: str) -> Iterator[pb.StatusFigure]:
    for family in gauge.collect():
        for sample in family.samples:
            if sample.labels.get("service", service) == service:
                labels = {name: label for name, label in sample.labels.items() if name != "service"}
                yield pb.StatusFigure(metric=sample.name, labels=labels, value=sample.value)


def _message(letter: DeadLetter) -> pb.DeadLetter:
    message = pb.DeadLetter(
        id=letter.id,
        consumer=letter.consumer,
        event_id=letter.event_id,
        event_type=letter.event_type,
        topic=letter.topic,
        partition=letter.partition,
        key=letter.key,
        reason=letter.reason,
        state=letter.state,
    )
    message.failed_at.FromDatetime(letter.failed_at)
    return message
