"""How the members of a group share partitions, hand them over and are refused when stale, on every adapter."""

from __future__ import annotations

import signal
import time

import pytest

from services.chassis.eventlog import EventLog, StaleMember, TopicPartition
from tests.contract.eventlog.conftest import Log
from tests.contract.eventlog.reading import PATIENCE_S, ends, nothing_comes, numbered, poll_until, read, settle, values


def test_two_members_share_the_partitions(storage: Log, log: EventLog, topic: str, group: str) -> None:
    with log.consumer(group, [topic]) as first, storage.open().consumer(group, [topic]) as second:
        settle([first, second], 4)
        assert {len(first.assignment), len(second.assignment)} == {2}
        assert first.assignment.isdisjoint(second.assignment)
        for n in range(40):
            log.append(numbered(topic, [n], key=f"k{n}"))
        mine, theirs = [], []
        deadline = time.monotonic() + PATIENCE_S
        while len(mine) + len(theirs) < 40 and time.monotonic() < deadline:
            mine += first.poll(0.1)
            theirs += second.poll(0.1)
        assert sorted(values(mine + theirs)) == list(range(40))
        assert {record.source for record in mine} <= first.assignment
        assert {record.source for record in theirs} <= second.assignment


def test_more_members_than_partitions_leave_some_without(storage: Log, one_partition: str, group: str) -> None:
    log = storage.open(lease_s=storage.short_lease_s)
    with log.consumer(group, [one_partition]) as second:
        with log.consumer(group, [one_partition]) as first:
            settle([first], 1)
            # Long enough for the second one to come in. The partition may go to it, and come back: each hears of that when it
            # polls, so that for a moment both may believe to have it.
            for _ in range(10):
                assert first.poll(0.05) == second.poll(0.05) == []
            poll_until([first, second], lambda: len(first.assignment) + len(second.assignment) == 1)
        settle([second], 1)
    # Leaving without having owned anything is fine, too.


def test_a_closing_member_hands_its_partitions_over(log: EventLog, topic: str, group: str) -> None:
    second = log.consumer(group, [topic])
    with log.consumer(group, [topic]) as first:
        settle([first, second], 4)
        for n in range(20):
            log.append(numbered(topic, [n], key=f"k{n}"))
        left = second.assignment
        second.close()
        assert sorted(values(read(first, 20))) == list(range(20))
        assert left < first.assignment


def test_a_killed_member_loses_its_partitions_when_its_lease_ends(
    storage: Log, log: EventLog, one_partition: str, group: str
) -> None:
    log.append(numbered(one_partition, range(10)))
    program = storage.program("commit_late", one_partition, group)
    assert program.stdout
    assert program.stdout.readline().split() == ["polled", "10"]
    with log.consumer(group, [one_partition]) as heir:
        program.kill()
        # For not polling it would lose them later than we wait here.
        assert values(read(heir, 10)) == list(range(10))


def test_a_suspended_member_comes_back_stale(storage: Log, log: EventLog, one_partition: str, group: str) -> None:
    log.append(numbered(one_partition, range(10)))
    program = storage.program("commit_late", one_partition, group)
    assert program.stdout
    assert program.stdin
    assert program.stdout.readline().split() == ["polled", "10"]
    program.send_signal(signal.SIGSTOP)
    with log.consumer(group, [one_partition]) as heir:
        records = read(heir, 10)
        heir.commit({records[6].source: 7})
        program.send_signal(signal.SIGCONT)
        program.stdin.write("go on\n")
        program.stdin.flush()
        assert program.stdout.readline().strip() == "stale"
        assert program.wait(PATIENCE_S) == 0
    assert log.lag(group, [one_partition]) == {TopicPartition(one_partition, 0): 3}


def test_an_earlier_ownership_cannot_commit_in_a_later_one(
    storage: Log, log: EventLog, one_partition: str, group: str
) -> None:
    """A member that lost the partition, joined again and got it back must not commit what it read before."""
    partition = TopicPartition(one_partition, 0)
    log.append(numbered(one_partition, range(10)))
    idle = storage.open(lease_s=2 * storage.short_lease_s, max_poll_interval_s=2.0)
    with idle.consumer(group, [one_partition]) as idler:
        old = read(idler, 10)
        with log.consumer(group, [one_partition]) as heir:
            records = read(heir, 10)
            heir.commit(ends(records))
            log.append(numbered(one_partition, [10, 11]))
            heir.commit(ends(read(heir, 2)))
            with pytest.raises(StaleMember):
                idler.commit(ends(old))
        log.append(numbered(one_partition, [12]))
        assert values(read(idler, 1)) == [12]
        with pytest.raises(StaleMember, match="not read in this ownership"):
            idler.commit(ends(old))
        idler.commit({partition: 13})
    assert log.lag(group, [one_partition]) == {partition: 0}


def test_a_slow_handler_keeps_its_partitions(storage: Log, log: EventLog, one_partition: str, group: str) -> None:
    log.append(numbered(one_partition, range(5)))
    lease_s = 2 * storage.short_lease_s
    with storage.open(lease_s=lease_s).consumer(group, [one_partition]) as slow:
        records = read(slow, 5)
        started = time.monotonic()
        with log.consumer(group, [one_partition]) as other:
            while time.monotonic() - started < lease_s * 1.5:
                assert other.poll(0.2) == []
            assert other.assignment == frozenset()
            slow.commit(ends(records))
    assert log.lag(group, [one_partition]) == {TopicPartition(one_partition, 0): 0}


def test_a_pause_outlasts_a_change_of_membership(log: EventLog, topic: str, group: str) -> None:
    with log.consumer(group, [topic]) as first:
        settle([first], 4)
        first.pause(first.assignment)
        with log.consumer(group, [topic]) as second:
            settle([first, second], 4)
            kept = first.assignment
            log.append([record for n in range(20) for record in numbered(topic, [n], key=f"k{n}")])
            assert nothing_comes(first)
            assert first.assignment == kept
            assert {record.source for record in read(second, 1)} <= second.assignment
        # What came back from the other member was not paused by us since: it is read, the rest still waits.
        settle([first], 4)
        first.resume(kept)
        assert {record.source for record in read(first, 1)} <= first.assignment
