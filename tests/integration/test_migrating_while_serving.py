"""The next release's schema comes while this release serves: no call fails, nobody waits long, and this release goes on."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from coop.notifications.v1 import notifications_service_pb2 as pb
from coop.notifications.v1.notifications_service_pb2_grpc import NotificationsServiceStub
from sqlalchemy import text

from services.chassis import migrations
from services.chassis.db import Database
from services.chassis.ids import new_id
from services.chassis.migration_lint import lint
from services.chassis.migrations import Patience
from services.chassis.schema_history import History
from services.notifications.app import build
from services.notifications.settings import Settings
from tests.support.revisions import next_release, revision
from tests.support.service_under_test import ServiceUnderTest, eventually, service_under_test

ROWS = 1500
#: What two more columns and an index take: expand, fill, index.
EXPAND = 'op.add_column("preference", sa.Column("paper", sa.String(10)))\nop.add_column("notice", sa.Column("urgent", sa.Integer))'
FILL = (
    'steps.in_batches("preference", "account_id", "UPDATE preference SET paper = \'no\' "\n'
    '    "WHERE account_id BETWEEN :first AND :last AND paper IS NULL", batch=100)'
)
INDEX = 'steps.create_index("ix_preference_paper", "preference", ["paper"])'
PATIENCE = Patience(lock_s=0.2, first_pause_s=0.05, longest_pause_s=0.1, tries=200)


@pytest.fixture
def schema_of() -> str:
    return "notifications"


@pytest.fixture
def service(database_url: str, tmp_path: Path) -> Iterator[ServiceUnderTest]:
    with service_under_test(
        "notifications", Settings, build, NotificationsServiceStub, folder=tmp_path, database_url=database_url
    ) as made:
        yield made


@pytest.fixture
def release(tmp_path: Path) -> History:
    """This release's schema and three revisions more."""
    folder = next_release("notifications", tmp_path / "next")
    head = History("notifications").head
    revision(folder, "9001", head, EXPAND)
    revision(folder, "9002", "9001", FILL, transactional=False)
    revision(folder, "9003", "9002", INDEX, transactional=False)
    return History("notifications", folder)


@dataclass
class Traffic:
    """Members who change what they want and look at it, one call after the other."""

    seconds: list[float] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)

    def go(self, service: ServiceUnderTest, account: str, stop: threading.Event) -> None:
        stub = service.as_member(account)
        number = 0
        while not stop.is_set():
            number += 1
            began = time.monotonic()
            try:
                change(stub, pb.INVOICE_DELIVERY_LINK if number % 2 else pb.INVOICE_DELIVERY_ATTACHED)
                stub.ListMyNotices(pb.ListMyNoticesRequest())
            except Exception as error:
                self.failures.append(error)
            self.seconds.append(time.monotonic() - began)


def change(stub: NotificationsServiceStub, delivery: int) -> None:
    preferences = pb.Preferences(invoice_delivery=delivery)
    stub.UpdateMyPreferences(pb.UpdateMyPreferencesRequest(preferences=preferences, request_id=new_id()))


@contextmanager
def traffic(service: ServiceUnderTest) -> Iterator[Traffic]:
    made, stop = Traffic(), threading.Event()
    with ThreadPoolExecutor(2) as pool:
        calls = [pool.submit(made.go, service, f"account-{number}", stop) for number in range(2)]
        try:
            yield made
        finally:
            stop.set()
            for call in calls:
                call.result(timeout=60)


def owned(database: Database) -> Database:
    """The same database, as whoever migrates it."""
    url = database.url if database.is_sqlite else database.url.set(username="postgres")
    return Database(url.render_as_string(hide_password=False), service="notifications")


def fill(database: Database) -> None:
    with database.write() as tx:
        rows = [{"id": f"filled-{number:05d}"} for number in range(ROWS)]
        tx.execute(text("INSERT INTO preference (account_id, invoice_delivery) VALUES (:id, 'link')"), rows)


def test_this_release_serves_while_the_next_ones_schema_comes(service: ServiceUnderTest, release: History) -> None:
    assert lint([release]) == []
    database = service.process.kit.database
    fill(database)
    upgraded: list[BaseException | None] = []

    def upgrade() -> None:
        other = owned(database)
        try:
            migrations.upgrade(other, "notifications", PATIENCE, history=release)
        except BaseException as error:
            upgraded.append(error)
        finally:
            other.close()

    with traffic(service) as calls:
        eventually(lambda: len(calls.seconds) > 4)
        migration = threading.Thread(target=upgrade)
        with database.engine.connect() as reader:
            if not database.is_sqlite:
                # A report that reads for long: whoever waits behind it makes all others wait behind himself.
                reader.execute(text("SELECT count(*) FROM preference"))
            migration.start()
            before = len(calls.seconds)
            eventually(lambda: len(calls.seconds) > before + 10)
        migration.join(60)
        before = len(calls.seconds)
        eventually(lambda: len(calls.seconds) > before + 4)
    assert not upgraded
    assert not calls.failures
    assert max(calls.seconds) < 15

    with database.read() as connection:
        filled = text("SELECT count(*) FROM preference WHERE paper = 'no' AND account_id LIKE 'filled%'")
        assert connection.execute(filled).scalar() == ROWS
    assert migrations.state(database, "notifications", release).condition == "head"


def test_this_release_can_be_started_again_on_the_next_ones_schema(
    service: ServiceUnderTest, release: History, tmp_path: Path
) -> None:
    """The rollback: the schema stays, the older code migrates nothing and serves."""
    database = service.process.kit.database
    owner = owned(database)
    migrations.upgrade(owner, "notifications", PATIENCE, history=release)
    owner.close()
    with service_under_test(
        "notifications",
        Settings,
        build,
        NotificationsServiceStub,
        folder=tmp_path,
        database_url=database.url.render_as_string(hide_password=False),
    ) as again:
        again.process.check(work=True)
        stub = again.as_member("account-1")
        change(stub, pb.INVOICE_DELIVERY_ATTACHED)
        found = stub.GetMyPreferences(pb.GetMyPreferencesRequest()).preferences
        assert found.invoice_delivery == pb.INVOICE_DELIVERY_ATTACHED
    assert migrations.state(database, "notifications").condition == "newer"
