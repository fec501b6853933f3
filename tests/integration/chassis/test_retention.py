"""What is kept and what goes: every class of every service on both databases, in batches, with the days of the profile."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, insert, select

from services.chassis import retention
from services.chassis.clock import FixedClock
from services.chassis.db import TABLES, Database
from services.chassis.environment import SettingsError
from services.chassis.eventlog import EventLog, open_event_log
from services.chassis.ids import new_id
from services.chassis.retention import COMMON, KEPT, Kept, as_the_profile_says
from services.metering import retention as metering
from services.notifications import retention as notifications
from services.notifications.tables import message, notice
from tests.support.migrated import Migrated

NOW = datetime(2026, 11, 22, 3, 30, tzinfo=UTC)


@pytest.fixture
def event_log(tmp_path: Path) -> Iterator[EventLog]:
    with open_event_log(f"sqlite:///{tmp_path}/eventlog.db") as made:
        yield made


@pytest.fixture
def schema_of() -> str:
    return "notifications"


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    made = Database(database_url, clock=FixedClock(NOW))
    yield made
    made.close()


def ago(days: int) -> datetime:
    return NOW - timedelta(days=days)


def mail(days: int, state: str = "delivered") -> dict[str, Any]:
    fixed = {"kind": "reminder", "recipient": "ana@example.org", "language": "es", "template_version": 1, "attempts": 1}
    changing = {"id": new_id(), "event_id": new_id(), "state": state, "created_at": ago(days)}
    return {**fixed, **changing, "data": {"name": "Ana"}, "last_error": ""}


def left(database: Database, *columns: Any) -> list[Any]:
    with database.read() as connection:
        return [tuple(row) for row in connection.execute(select(*columns))]


def test_old_mails_lose_their_words_then_their_line_and_what_waits_stays(
    database: Database, event_log: EventLog
) -> None:
    with database.write() as tx:
        tx.execute(insert(message), [mail(1), mail(91), mail(91, "queued"), mail(91, "failed"), mail(2193)])
        shown = {
            "account_id": "a",
            "kind": "reminder",
            "template_version": 1,
            "data": {},
            "supply_id": "s",
            "link": "/",
        }
        for days in (1, 731):
            tx.execute(insert(notice).values(id=new_id(), event_id=new_id(), created_at=ago(days), **shown))
        requests = {"scope": "X", "fingerprint": "f", "result": "r"}
        for days in (89, 91):
            tx.execute(insert(TABLES.idempotency_key).values(request_id=new_id(), created_at=ago(days), **requests))
            handled = {"event_id": new_id(), "handled_at": ago(days)}
            tx.execute(insert(TABLES.inbox_event).values(consumer="notifications", **handled))
    kept = [*retention.of_the_chassis(database, lambda: event_log, "notifications"), *notifications.kept(database)]
    counted = {look.kept.code: look.count for look in retention.look(kept, NOW) if look.count}
    assert counted == {"requests": 1, "inbox": 1, "mail_contents": 3, "mail_log": 1, "notices": 1}
    gone: dict[str, int] = {}
    for each, count in retention.apply(kept, NOW):
        gone[each.code] = gone.get(each.code, 0) + count
    assert gone == counted
    assert sorted(left(database, message.c.created_at, message.c.state, message.c.data), key=repr) == sorted(
        [
            (ago(1), "delivered", {"name": "Ana"}),
            (ago(91), "queued", {"name": "Ana"}),
            (ago(91), "failed", {}),
            (ago(91), "delivered", {}),
        ],
        key=repr,
    )
    assert len(left(database, notice.c.id)) == len(left(database, TABLES.inbox_event.c.event_id)) == 1
    assert not any(look.count for look in retention.look(kept, NOW)), "a second time finds nothing"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_many_rows_go_in_small_transactions_until_somebody_stops(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 4)
    rows = [{"consumer": "c", "event_id": f"e{number}", "handled_at": ago(100)} for number in range(10)]
    with database.write() as tx:
        tx.execute(insert(TABLES.inbox_event), rows)
    kept = [retention.rows(database, TABLES.inbox_event, TABLES.inbox_event.c.handled_at, "inbox", "", "", 90)]
    steps = retention.apply(kept, NOW)
    assert [next(steps)[1], next(steps)[1]] == [4, 4]
    steps.close()
    with database.read() as connection:
        assert connection.execute(select(func.count()).select_from(TABLES.inbox_event)).scalar_one() == 2
    assert list(retention.apply(kept, NOW, alive=lambda: False)) == []
    assert [count for _, count in retention.apply(kept, NOW)] == [2]


@pytest.mark.parametrize("service", ["identity", "supplies", "metering", "billing"])
def test_every_class_of_a_service_can_be_counted_and_removed(
    service: str, migrated: Migrated, event_log: EventLog, tmp_path: Path
) -> None:
    database = Database(migrated.on_sqlite(service, tmp_path / "service.db"), clock=FixedClock(NOW))
    module = importlib.import_module(f"services.{service}.retention")
    own: list[Kept] = module.kept() if service in ("identity", "supplies") else module.kept(database)
    kept = [*retention.of_the_chassis(database, lambda: event_log, service), *own]
    assert [look.count for look in retention.look(kept, NOW)] == [0] * len(kept)
    assert list(retention.apply(kept, NOW)) == []
    assert all(each.why.endswith(".") and each.what for each in kept)
    assert any(each.how == KEPT for each in own), "what must stay is said, too"
    assert len({each.code for each in kept}) == len(kept) and {each.code for each in kept} >= set(COMMON)
    database.close()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_profile_may_say_other_days_and_nothing_that_cannot_be(database: Database, event_log: EventLog) -> None:
    kept = [*retention.of_the_chassis(database, lambda: event_log, "metering"), *metering.kept(database)]

    def days(section: dict[str, Any]) -> dict[str, int | None]:
        return {each.code: each.days for each in as_the_profile_says(kept, section, "metering")}

    assert days({})["quarantine"] == 365
    said = days({"requests": 30, "metering": {"quarantine": 60}, "billing": {"work_items": 400}})
    assert (said["requests"], said["quarantine"], said["inbox"]) == (30, 60, 90)
    for section, sentence in (
        ({"inbox": 60}, "inbox is 60; give whole days, 67 at least"),
        ({"invoices": 1}, r"\[retention\] invoices is no class of data"),
        ({"metering": {"curves": 10}}, "curves cannot be said there: Invoices are calculated from them"),
        ({"metering": {"mails": 10}}, r"\[retention.metering\] mails is no class"),
        ({"metering": {"quarantine": "1 year"}}, "quarantine is '1 year'"),
    ):
        with pytest.raises(SettingsError, match=sentence):
            days(section)
