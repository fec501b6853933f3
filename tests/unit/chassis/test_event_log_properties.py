"""A property of the SQLite event log: whatever members do, in whatever order, readers keep what the log promises."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from services.chassis.eventlog import Consumer, Record, StaleMember, TopicPartition, open_event_log

TOPIC = "coop.test.property.v1"
GROUP = "group"
KEYS = [f"supply-{n}" for n in range(6)]


class Members(RuleBasedStateMachine):
    """Members of one group join, read, commit, rewind and leave while records are appended.

    The model: what was appended per partition in order, and the highest offset committed per partition.
    """

    members = Bundle("members")

    @initialize()
    def open(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.log = open_event_log(f"sqlite:///{self.folder}/eventlog.db", lease_s=60)
        self.log.ensure_topics([TOPIC], partitions=3)
        self.appended: dict[str, list[int]] = {key: [] for key in KEYS}
        self.committed: dict[TopicPartition, int] = {}
        self.alive: dict[int, Consumer] = {}
        self.unsaved: dict[int, dict[TopicPartition, int]] = {}
        self.at: dict[TopicPartition, dict[int, tuple[str, int]]] = {}

    @rule(keys=st.lists(st.sampled_from(KEYS), min_size=1, max_size=8))
    def append(self, keys: list[str]) -> None:
        records = []
        for key in keys:
            number = len(self.appended[key])
            self.appended[key].append(number)
            records.append(Record(TOPIC, key, str(number).encode()))
        self.log.append(records)

    @rule(target=members)
    def join(self) -> int:
        number = len(self.unsaved)
        self.alive[number] = self.log.consumer(GROUP, [TOPIC])
        self.unsaved[number] = {}
        return number

    @rule(member=members, count=st.integers(1, 10))
    def poll(self, member: int, count: int) -> None:
        consumer = self.alive.get(member)
        if consumer is None:
            return
        before = consumer.assignment
        records = consumer.poll(0, max_records=count)
        # What was read from a partition that went away meanwhile cannot be committed any more.
        unsaved = self.unsaved[member]
        for partition in set(unsaved) - (before & consumer.assignment):
            del unsaved[partition]
        assert len(records) <= count
        for record in records:
            assert record.source in consumer.assignment
            known = self.at.setdefault(record.source, {})
            # Every reading of an offset gives the same record, and nothing committed comes again without a seek.
            assert known.setdefault(record.offset, (record.key, int(record.value))) == (record.key, int(record.value))
            assert record.offset >= self.committed.get(record.source, 0)
            if record.source in unsaved:
                assert record.offset == unsaved[record.source]
            unsaved[record.source] = record.offset + 1

    @rule(member=members)
    def commit(self, member: int) -> None:
        consumer = self.alive.get(member)
        if consumer is None or not self.unsaved[member]:
            return
        consumer.commit(self.unsaved[member])
        for partition, offset in self.unsaved[member].items():
            assert offset >= self.committed.get(partition, 0)
            self.committed[partition] = offset

    @rule(member=members)
    def rewind(self, member: int) -> None:
        consumer = self.alive.get(member)
        if consumer is None:
            return
        consumer.rewind()
        self.unsaved[member].clear()

    @rule(member=members)
    def commit_without_having_read(self, member: int) -> None:
        consumer = self.alive.get(member)
        if consumer is None:
            return
        try:
            consumer.commit({TopicPartition(TOPIC, 0): 10_000})
        except StaleMember:
            return
        raise AssertionError("an offset that was never delivered was committed")

    @rule(member=members)
    def leave(self, member: int) -> None:
        consumer = self.alive.pop(member, None)
        if consumer is not None:
            consumer.close()
            self.unsaved[member] = {}

    @invariant()
    def lag_is_what_was_appended_and_not_committed(self) -> None:
        if not hasattr(self, "log"):
            return
        total = sum(len(numbers) for numbers in self.appended.values())
        assert sum(self.log.lag(GROUP, [TOPIC]).values()) == total - sum(self.committed.values())

    def teardown(self) -> None:
        """A last member reads what remains: together with the committed it is everything, per key in order."""
        if not hasattr(self, "log"):
            return
        for consumer in self.alive.values():
            consumer.close()
        with self.log.consumer(GROUP, [TOPIC]) as consumer:
            left = sum(self.log.lag(GROUP, [TOPIC]).values())
            while left:
                records = consumer.poll(0)
                assert records
                for record in records:
                    self.at.setdefault(record.source, {})[record.offset] = (record.key, int(record.value))
                left -= len(records)
        found: dict[str, list[int]] = {key: [] for key in KEYS}
        for partition in self.at.values():
            assert sorted(partition) == list(range(len(partition)))
            for offset in sorted(partition):
                key, number = partition[offset]
                found[key].append(number)
        assert found == self.appended
        self.log.close()
        shutil.rmtree(self.folder)


TestMembers = Members.TestCase
TestMembers.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
