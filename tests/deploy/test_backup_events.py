"""The cluster's backup with its event log: told on PostgreSQL and Kafka, all of it lost, brought back, and told on."""

import gzip
import json
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from google.protobuf.wrappers_pb2 import Int64Value
from kafka import KafkaAdminClient
from kafka.structs import TopicPartition as KafkaPartition

from services.billing.consumers import read_model_subscription
from services.chassis.clock import SystemClock
from services.chassis.consumer import ConsumerRunner, Envelope, Subscription
from services.chassis.db import Database, Transaction
from services.chassis.errors import Refused, Unavailable
from services.chassis.eventlog import kafka_settings, open_event_log
from services.chassis.eventlog.kafka_settings import KafkaSettings
from services.chassis.eventlog.topics import DECLARED
from services.chassis.outbox import OutboxRelay, pending
from services.local.kafka import Broker, KafkaMissing
from services.local.ports import free_port
from services.local.postgres import Postgres
from services.staff import cli
from services.staff.backup import events
from tests.deploy.five_databases import SERVICES, Databases
from tests.integration.chassis.ledger import running
from tests.support.billing import member_message
from tests.support.migrated import Migrated
from tests.support.needs import missing
from tests.support.service_under_test import eventually

MEMBERS, PAYMENTS = "coop.supplies.member.v1", "coop.billing.payment.v1"


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """One of these tests' own, for they take the platform's topics away; in the end it need not put its data in order."""
    folder = tmp_path_factory.mktemp("broker")
    try:
        found = Broker(folder)
    except KafkaMissing as why:
        missing(f"No Apache Kafka broker: {why}")
    try:
        found.start()
        yield found
    finally:
        found.kill()
        shutil.rmtree(folder)


