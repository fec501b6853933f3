"""A read model that was lost is there again, although the events that had filled it are gone: its owner tells its states anew."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from coop.common.v1 import announcing_service_pb2 as pb
from coop.common.v1.announcing_service_pb2_grpc import AnnouncingServiceStub
from coop.identity.v1.identity_service_pb2_grpc import IdentityServiceStub
from coop.metering.v1.metering_service_pb2_grpc import MeteringServiceStub
from coop.notifications.v1.notifications_service_pb2_grpc import NotificationsServiceStub
from coop.supplies.v1.supplies_service_pb2_grpc import SuppliesServiceStub
from sqlalchemy import Row, Table, select

from services.chassis import announcing, outbox
from services.chassis.errors import Forbidden, Invalid, Refused
from services.chassis.eventlog import EventLog, open_event_log
from services.chassis.eventlog.topics import DECLARED
from services.identity import app as identity_app
from services.identity.settings import Settings as IdentitySettings
from services.metering import app as metering_app
from services.metering import tables as metering
from services.metering.settings import Settings as MeteringSettings
from services.notifications import app as notifications_app
from services.notifications import tables as notifications
from services.notifications.settings import Settings as NotificationsSettings
from services.supplies import app as supplies_app
from services.supplies.settings import Settings as SuppliesSettings
from tests.integration.identity.journeys import open_account
from tests.integration.supplies.office import ANA, ANA_SECOND, LUIS, ask, import_rows, mine
from tests.support.migrated import Migrated
from tests.support.service_under_test import ServiceUnderTest, eventually, refusal, service_under_test

SERVICES: dict[str, tuple[Any, Any, Any]] = {
    "identity": (IdentitySettings, identity_app.build, IdentityServiceStub),
    "supplies": (SuppliesSettings, supplies_app.build, SuppliesServiceStub),
    "metering": (MeteringSettings, metering_app.build, MeteringServiceStub),
    "notifications": (NotificationsSettings, notifications_app.build, NotificationsServiceStub),
}
COPIES: dict[str, list[Table]] = {
    "metering": [metering.supply, metering.supply_access, metering.meter],
    "notifications": [notifications.account, notifications.member, notifications.supply, notifications.access],
}
#: Given out by the database of each reader, in the order of arrival.
OWN = {"key", "point_key", "meter_key"}


@contextmanager
def running(name: str, folder: Path, database_url: str) -> Iterator[ServiceUnderTest]:
    settings, build, stub = SERVICES[name]
    with service_under_test(name, settings, build, stub, folder=folder, database_url=database_url) as service:
        yield service


def copies(reader: ServiceUnderTest) -> dict[str, list[Row[Any]]]:
    """What a reader keeps of others' states."""
    with reader.process.kit.database.read() as connection:
        return {
            table.name: sorted(connection.execute(select(*(one for one in table.c if one.name not in OWN))), key=str)
            for table in COPIES[reader.name]
        }


def behind(log: EventLog, reader: ServiceUnderTest) -> int:
    return sum(sum(log.lag(each.group, each.topics).values()) for each in reader.process.parts.subscriptions)


def waits(owner: ServiceUnderTest) -> int:
    """Events that are not in the log yet."""
    return outbox.pending(owner.process.kit.database)


def announced(service: ServiceUnderTest, *kinds: str, role: str = "security") -> dict[str, int]:
    stub = replace(service, stub_type=AnnouncingServiceStub).as_staff(role)
    return {one.kind: one.announced for one in stub.AnnounceState(pb.AnnounceStateRequest(kinds=kinds))}


def test_a_read_model_that_was_lost_after_its_events_are_gone_is_told_anew(
    tmp_path: Path, migrated: Migrated, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(announcing, "BATCH", 2)

    def empty(name: str, generation: int = 1) -> str:
        return migrated.on_sqlite(name, tmp_path / f"{name}-{generation}.db")

    with (
        running("supplies", tmp_path, empty("supplies")) as supplies,
        running("identity", tmp_path, empty("identity")) as identity,
        open_event_log(supplies.process.settings.event_log_url) as log,
    ):
        with (
            running("metering", tmp_path, empty("metering")) as meters,
            running("notifications", tmp_path, empty("notifications")) as mails,
        ):
            import_rows(supplies, ANA, ANA_SECOND, LUIS)
            account = open_account(identity, "ana@example.org")
            ask(supplies, account, "12345678Z", "1984-03-12")
            eventually(lambda: len(mine(supplies, account)) == 2)
            import_rows(supplies, ANA | {"name": "Ana Pradoverde", "phone": "600 000 009"})
            eventually(lambda: not waits(supplies) and not waits(identity))
            eventually(lambda: not behind(log, meters) and not behind(log, mails))
            before = copies(meters), copies(mails)
            assert [len(rows) for rows in before[1].values()] == [1, 2, 3, 2]
            assert [len(rows) for rows in before[0].values()] == [3, 2, 6], "a meter, and a CUPS, of each supply"
        topics = {topic.name: topic.compacted for topic in DECLARED}
        while log.forget_old(topics, datetime.now(UTC) + timedelta(days=1), 1000):
            pass

        with (
            running("metering", tmp_path, empty("metering", 2)) as meters,
            running("notifications", tmp_path, empty("notifications", 2)) as mails,
        ):
            assert not any(copies(meters).values()) and not any(copies(mails).values())
            assert not behind(log, meters) and not behind(log, mails), "nothing is left to be read"
            assert announced(supplies) == {"members": 2, "supplies": 3, "accesses": 2}
            assert announced(identity) == {"accounts": 1}
            eventually(lambda: (copies(meters), copies(mails)) == before)
            told = {each.topic for owner in (supplies, identity) for each in owner.process.parts.announced}
            assert told == {topic.name for topic in DECLARED if topic.announced}
            # Told once more it changes nothing, and nobody gets a mail.
            assert announced(supplies, "accesses", "members") == {"members": 2, "accesses": 2}
            eventually(lambda: not waits(supplies))
            eventually(lambda: not behind(log, meters) and not behind(log, mails))
            assert (copies(meters), copies(mails)) == before
            with mails.process.kit.database.read() as connection:
                assert connection.execute(select(notifications.message)).first() is None

            assert isinstance(refusal(lambda: announced(supplies, role="support")), Forbidden)
            wrong = refusal(lambda: announced(supplies, "contracts"))
            assert isinstance(wrong, Invalid) and "it has members, supplies, accesses" in wrong.message
            none = refusal(lambda: announced(mails))
            assert isinstance(none, Refused) and "from a backup" in none.message
