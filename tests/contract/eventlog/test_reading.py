"""What a consumer alone in its group may rely on, on every adapter."""

from __future__ import annotations

import pytest

from services.chassis.eventlog import EventLog, EventLogError, StaleMember, TopicPartition
from tests.contract.eventlog.conftest import Log
from tests.contract.eventlog.reading import ends, nothing_comes, numbered, read, settle, values


def test_groups_read_independently(log: EventLog, topic: str, group: str) -> None:
    log.append(numbered(topic, range(10)))
    with log.consumer(group, [topic]) as billing:
        billing.commit(ends(read(billing, 10)))
    with log.consumer(f"{group}-other", [topic]) as metering:
        assert values(read(metering, 10)) == list(range(10))
    assert sum(log.lag(group, [topic]).values()) == 0
    assert sum(log.lag(f"{group}-other", [topic]).values()) == 10


def test_reading_resumes_at_the_committed_offset(storage: Log, log: EventLog, one_partition: str, group: str) -> None:
    log.append(numbered(one_partition, range(10)))
    with log.consumer(group, [one_partition]) as consumer:
        records = read(consumer, 10)
        consumer.commit({records[3].source: records[3].offset + 1})
    again = storage.open()
    with again.consumer(group, [one_partition]) as consumer:
        assert values(read(consumer, 6)) == [4, 5, 6, 7, 8, 9]
        consumer.commit({TopicPartition(one_partition, 0): 10})
    with again.consumer(group, [one_partition]) as consumer:
        assert nothing_comes(consumer)


def test_what_was_not_committed_is_delivered_again(log: EventLog, one_partition: str, group: str) -> None:
    log.append(numbered(one_partition, range(6)))
    with log.consumer(group, [one_partition]) as consumer:
        assert values(read(consumer, 6)) == [0, 1, 2, 3, 4, 5]
        assert nothing_comes(consumer)
        consumer.rewind()
        assert values(read(consumer, 2)) == [0, 1]
        consumer.commit({TopicPartition(one_partition, 0): 2})
        assert values(read(consumer, 4)) == [2, 3, 4, 5]
        consumer.rewind([TopicPartition(one_partition, 0)])
        assert values(read(consumer, 4)) == [2, 3, 4, 5]
    with log.consumer(group, [one_partition]) as consumer:
        assert values(read(consumer, 4)) == [2, 3, 4, 5]


def test_seeking_to_zero_replays_from_the_start(log: EventLog, topic: str, group: str) -> None:
    for n in range(30):
        log.append(numbered(topic, [n], key=f"k{n}"))
    with log.consumer(group, [topic]) as consumer:
        consumer.commit(ends(read(consumer, 30)))
        for partition in consumer.assignment:
            consumer.seek(partition, 0)
        replayed = read(consumer, 30)
        assert sorted(values(replayed)) == list(range(30))
        consumer.commit(ends(replayed))
    assert sum(log.lag(group, [topic]).values()) == 0


def test_a_group_may_start_at_the_end(log: EventLog, one_partition: str, group: str) -> None:
    log.append(numbered(one_partition, range(5)))
    with log.consumer(group, [one_partition], start="latest") as consumer:
        assert nothing_comes(consumer)
        log.append(numbered(one_partition, [5, 6]))
        assert values(read(consumer, 2)) == [5, 6]
        consumer.rewind()
        assert values(read(consumer, 2)) == [5, 6]


def test_a_paused_partition_waits_and_goes_on_where_it_was(log: EventLog, topic: str, group: str) -> None:
    keys = [f"k{n}" for n in range(12)]
    log.append([record for key in keys for record in numbered(topic, [0], key)])
    with log.consumer(group, [topic]) as consumer:
        first = read(consumer, len(keys))
        paused = first[0].source
        consumer.pause([paused])
        log.append([record for key in keys for record in numbered(topic, [1], key)])
        elsewhere = sum(record.source != paused for record in first)
        assert {record.source for record in read(consumer, elsewhere)}.isdisjoint({paused})
        assert nothing_comes(consumer)
        consumer.resume([paused])
        resumed = read(consumer, len(keys) - elsewhere)
        assert {record.source for record in resumed} == {paused}
        assert set(values(resumed)) == {1}


def test_a_poll_gives_at_most_what_was_asked_for(log: EventLog, topic: str, group: str) -> None:
    log.append(numbered(topic, range(50)))
    with log.consumer(group, [topic]) as consumer:
        settle([consumer], 4)
        consumer.rewind()
        sizes = [len(consumer.poll(2.0, max_records=20)) for _ in range(3)]
    assert max(sizes) <= 20
    assert sum(sizes) > 0


def test_lag_counts_what_is_not_committed(log: EventLog, one_partition: str, group: str) -> None:
    partition = TopicPartition(one_partition, 0)
    log.append(numbered(one_partition, range(8)))
    assert log.lag(group, [one_partition]) == {partition: 8}
    with log.consumer(group, [one_partition]) as consumer:
        read(consumer, 8)
        assert log.lag(group, [one_partition]) == {partition: 8}
        consumer.commit({partition: 5})
    assert log.lag(group, [one_partition]) == {partition: 3}


def test_only_what_was_delivered_can_be_committed(log: EventLog, one_partition: str, group: str) -> None:
    partition = TopicPartition(one_partition, 0)
    log.append(numbered(one_partition, range(4)))
    with log.consumer(group, [one_partition]) as consumer:
        read(consumer, 4)
        with pytest.raises(StaleMember, match="Offset 5 "):
            consumer.commit({partition: 5})
        with pytest.raises(StaleMember, match=r"not assigned|not read"):
            consumer.commit({partition: 4, TopicPartition(one_partition, 7): 0})
    assert log.lag(group, [one_partition]) == {partition: 4}


def test_a_closed_consumer_refuses_to_work(log: EventLog, topic: str, group: str) -> None:
    consumer = log.consumer(group, [topic])
    consumer.close()
    consumer.close()
    with pytest.raises(EventLogError, match="closed"):
        consumer.poll(0.1)
    with pytest.raises(EventLogError, match="closed"):
        consumer.commit({})


def test_records_survive_the_killing_of_the_consumer(
    storage: Log, log: EventLog, one_partition: str, group: str
) -> None:
    # More than the program can commit, three by three, before this process has heard of it and killed it.
    log.append(numbered(one_partition, range(6000)))
    program = storage.program("consume", one_partition, group)
    committed = handled = 0
    assert program.stdout
    for line in program.stdout:
        if not line.endswith("\n"):
            break  # the kill cut the last line
        word, number = line.split()
        if word == "committed":
            committed = int(number)
        else:
            handled = int(number)
        if committed >= 20 and word == "handled":
            program.kill()
    with log.consumer(group, [one_partition]) as consumer:
        (first,) = values(read(consumer, 1))
        # What was printed as committed is committed; the kill may have hit between a commit and its line.
        assert committed <= first <= handled + 1
        following = values(read(consumer, 100))[:100]
        assert following == list(range(first + 1, first + 101))