class Platform:
    """Supplies tells of members; billing keeps them in its read model and tells notifications, which notes the number.

    `heard` has no key: what is done twice is there twice.
    """

    def __init__(self, databases: Databases, broker: Broker) -> None:
        self.databases = databases
        self.settings = KafkaSettings.parse(broker.url)
        self.log = open_event_log(broker.url, lease_s=6)
        self.log.ensure_topics([topic.name for topic in DECLARED if topic.name in (MEMBERS, PAYMENTS)])
        self._open = {service: Database(url, service=service) for service, url in databases.urls.items()}
        for service in ("billing", "notifications"):
            databases.run(service, "CREATE TABLE heard (number bigint)")

    def close(self) -> None:
        self.log.close()
        for database in self._open.values():
            database.close()

    def tell(self, number: int) -> None:
        with self._open["supplies"].write() as transaction:
            transaction.connection.exec_driver_sql("INSERT INTO told VALUES (%s)", (number,))
            transaction.emit(MEMBERS, f"member-{number}", member_message(f"{number}"))

    def told(self) -> list[int]:
        return self.databases.run("supplies", "SELECT number FROM told ORDER BY number")

    def heard(self, service: str) -> list[int]:
        return self.databases.run(service, "SELECT number FROM heard ORDER BY number")

    def at_rest(self) -> bool:
        lag = self.log.lag("billing", [MEMBERS]) | self.log.lag("notifications", [PAYMENTS])
        return not sum(lag.values()) and not any(pending(self._open[service]) for service in ("supplies", "billing"))

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Both that tell publish, and billing reads, while the block lasts."""
        relays = [OutboxRelay(self._open[service], self.log).run for service in ("supplies", "billing")]
        with running(*relays, self._reader("billing")):
            yield
        # Connections that wait in the pool would hold up the restore, as those of a service do.
        for database in self._open.values():
            database.engine.dispose()

    @contextmanager
    def with_notifications(self) -> Iterator[None]:
        with running(self._reader("notifications")):
            yield

    def _reader(self, service: str) -> Callable[[threading.Event], None]:
        return ConsumerRunner(self._open[service], self.log, self._subscription(service)).run

    def _subscription(self, service: str) -> Subscription:
        if service == "notifications":
            return Subscription("notifications", (PAYMENTS,), {Int64Value: _note})
        ours = read_model_subscription()
        ((kind, keep),) = [one for one in ours.handlers.items() if one[0] is type(member_message("a"))]

        def kept_and_told(transaction: Transaction, message: object, envelope: Envelope) -> None:
            keep(transaction, message, envelope)
            number = Int64Value(value=int(envelope.key.removeprefix("member-")))
            _note(transaction, number, envelope)
            transaction.emit(PAYMENTS, envelope.key, number)

        return Subscription(ours.group, (MEMBERS,), {kind: kept_and_told})


def _note(transaction: Transaction, message: Int64Value, _: Envelope) -> None:
    transaction.connection.exec_driver_sql("INSERT INTO heard VALUES (%s)", (message.value,))


@pytest.fixture(scope="module")
def platform(
    postgres: Postgres, migrated: Migrated, broker: Broker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Platform]:
    made = Platform(Databases(postgres, migrated, tmp_path_factory.mktemp("cluster")), broker)
    yield made
    made.close()


@contextmanager
def talking(platform: Platform) -> Iterator[None]:
    """Supplies tells one number after the other while the block lasts."""
    with running(lambda stop: _tell_on(platform, stop)):
        yield


def _tell_on(platform: Platform, stop: threading.Event) -> None:
    number = len(platform.told())
    while not stop.wait(0.002):
        platform.tell(number)
        number += 1


HELD = (
    "SELECT count(*) FROM pg_locks WHERE relation = 'outbox_event'::regclass AND mode = 'ExclusiveLock' AND granted "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


def take_backup(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Both programs of the backup's pod; its folder. The topics' ends are those of a moment when nobody can tell an event."""
    noted = events.Recording.ends
    held: list[list[int]] = []

    def ends(recording: events.Recording) -> str:
        held.extend(platform.databases.run(service, HELD) for service in SERVICES)
        return noted(recording)

    monkeypatch.setattr(events.Recording, "ends", ends)
    port = free_port()
    failures: list[BaseException] = []

    def recorded() -> None:
        try:
            events.record(platform.settings, SystemClock(), port, patience_s=120)
        except BaseException as failure:
            failures.append(failure)

    recorder = threading.Thread(target=recorded)
    recorder.start()
    done = platform.databases.script("backup.sh", EVENTS=str(port))
    recorder.join(120)
    assert not failures, failures
    assert done.returncode == 0, done.stdout + done.stderr
    assert held == [[1]] * len(SERVICES)
    return platform.databases.backups()[-1]


