"""Refused events: set aside with the reason, the partition stopped or not, and the staff's two decisions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from coop.common.v1 import operations_service_pb2 as pb
from google.protobuf.wrappers_pb2 import Int64Value

from services.chassis import context, deadletters
from services.chassis.db import Database, Transaction
from services.chassis.deadletters import DeadLetter, list_letters
from services.chassis.errors import Conflict, Invalid, NotFound, Refused
from services.chassis.eventlog import EventLog, Record
from services.chassis.operations import OperationsServicer, no_jobs
from services.chassis.outbox import OutboxRelay
from services.chassis.subscription import Envelope, Subscription
from services.chassis.watch import Watch
from tests.integration.chassis.ledger import GROUP, TOPIC, consumer, effects, emit, note, running, subscription
from tests.support.service_under_test import eventually


class Choosy:
    """A handler that refuses the numbers in `refuses`."""

    def __init__(self, *refuses: int) -> None:
        self.refuses = set(refuses)

    def __call__(self, transaction: Transaction, message: Int64Value, envelope: Envelope) -> None:
        note(transaction, message, envelope)
        if message.value in self.refuses:
            raise Refused(f"Supply {message.value} has no contract.", "NO_CONTRACT")


@contextmanager
def as_staff() -> Iterator[None]:
    context.enter(context.Principal("staff", "ana"), "request", "")
    try:
        yield
    finally:
        context.enter(context.ANONYMOUS, "", "")


@pytest.fixture
def choosy() -> Choosy:
    return Choosy(2)


@pytest.fixture
def stopping(choosy: Choosy) -> Subscription:
    return subscription(choosy)


@pytest.fixture
def staff(database: Database, event_log: EventLog, stopping: Subscription) -> Iterator[OperationsServicer]:
    with as_staff():
        watch = Watch(database, event_log, [stopping], no_jobs)
        yield OperationsServicer(database, event_log, [stopping], no_jobs, watch)


def publish(database: Database, event_log: EventLog) -> None:
    while OutboxRelay(database, event_log).publish():
        pass


def behind(event_log: EventLog) -> int:
    return sum(event_log.lag(GROUP, [TOPIC]).values())


@pytest.fixture
def letter(database: Database, event_log: EventLog, stopping: Subscription) -> DeadLetter:
    """1, 2 and 3 of one key were published and 2 was refused, then the consumer ended."""
    emit(database, 1, 2, 3)
    publish(database, event_log)
    with running(consumer(database, event_log, stopping)):
        eventually(lambda: len(list_letters(database)) == 1)
    (found,) = list_letters(database)
    return found


def test_a_refused_event_is_kept_with_its_reason(database: Database, letter: DeadLetter) -> None:
    assert (letter.consumer, letter.topic, letter.key, letter.state) == (GROUP, TOPIC, "k", "open")
    assert letter.reason == "NO_CONTRACT: Supply 2 has no contract."
    assert letter.event_type == "google.protobuf.Int64Value"
    assert effects(database) == [1]


def test_its_partition_stays_stopped_after_a_restart_while_others_go_on(
    database: Database, event_log: EventLog, choosy: Choosy, stopping: Subscription, letter: DeadLetter
) -> None:
    choosy.refuses.clear()
    keys = [f"other-{n}" for n in range(12)]
    for key in keys:
        emit(database, 7, key=key)
    publish(database, event_log)
    elsewhere = {
        partition: count
        for partition, count in event_log.lag(GROUP, [TOPIC]).items()
        if partition.partition != letter.partition
    }
    assert sum(elsewhere.values()) > 0
    with running(consumer(database, event_log, stopping)):
        eventually(lambda: behind(event_log) == len(keys) + 2 - sum(elsewhere.values()))
    assert effects(database) == [1]
    assert sum(len(effects(database, key)) for key in keys) == sum(elsewhere.values())


def test_retrying_handles_the_event_and_lets_the_partition_go_on_in_order(
    database: Database,
    event_log: EventLog,
    choosy: Choosy,
    stopping: Subscription,
    letter: DeadLetter,
    staff: OperationsServicer,
) -> None:
    with running(consumer(database, event_log, stopping)):
        with pytest.raises(Refused, match="Supply 2 has no contract"):
            staff.RetryDeadLetter(pb.RetryDeadLetterRequest(id=letter.id, request_id="r1"), None)
        assert list_letters(database) == [letter]
        assert effects(database) == [1]
        choosy.refuses.clear()
        request = pb.RetryDeadLetterRequest(id=letter.id, request_id="r2")
        answer = staff.RetryDeadLetter(request, None).dead_letter
        assert (answer.id, answer.state) == (letter.id, "retried")
        assert staff.RetryDeadLetter(request, None).dead_letter == answer
        eventually(lambda: behind(event_log) == 0)
    assert effects(database) == [1, 2, 3]
    with pytest.raises(Refused, match="was retried by staff:ana"):
        staff.RetryDeadLetter(pb.RetryDeadLetterRequest(id=letter.id, request_id="r3"), None)


def test_discarding_gives_the_event_up_and_keeps_why(
    database: Database, event_log: EventLog, stopping: Subscription, letter: DeadLetter, staff: OperationsServicer
) -> None:
    def discard(why: str, request_id: str = "r1") -> pb.DeadLetter:
        return staff.DiscardDeadLetter(
            pb.DiscardDeadLetterRequest(id=letter.id, why=why, request_id=request_id), None
        ).dead_letter

    with running(consumer(database, event_log, stopping)):
        with pytest.raises(Invalid, match="Say why"):
            discard("  ")
        assert discard("entered twice by the office").state == "discarded"
        with pytest.raises(Conflict):
            discard("another reason, same request id")
        eventually(lambda: behind(event_log) == 0)
    assert effects(database) == [1, 3]
    assert list_letters(database) == []
    assert [found.state for found in list_letters(database, include_closed=True)] == ["discarded"]


def test_continuing_leaves_a_letter_and_goes_on(database: Database, event_log: EventLog, choosy: Choosy) -> None:
    emit(database, 1, 2, 3)
    publish(database, event_log)
    going_on = subscription(choosy, on_permanent_failure="continue")
    with running(consumer(database, event_log, going_on)):
        eventually(lambda: behind(event_log) == 0)
    assert effects(database) == [1, 3]
    (letter,) = list_letters(database)
    choosy.refuses.clear()
    with database.write() as transaction:
        deadletters.retry(transaction, [going_on], letter.id, closed_by="staff:ana")
    assert effects(database) == [1, 3, 2]


def test_bytes_that_are_not_the_message_become_a_dead_letter(database: Database, event_log: EventLog) -> None:
    event_log.append([Record(TOPIC, "k", b"\xff\xff\xff", {"ce_type": "google.protobuf.Int64Value"})])
    with running(consumer(database, event_log, subscription(on_permanent_failure="continue"))):
        eventually(lambda: behind(event_log) == 0)
    (letter,) = list_letters(database)
    assert "3 bytes of the event are not a google.protobuf.Int64Value" in letter.reason
    with pytest.raises(Invalid), database.write() as transaction:
        deadletters.retry(transaction, [subscription()], letter.id, closed_by="staff:ana")


def test_letters_are_listed_in_pages(
    database: Database, event_log: EventLog, staff: OperationsServicer, choosy: Choosy
) -> None:
    choosy.refuses = set(range(5))
    emit(database, *range(5))
    publish(database, event_log)
    with running(consumer(database, event_log, subscription(choosy, on_permanent_failure="continue"))):
        eventually(lambda: behind(event_log) == 0)
    reasons: list[str] = []
    token, pages = "", 0
    while pages == 0 or token:
        page = staff.ListDeadLetters(pb.ListDeadLettersRequest(page_size=2, page_token=token), None)
        reasons += [letter.reason for letter in page.dead_letters]
        token, pages = page.next_page_token, pages + 1
    assert pages == 3
    assert reasons == [f"NO_CONTRACT: Supply {n} has no contract." for n in range(5)]


def test_an_unknown_letter_and_a_handler_that_is_gone_say_so(
    database: Database, staff: OperationsServicer, letter: DeadLetter
) -> None:
    with pytest.raises(NotFound, match="no dead letter 'nobody'"):
        staff.RetryDeadLetter(pb.RetryDeadLetterRequest(id="nobody", request_id="r1"), None)
    with pytest.raises(Refused, match="Nothing in this service handles"), database.write() as transaction:
        deadletters.retry(transaction, [], letter.id, closed_by="staff:ana")


def test_lag_adds_outbox_and_log(
    database: Database, event_log: EventLog, staff: OperationsServicer, letter: DeadLetter
) -> None:
    emit(database, 8, 9)
    answer = staff.GetLag(pb.GetLagRequest(), None)
    assert (answer.outbox_pending, answer.records_behind) == (2, 2)
