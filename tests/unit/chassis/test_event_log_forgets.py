"""The embedded event log lets go of what every reader has passed, keeps states, and what is left is read as before."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from services.chassis.eventlog import Consumer, EventLog, Record, TopicPartition, open_event_log
from services.chassis.eventlog.sqlite_store import place

TOPIC, STATES = "coop.test.events.v1", "coop.test.states.v1"
TOPICS = {TOPIC: False, STATES: True}
NOW = datetime.now(UTC)
OLD, TOMORROW = NOW - timedelta(days=30), NOW + timedelta(days=1)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[EventLog]:
    with open_event_log(f"sqlite:///{tmp_path}/eventlog.db") as made:
        made.ensure_topics([TOPIC, STATES], partitions=1)
        yield made


def append(log: EventLog, topic: str, *keys: str) -> None:
    log.append([Record(topic, key, f"{key} {number}".encode()) for number, key in enumerate(keys)])


def read(consumer: Consumer, commit: bool = True) -> list[str]:
    found = consumer.poll(0.05)
    if found and commit:
        consumer.commit({record.source: record.offset + 1 for record in found})
    return [record.value.decode() for record in found]


def make_old(tmp_path: Path) -> None:
    """Everything that is there now was appended forty days ago."""
    with closing(sqlite3.connect(tmp_path / "eventlog.db", isolation_level=None)) as connection:
        then = int((NOW - timedelta(days=40)).timestamp() * 1_000_000)
        connection.execute("UPDATE record SET appended_at = ?", (then,))


def test_nothing_goes_that_a_group_has_not_passed(log: EventLog, tmp_path: Path) -> None:
    append(log, TOPIC, "a", "b", "c")
    make_old(tmp_path)
    assert log.count_old(TOPICS, OLD) == 3, "nobody reads the topic"
    with log.consumer("first", [TOPIC]) as first, log.consumer("second", [TOPIC]) as second:
        assert read(first) == ["a 0", "b 1", "c 2"]
        assert log.count_old(TOPICS, OLD) == 0, "the second group is a member and has passed nothing"
        found = second.poll(0.05, max_records=2)
        second.commit({found[-1].source: found[-1].offset + 1})
        assert log.count_old(TOPICS, OLD) == 2
    assert log.count_old(TOPICS, OLD) == 2, "what a group was and has not passed stays its own"
    append(log, TOPIC, "d")
    assert log.forget_old(TOPICS, OLD, 1) == 1, "no more at once than was asked for"
    assert log.forget_old(TOPICS, OLD, 10) == 1
    assert log.forget_old(TOPICS, OLD, 10) == 0
    with log.consumer("second", [TOPIC]) as second:
        assert read(second) == ["c 2", "d 0"]
    with log.consumer("first", [TOPIC]) as first:
        assert read(first) == ["d 0"]
    assert log.count_old(TOPICS, OLD) == 1 and log.count_old(TOPICS, TOMORROW) == 2


def test_of_states_the_last_one_of_each_key_stays(log: EventLog, tmp_path: Path) -> None:
    append(log, STATES, "a", "b", "a", "c", "a", "b")
    make_old(tmp_path)
    with log.consumer("group", [STATES]) as consumer:
        read(consumer)
    assert log.count_old(TOPICS, OLD) == 3
    assert log.forget_old(TOPICS, OLD, 100) == 3
    with log.consumer("a new reader", [STATES]) as consumer:
        assert read(consumer) == ["c 3", "a 4", "b 5"]


def test_a_new_group_is_not_behind_what_is_gone(log: EventLog, tmp_path: Path) -> None:
    append(log, TOPIC, "a", "b", "c")
    make_old(tmp_path)
    with log.consumer("group", [TOPIC]) as consumer:
        read(consumer)
    assert log.forget_old(TOPICS, OLD, 100) == 3
    here = TopicPartition(TOPIC, 0)
    assert log.lag("a new reader", [TOPIC]) == {here: 0} == log.lag("group", [TOPIC])
    append(log, TOPIC, "d", "e")
    assert log.lag("a new reader", [TOPIC]) == {here: 2} == log.lag("group", [TOPIC])
    with log.consumer("a new reader", [TOPIC]) as consumer:
        assert read(consumer) == ["d 0", "e 1"]
    assert log.lag("a new reader", [TOPIC]) == {here: 0}
    with closing(sqlite3.connect(tmp_path / "eventlog.db")) as connection:
        assert connection.execute("SELECT MIN(place) FROM record").fetchone()[0] % place(1, 0) == 3
