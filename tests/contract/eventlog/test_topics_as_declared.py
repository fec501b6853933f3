"""`coopctl admin topics` on a real broker, and what it says of the embedded log."""

import json
import threading
from pathlib import Path

import pytest
from kafka import KafkaAdminClient

from services.chassis.environment import load
from services.chassis.eventlog import UnknownTopic, kafka_topics, layout, open_event_log, topics
from services.chassis.eventlog.kafka_settings import KafkaSettings
from services.chassis.eventlog.topics import Topic
from services.chassis.service import Process
from services.chassis.waiting import NotYet
from services.local.kafka import Broker
from services.notifications.app import build
from services.notifications.settings import Settings
from services.staff import cli

MADE = Topic("coop.test.declared.v1", partitions=2)
KEPT = Topic("coop.test.states.v1", partitions=1, compacted=True)


@pytest.fixture
def declared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two topics of this test in place of the platform's, which other tests use with layouts of their own."""
    monkeypatch.setattr(topics, "DECLARED", (MADE, KEPT))


@pytest.fixture
def broker(kafka: Broker, declared: None, monkeypatch: pytest.MonkeyPatch) -> Broker:
    monkeypatch.setenv("COOP_EVENT_LOG", kafka.url)
    monkeypatch.setenv("COOP_EVENT_PARTITIONS", "2")
    return kafka


def run(*words: str) -> int:
    return cli.run(["admin", "topics", *words])


def differences(capsys: pytest.CaptureFixture[str]) -> dict[str, list[str]]:
    """Of each topic what `plan` would change."""
    capsys.readouterr()
    assert run("plan", "--json") == 0
    return {
        topic["topic"]: [change["kind"] for change in topic["differences"]]
        for topic in json.loads(capsys.readouterr().out)["topics"]
    }


def test_topics_are_made_raised_and_never_lowered(
    broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert differences(capsys) == {MADE.name: ["create"], KEPT.name: ["create"]}
    codes: list[int] = []
    threads = [threading.Thread(target=lambda: codes.append(run("apply"))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes == [0, 0]
    assert differences(capsys) == {MADE.name: [], KEPT.name: []}

    file = tmp_path / "topics.toml"
    file.write_text(f'["{KEPT.name}"]\nreplication = 2\n')
    assert run("apply", "--overrides", str(file)) == 1
    assert "2 replicas are declared, and there are 1 brokers" in capsys.readouterr().err

    monkeypatch.setattr(kafka_topics, "_COPY_S", 0.0)
    file.write_text(f'["{KEPT.name}"]\nmin_insync_replicas = 2\n')
    assert run("apply", "--overrides", str(file)) == 1
    assert "does not have 2 replicas in sync yet" in capsys.readouterr().err

    file.write_text(f'["{MADE.name}"]\npartitions = 3\nretention_days = 90\n')
    assert run("apply", "--overrides", str(file)) == 1
    said = capsys.readouterr()
    assert "retention.ms is 5184000000, declared is 7776000000" in said.err
    assert "--accept-reordering" in said.out
    assert run("apply", "--overrides", str(file), "--accept-reordering") == 0
    with open_event_log(broker.url) as log:
        assert len(log.lag("nobody", [MADE.name])) == 3

    capsys.readouterr()
    assert run("apply") == 1  # back to what was declared before: days and a partition would be lost
    said = capsys.readouterr()
    assert "events older than 60 days are lost" in said.out
    assert "Kafka takes none away. Declare 3 for it." in said.out
    assert run("apply", "--accept-loss") == 1  # no option takes a partition away
    assert differences(capsys) == {MADE.name: ["partitions"], KEPT.name: []}


def test_where_topics_are_managed_services_wait_for_them(broker: Broker) -> None:
    with open_event_log(broker.url, managed=True) as log:
        names = ["coop.test.later.v1", "coop.test.latest.v1"]
        assert layout.problem(log, names, partitions=2, managed=False) == ""
        assert "coop.test.later.v1 and 1 others are missing: run 'coopctl" in layout.problem(
            log, names, partitions=2, managed=True
        )
        with pytest.raises(UnknownTopic, match=r"later\.v1 is missing: run 'coopctl admin topics apply'"):
            log.ensure_topics(names)
        with open_event_log(broker.url) as maker:
            maker.ensure_topics(names, 2)
        log.ensure_topics(names)
        assert layout.problem(log, names, partitions=2, managed=True) == ""
        assert "has 2 partitions, and COOP_EVENT_PARTITIONS asks for 3" in layout.problem(
            log, names, partitions=3, managed=True
        )


def test_a_worker_is_not_ready_before_its_topics_are_made(broker: Broker, tmp_path: Path) -> None:
    environ = {
        "COOP_DATA_DIR": str(tmp_path),
        "COOP_EVENT_LOG": broker.url,
        "COOP_TOPICS": "managed",
        "COOP_DRAIN_SECONDS": "1",
    }
    process = Process("notifications", load(Settings, environ), build)
    try:
        with pytest.raises(NotYet, match=r"^The topic coop\.[a-z.0-9]+ and \d+ others are missing: run 'coopctl"):
            process.check_topics()
    finally:
        process.stop()


def test_a_topic_that_nothing_could_be_appended_to_is_named(
    broker: Broker, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    strict = Topic("coop.test.strict.v1", partitions=1, min_insync_replicas=2)
    monkeypatch.setattr(topics, "DECLARED", (strict,))
    assert run("apply") == 1
    assert "coop.test.strict.v1 got 1 replicas and waits for 2: nothing can be appended" in capsys.readouterr().err


def test_topics_that_nobody_declared_are_left_and_named(broker: Broker, capsys: pytest.CaptureFixture[str]) -> None:
    admin = KafkaAdminClient(bootstrap_servers=[broker.address])
    admin.create_topics({"coop.test.stranger.v1": {"num_partitions": 1, "replication_factor": 1}})
    admin.close()
    assert run("plan") == 0
    assert "coop.test.stranger.v1 is no topic of this release; it is left as it is." in capsys.readouterr().err


def test_a_broker_that_does_not_answer_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COOP_EVENT_LOG", "kafka://127.0.0.1:1")
    patient = KafkaSettings.client
    monkeypatch.setattr(KafkaSettings, "client", lambda self: patient(self) | {"bootstrap_timeout_ms": 300})
    assert run("apply") == 1
    assert "127.0.0.1:1" in capsys.readouterr().err


def test_the_embedded_log_needs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "log.db"
    monkeypatch.setenv("COOP_EVENT_LOG", f"sqlite:///{file}")
    assert run("plan") == 0
    assert not file.exists()
    with open_event_log(f"sqlite:///{file}") as log:
        log.ensure_topics([MADE.name], 2)
    capsys.readouterr()
    assert run("apply", "--json") == 0
    [told] = json.loads(capsys.readouterr().out)["topics"]
    assert (told["topic"], told["partitions"], told["differences"]) == (MADE.name, 2, [])
    assert run("plan") == 0
    assert MADE.late_reader in capsys.readouterr().out
