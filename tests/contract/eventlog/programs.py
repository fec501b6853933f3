"""Programs that the contract tests run as processes of their own, to kill or suspend them.

`python -m tests.contract.eventlog.programs NAME URL LEASE_S ARGUMENT...`
"""

from __future__ import annotations

import sys

from services.chassis.eventlog import EventLog, StaleMember, open_event_log
from tests.contract.eventlog.reading import ends, numbered


def append_for_ever(log: EventLog, topic: str, key: str = "k") -> None:
    """Append 0, 1, 2, … in batches of ten and print the last acknowledged number after each."""
    first = 0
    while True:
        log.append(numbered(topic, range(first, first + 10), key))
        first += 10
        print(first - 1, flush=True)


def append_some(log: EventLog, topic: str, key: str, count: str) -> None:
    """Append `count` numbers of one key, seven at a time, and end."""
    for first in range(0, int(count), 7):
        log.append(numbered(topic, range(first, min(first + 7, int(count))), key))


def consume(log: EventLog, topic: str, group: str) -> None:
    """Handle three records at a time, printing each, then commit and print how far."""
    with log.consumer(group, [topic]) as consumer:
        while True:
            records = consumer.poll(0.5, max_records=3)
            for record in records:
                print("handled", record.value.decode(), flush=True)
            if records:
                consumer.commit(ends(records))
                print("committed", records[-1].offset + 1, flush=True)


def commit_late(log: EventLog, topic: str, group: str) -> None:
    """Poll once, tell, wait for a line on standard input, then commit and tell how that went."""
    with log.consumer(group, [topic]) as consumer:
        records = []
        while not records:
            records = consumer.poll(0.5)
        print("polled", len(records), flush=True)
        sys.stdin.readline()
        try:
            consumer.commit(ends(records))
        except StaleMember:
            print("stale", flush=True)
        else:
            print("committed", flush=True)


PROGRAMS = {program.__name__: program for program in (append_for_ever, append_some, consume, commit_late)}

if __name__ == "__main__":
    name, url, lease_s, *arguments = sys.argv[1:]
    with open_event_log(url, lease_s=float(lease_s)) as event_log:
        PROGRAMS[name](event_log, *arguments)
