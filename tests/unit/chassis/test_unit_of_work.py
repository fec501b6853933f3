"""One transaction: rows, events and the answer to a repeated request, all or nothing."""

import threading

import pytest
from coop.billing.v1 import billing_service_pb2 as pb
from coop.metering.events.v1 import events_pb2
from sqlalchemy import func, select

from services.chassis.db import TABLES, Database, RequestKey, chassis_tables, new_metadata
from services.chassis.errors import Conflict, Invalid


@pytest.fixture
def database(database_url: str) -> Database:
    metadata = new_metadata()
    chassis_tables(metadata)
    made = Database(database_url, service="test")
    with made.write() as tx:
        metadata.create_all(tx.connection)
    return made


def events(database: Database) -> int:
    with database.read() as connection:
        return int(connection.scalar(select(func.count()).select_from(TABLES.outbox_event)) or 0)


def test_an_event_lives_and_dies_with_its_transaction(database: Database) -> None:
    woken: list[bool] = []
    database.on_outbox_commit.append(lambda: woken.append(True))
    with pytest.raises(RuntimeError), database.write() as tx:
        tx.emit("coop.metering.curve.v1", "s", events_pb2.CurveReady(supply_id="s"))
        raise RuntimeError
    assert events(database) == 0 and not woken
    with database.write() as tx:
        tx.emit("coop.metering.curve.v1", "s", events_pb2.CurveReady(supply_id="s"))
    assert events(database) == 1 and woken == [True]


def test_the_same_request_has_one_effect_and_one_answer(database: Database) -> None:
    request = pb.RequestCertificateRequest(supply_id="s", request_id="r-1")
    ran: list[int] = []

    def act() -> str:
        ran.append(1)
        return f"certificate-{len(ran)}"

    answers = []
    for _ in range(3):
        with database.write() as tx:
            answers.append(tx.once(RequestKey.of("RequestCertificate", request), act))
    assert answers == ["certificate-1"] * 3 and len(ran) == 1


def test_one_request_id_is_for_one_request(database: Database) -> None:
    first = RequestKey.of("M", pb.RequestCertificateRequest(supply_id="s", request_id="r-1"))
    other = RequestKey.of("M", pb.RequestCertificateRequest(supply_id="t", request_id="r-1"))
    with database.write() as tx:
        tx.once(first, lambda: "done")
    with pytest.raises(Conflict, match="r-1"), database.write() as tx:
        tx.once(other, lambda: "again")


def test_a_command_without_a_request_id_is_refused() -> None:
    with pytest.raises(Invalid, match="request_id"):
        RequestKey.of("M", pb.RequestCertificateRequest(supply_id="s"))


def test_racing_repetitions_have_one_effect(database: Database) -> None:
    key = RequestKey.of("M", pb.RequestCertificateRequest(supply_id="s", request_id="r-2"))
    effects: list[int] = []
    answers: list[str] = []

    def act() -> str:
        effects.append(1)
        return "the one"

    def call() -> None:
        with database.write() as tx:
            answers.append(tx.once(key, act))

    threads = [threading.Thread(target=call) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(effects), answers) == (1, ["the one"] * 10)


def test_a_reader_cannot_write(database: Database) -> None:
    if database.is_sqlite:
        with database.read() as connection, pytest.raises(Exception, match=r"readonly|read-only"):
            connection.execute(TABLES.outbox_event.delete())
    else:
        with pytest.raises(Exception, match="read-only"), database.read() as connection:
            connection.execute(TABLES.outbox_event.delete())


def test_on_commit_runs_after_the_commit_only(database: Database) -> None:
    seen: list[str] = []
    with database.write() as tx:
        tx.on_commit(lambda: seen.append("done"))
        assert not seen
    assert seen == ["done"]
    with pytest.raises(RuntimeError), database.write() as tx:
        tx.on_commit(lambda: seen.append("never"))
        raise RuntimeError
    assert seen == ["done"]