def test_nothing_is_lost_or_done_twice(
    platform: Platform, broker: Broker, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with platform.at_work():
        with platform.with_notifications():
            with talking(platform):
                eventually(lambda: len(platform.heard("notifications")) > 40)
            eventually(platform.at_rest)
        early = len(platform.told())
        _forget_some(platform, broker)
        with talking(platform):  # notifications is away: what it is told waits in the log alone
            eventually(lambda: len(platform.heard("billing")) > early + 40)
            backup = take_backup(platform, monkeypatch)
            at_instant = len(platform.told())
            eventually(lambda: len(platform.heard("billing")) > at_instant)
        with platform.with_notifications():
            eventually(platform.at_rest)
        ended = platform.told()
        refused = _refusal(lambda: events.restore(backup / "events.jsonl.gz", platform.settings, replace_topics=True))
        assert "members of billing read events: stop every service first" in refused
    assert platform.heard("notifications") == ended

    refused = _refusal(lambda: events.restore(backup / "events.jsonl.gz", platform.settings, replace_topics=False))
    assert "events already" in refused and platform.heard("billing") == ended
    eventually(lambda: platform.databases.sessions() == 0)
    done = platform.databases.script("restore.sh", str(backup))
    assert done.returncode == 0, done.stdout + done.stderr
    monkeypatch.setenv("COOP_EVENT_LOG", broker.url)
    for _ in range(2):  # as who starts it again after it was killed
        assert cli.run(["backup", "events", "restore", str(backup / "events.jsonl.gz"), "--replace"]) == 0
    assert "2 topics and 2 readers are as at" in capsys.readouterr().err

    told, heard = platform.told(), platform.heard("notifications")
    assert early + 40 < len(told) < len(ended), "not of the instant"
    assert len(heard) == early, "what nobody had heard is not under test"
    with platform.at_work(), platform.with_notifications():
        eventually(platform.at_rest)
        assert platform.told() == platform.heard("billing") == platform.heard("notifications") == told
        for number in range(len(told), len(told) + 5):
            platform.tell(number)
        eventually(lambda: len(platform.heard("notifications")) == len(told) + 5)
        eventually(platform.at_rest)
    assert platform.told() == platform.heard("billing") == platform.heard("notifications")
    for service in ("billing", "notifications"):
        assert platform.databases.run(service, "SELECT count(*) FROM dead_letter") == [0]


def _forget_some(platform: Platform, broker: Broker) -> None:
    """What a broker does with old events: offsets of the copy are others than those of the original."""
    heard = {place: end for place, end in _ends(platform).items() if place.topic == PAYMENTS}
    admin = KafkaAdminClient(bootstrap_servers=[broker.address])
    admin.delete_records({KafkaPartition(*place): end // 2 for place, end in heard.items()})
    admin.close()
    assert sum(end // 2 for end in heard.values()) > 10


def _ends(platform: Platform) -> dict[events.TopicPartition, int]:
    from services.chassis.eventlog.kafka_export import KafkaExport

    with KafkaExport(platform.settings) as export:
        return export.ends(export.layout([MEMBERS, PAYMENTS]))


def _refusal(act: Callable[[], object]) -> str:
    with pytest.raises(Refused) as refused:
        act()
    return str(refused.value)


def test_a_damaged_event_log_is_refused_before_anything_is_removed(
    platform: Platform, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = platform.databases.backups()[-1] / "events.jsonl.gz"
    assert cli.run(["backup", "events", "verify", str(whole), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    before = _ends(platform)
    lines = gzip.decompress(whole.read_bytes()).splitlines(keepends=True)
    assert said["events"] == len(lines) - 2 > 80 and said["problems"] == []
    damaged = {
        "cut short": lines[:-1],
        "out of its place": [lines[0], *lines[2:3], *lines[1:]],
        "it was altered": [*lines[:5], *lines[6:]],
        "reads format 1": [lines[0].replace(b'"format": 1', b'"format": 9'), *lines[1:]],
    }
    file = tmp_path / "events.jsonl.gz"
    files = {reason: gzip.compress(b"".join(content)) for reason, content in damaged.items()}
    for reason, content in (files | {"cannot be read to its end": whole.read_bytes()[:-100]}).items():
        file.write_bytes(content)
        assert reason in _refusal(partial(events.restore, file, platform.settings, replace_topics=True))
    assert _ends(platform) == before


def test_there_is_no_backup_without_its_event_log(
    platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of the two programs notices that the other one failed."""
    backups = platform.databases.backups()
    said: list[str] = []

    def records(settings: KafkaSettings, port: int) -> Callable[[threading.Event], None]:
        def work(_: threading.Event) -> None:
            with pytest.raises((Refused, Unavailable)) as failed:
                events.record(settings, SystemClock(), port, patience_s=120)
            said.append(str(failed.value))

        return work

    url = platform.databases.folder / "urls/metering.url"
    shutil.move(url, tmp_path)
    with running(records(platform.settings, port := free_port())):
        assert platform.databases.script("backup.sh", EVENTS=str(port)).returncode == 1
    shutil.move(tmp_path / url.name, url)
    monkeypatch.setattr(kafka_settings, "BOOTSTRAP_S", 0.2)
    with running(records(KafkaSettings.parse(f"kafka://127.0.0.1:{free_port()}"), port := free_port())):
        done = platform.databases.script("backup.sh", EVENTS=str(port))
    assert done.returncode == 1 and "The event log could not be recorded: no Kafka did not complete" in done.stdout
    assert "The dump of the databases ended before it was done" in said[0] and "Kafka" in said[1]
    assert platform.databases.backups() == backups
