"""What `EventLog.append` promises, on every adapter."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from services.chassis.eventlog import MAX_RECORD_BYTES, EventLog, Record, RecordTooLarge, UnknownTopic
from tests.contract.eventlog.conftest import Log
from tests.contract.eventlog.reading import PATIENCE_S, numbered, read, values


def test_acknowledged_records_survive_the_killing_of_the_appender(
    storage: Log, log: EventLog, topic: str, group: str
) -> None:
    appender = storage.program("append_for_ever", topic)
    acknowledged = -1
    assert appender.stdout
    while acknowledged < 199:
        acknowledged = int(appender.stdout.readline())
    appender.kill()
    appender.wait()
    acknowledged = max([acknowledged, *(int(line) for line in appender.stdout if line.endswith("\n"))])

    appended = sum(log.lag(group, [topic]).values())
    assert appended > acknowledged
    with log.consumer(group, [topic]) as consumer:
        assert values(read(consumer, appended)) == list(range(appended))


def test_the_records_of_a_key_keep_their_order_under_concurrent_appenders(
    storage: Log, log: EventLog, topic: str, group: str
) -> None:
    keys = [f"supply-{n}" for n in range(8)]
    programs = [storage.program("append_some", topic, key, "70") for key in keys[:2]]

    def append(key: str) -> None:
        for first in range(0, 70, 7):
            log.append(numbered(topic, range(first, first + 7), key))

    with ThreadPoolExecutor(6) as pool:
        for done in [pool.submit(append, key) for key in keys[2:]]:
            done.result()
    assert [program.wait(PATIENCE_S) for program in programs] == [0, 0]

    with log.consumer(group, [topic]) as consumer:
        records = read(consumer, 70 * len(keys))
    for key in keys:
        mine = [record for record in records if record.key == key]
        assert values(mine) == list(range(70))
        assert len({record.partition for record in mine}) == 1
    assert len({record.partition for record in records}) > 1


def test_a_batch_over_several_topics_arrives_in_each(storage: Log, log: EventLog, topic: str, group: str) -> None:
    other = storage.topic(log)
    log.append([*numbered(topic, [1, 2]), *numbered(other, [3, 4])])
    with log.consumer(group, [topic, other]) as consumer:
        records = read(consumer, 4)
    assert {(record.topic, int(record.value)) for record in records} == {(topic, 1), (topic, 2), (other, 3), (other, 4)}


def test_key_headers_large_value_and_time_come_back_as_they_were(log: EventLog, topic: str, group: str) -> None:
    large = bytes(range(256)) * 3516  # 900,096 bytes
    headers = {"ce_type": "coop.billing.events.v1.InvoiceIssued", "actor": "staff:Begoña ñandú", "empty": ""}
    before = datetime.now(UTC) - timedelta(seconds=1)
    log.append([Record(topic, "ES0021000000000000AA / ñ", large, headers), Record(topic, "k", b"")])
    with log.consumer(group, [topic]) as consumer:
        found = {record.key: record for record in read(consumer, 2)}
    record = found["ES0021000000000000AA / ñ"]
    assert record.value == large
    assert dict(record.headers) == headers
    assert before <= record.timestamp <= datetime.now(UTC)
    assert record.timestamp.tzinfo is UTC
    assert (found["k"].value, dict(found["k"].headers)) == (b"", {})


def test_a_record_beyond_the_limit_is_refused_with_its_whole_batch(log: EventLog, topic: str, group: str) -> None:
    with pytest.raises(RecordTooLarge, match=f"1000001 bytes; the log takes {MAX_RECORD_BYTES}"):
        log.append([Record(topic, "k", b"1"), Record(topic, "k", bytes(MAX_RECORD_BYTES))])
    assert sum(log.lag(group, [topic]).values()) == 0
    log.append([Record(topic, "k", bytes(MAX_RECORD_BYTES - 1))])
    assert sum(log.lag(group, [topic]).values()) == 1


def test_an_unknown_topic_is_refused_and_not_created(log: EventLog, topic: str, group: str) -> None:
    with pytest.raises(UnknownTopic, match=r"coop\.nobody\.knows\.v1"):
        log.append([Record(topic, "k", b"1"), Record("coop.nobody.knows.v1", "k", b"1")])
    with pytest.raises(UnknownTopic, match=r"coop\.nobody\.knows\.v1"):
        log.consumer(group, ["coop.nobody.knows.v1"])
    assert sum(log.lag(group, [topic]).values()) == 0


def test_ensuring_a_topic_again_keeps_its_partitions(storage: Log, log: EventLog, topic: str, group: str) -> None:
    log.ensure_topics([topic], partitions=9)
    storage.open().ensure_topics([topic], partitions=9)
    assert len(storage.open().lag(group, [topic])) == 4


def test_the_layout_is_told_as_it_is(log: EventLog, topic: str) -> None:
    assert log.layout([topic, "coop.nobody.knows.v1"]) == {topic: 4, "coop.nobody.knows.v1": 0}


def test_an_empty_batch_changes_nothing(log: EventLog, topic: str, group: str) -> None:
    log.append([])
    assert set(log.lag(group, [topic]).values()) == {0}
