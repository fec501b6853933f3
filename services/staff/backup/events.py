"""The event log in a cluster's backup: copied beside the databases' dump, and put back beside their restore.

A restored installation must hear again what nobody had heard, and nothing of after the instant. Three moments make that so:

* how far each group had read is noted BEFORE the databases' snapshots: a reader commits its work first and its place
  afterwards, so all of what it had passed by then is in its database. It gets again what it read between; its inbox knows.
* where the topics end is noted AFTER the snapshots, while nobody can tell an event: every event of before is in the log
  or still in an outbox of the snapshots (or in both, which the inboxes know too), and no event of afterwards is there.
* the records before those ends are copied when everybody goes on; nobody changes them.

The program that holds the databases still is PostgreSQL's own and runs in another container of the pod. It says when, over a
connection of the loopback, one word a line:

    groups          note how far the groups are
    ends            note where the topics end
    export FILE     write what is before the ends
    done            the backup is complete

It gets `ok` or `no` with a sentence. When the connection ends without `done`, there is no backup.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING

from services.chassis.buildinfo import build
from services.chassis.clock import Clock
from services.chassis.errors import Refused, Unavailable
from services.chassis.eventlog import topics
from services.chassis.eventlog.base import EventLogError, TopicPartition
from services.staff.backup import events_file

if TYPE_CHECKING:  # other commands of a backup do without the Kafka client
    from services.chassis.eventlog.kafka_export import KafkaExport, Progress
    from services.chassis.eventlog.kafka_settings import KafkaSettings

PORT = 9500
"""Of the loopback, on which the dump's program finds who records the events."""

PATIENCE_S = 600.0
"""How long that program is waited for: its image may have to be brought first."""


@dataclass
class Recording:
    """What was noted so far, for one backup."""

    export: KafkaExport
    clock: Clock
    _layout: dict[str, int] = field(default_factory=dict)
    _groups: Progress = field(default_factory=dict)
    _ends: dict[TopicPartition, int] | None = None
    _instant: str = ""

    def groups(self) -> str:
        self._layout = self.export.layout(topic.name for topic in topics.DECLARED)
        self._groups = self.export.progress(self._layout)
        # Asked here too, so that every connection is there when the databases are held still.
        self.export.ends(self._layout)
        self._ends = None
        return f"{len(self._groups)} groups read {len(self._layout)} topics"

    def ends(self) -> str:
        self._ends = self.export.ends(self._layout)
        self._instant = self.clock.now().isoformat()
        return f"{sum(self._ends.values())} records so far"

    def write(self, file: Path) -> str:
        if self._ends is None:
            raise Refused("Where the topics end was not noted: say 'groups' and 'ends' before 'export'.")
        contents = events_file.Contents(self._instant, build().version, self._layout, self._ends, self._groups)
        count = events_file.write(file, contents, self.export.read(self._ends))
        return f"{count} records of {len(self._layout)} topics"


def record(settings: KafkaSettings, clock: Clock, port: int, *, patience_s: float = PATIENCE_S) -> None:
    """Notes and copies as the dump's program says, until it is done. Raises Refused when it ends before that."""
    from services.chassis.eventlog.kafka_export import KafkaExport

    with socket.create_server(("127.0.0.1", port)) as door:
        door.settimeout(patience_s)
        try:
            caller, _ = door.accept()
        except TimeoutError:
            raise Refused(f"Nobody who dumps the databases came within {patience_s:.0f} s.") from None
    caller.settimeout(None)
    with caller, caller.makefile("rw", encoding="utf-8") as talk, _unavailable():
        try:
            export = KafkaExport(settings)
        except EventLogError as wrong:
            _say(talk, f"no {wrong}")
            raise
        with export:
            if _told_done(talk, Recording(export, clock)):
                return
    raise Refused("The dump of the databases ended before it was done: there is no backup. Its own log says why.")


def _told_done(talk: IO[str], recording: Recording) -> bool:
    try:
        for line in talk:
            word, _, rest = line.strip().partition(" ")
            if word == "done":
                return True
            _say(talk, _answer(recording, word, rest))
    except ConnectionError:
        return False  # killed, and not ended: the same to us
    return False


def _say(talk: IO[str], sentence: str) -> None:
    talk.write(" ".join(sentence.split()) + "\n")
    talk.flush()


def _answer(recording: Recording, word: str, rest: str) -> str:
    try:
        match word:
            case "groups":
                said = recording.groups()
            case "ends":
                said = recording.ends()
            case "export":
                said = recording.write(Path(rest))
            case _:
                return f"no {word!r} is not understood."
    except (EventLogError, Refused, OSError) as wrong:
        return f"no {wrong}"
    return f"ok {said}"


@dataclass(frozen=True)
class Verified:
    """A whole file. `problems`: sentences, empty when all is well."""

    contents: events_file.Contents
    records: int
    problems: list[str]


def verify(file: Path) -> Verified:
    """Reads a file from end to end. Raises Refused when it is damaged or none of ours."""
    count = sum(1 for _ in events_file.records(file))
    contents = events_file.contents(file)
    ahead = [
        f"{group} has read {place} up to {offset}, past its end at {contents.ends.get(place, 0)}."
        for group, read in contents.groups.items()
        for place, offset in read.items()
        if offset > contents.ends.get(place, 0)
    ]
    return Verified(contents, count, ahead)


def restore(file: Path, settings: KafkaSettings, *, replace_topics: bool, overrides: Path | None = None) -> Verified:
    """Makes the topics and what is in them, and the groups' places, what they were.

    Killed half-way, it is started again with `replace_topics`. Raises Refused for a damaged file, topics that hold events,
    and while anybody reads; Unavailable when Kafka does not answer.
    """
    from services.chassis.eventlog.kafka_import import KafkaImport

    whole = verify(file)
    contents = whole.contents
    known = topics.declared(replication=settings.replication, overrides=overrides)
    names = sorted(contents.layout)
    every = sorted({*names, *known})
    with _unavailable(), KafkaImport(settings) as target:
        reading = target.readers(every, contents.groups)
        if reading:
            group, count = next(iter(reading.items()))
            raise Refused(f"{count} members of {group} read events: stop every service first (scale deployments to 0).")
        occupied = {name: count for name, count in target.occupied(every).items() if count}
        if occupied and not replace_topics:
            name, count = next(iter(occupied.items()))
            raise Refused(
                f"{name} holds {count} events already: remove it and the other topics, or let --replace remove them."
            )
        # Those too that came with a later version: what they tell is not known to the restored databases.
        target.remove(every)
        target.make(replace(known.get(name, topics.Topic(name)), partitions=contents.layout[name]) for name in names)
        count, groups = target.write(events_file.records(file), contents.groups)
        target.commit(contents.layout, groups)
    return replace(whole, records=count)


@contextmanager
def _unavailable() -> Iterator[None]:
    try:
        yield
    except EventLogError as wrong:
        raise Unavailable(str(wrong)) from wrong
