"""`coopctl admin topics`: the topics of the event log as the platform declares them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import unquote, urlsplit

import typer

from services.chassis.environment import load, setting
from services.chassis.errors import Unavailable
from services.chassis.eventlog import EventLogError
from services.chassis.eventlog.topic_changes import LOSS, REORDERING, Change, changes
from services.chassis.eventlog.topics import Topic, as_declared, declared
from services.staff.settings import StaffSettings
from services.staff.show import JsonOption, print_json, say, table

if TYPE_CHECKING:  # whoever has the embedded log does without the Kafka client
    from services.chassis.eventlog.kafka_topics import KafkaTopics

app = typer.Typer(no_args_is_help=True, help="Topics of the event log as declared: partitions, replicas, retention.")


@dataclass(frozen=True)
class TopicSettings(StaffSettings):
    topic_layout: str = setting(
        "COOP_TOPIC_LAYOUT", default="", help="TOML file of what is otherwise here in the topics"
    )


OverridesOption = Annotated[
    Path | None,
    typer.Option("--overrides", help="TOML file of what is otherwise here; COOP_TOPIC_LAYOUT when left out."),
]


@app.command("plan")
def plan(overrides: OverridesOption = None, as_json: JsonOption = False) -> None:
    """Show what `apply` would change. Changes nothing."""
    _run(overrides, as_json, accepted=None)


@app.command("apply")
def apply(
    overrides: OverridesOption = None,
    reordering: Annotated[
        bool, typer.Option(REORDERING, help="Grow partitions although later events of a key may overtake earlier ones.")
    ] = False,
    loss: Annotated[bool, typer.Option(LOSS, help="Keep events for less long, or less safely, than now.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Make missing topics and raise what is too low. What costs something is left, named, and ends with exit code 1."""
    accepted = {option for option, given in ((REORDERING, reordering), (LOSS, loss)) if given}
    _run(overrides, as_json, accepted=accepted)


def _run(overrides: Path | None, as_json: bool, accepted: set[str] | None) -> None:
    found = load(TopicSettings)
    url = found.event_log_url
    file = overrides or (Path(found.topic_layout) if found.topic_layout else None)
    if urlsplit(url).scheme != "kafka":
        _tell_of_sqlite(Path(unquote(urlsplit(url).path[1:])), as_json)
        return
    from services.chassis.eventlog.kafka_settings import KafkaSettings
    from services.chassis.eventlog.kafka_topics import KafkaTopics

    try:
        kafka = KafkaSettings.parse(url)
        topics = declared(partitions=found.event_partitions, replication=kafka.replication, overrides=file)
    except ValueError as wrong:
        say(str(wrong))
        raise typer.Exit(2) from wrong
    try:
        with KafkaTopics(kafka) as cluster:
            open_changes = _changed(cluster, topics, accepted, quiet=as_json)
            strangers = cluster.strangers(topics)
    except EventLogError as wrong:
        raise Unavailable(str(wrong)) from wrong
    _show(topics, open_changes, strangers, as_json, applied=accepted is not None)
    if accepted is not None and open_changes:
        raise typer.Exit(1)


def _changed(cluster: KafkaTopics, topics: dict[str, Topic], accepted: set[str] | None, *, quiet: bool) -> list[Change]:
    """Makes the changes that are accepted, all those that cost nothing among them; what is then still different."""
    differences = changes(topics, cluster.found(topics))
    if accepted is None:
        return differences
    for change in differences:
        if not change.needs or change.needs in accepted:
            cluster.apply(change, topics[change.topic])
            if not quiet:
                say(f"Done: {change.sentence}")
    return [change for change in differences if change.needs and change.needs not in accepted]


def _show(
    topics: dict[str, Topic], differences: list[Change], strangers: list[str], as_json: bool, *, applied: bool
) -> None:
    if as_json:
        print_json(
            {
                "event_log": "kafka",
                "topics": [
                    {
                        "topic": topic.name,
                        "partitions": topic.partitions,
                        "replication": topic.replication,
                        "configs": topic.configs,
                        "compacted": topic.compacted,
                        "late_reader": topic.late_reader,
                        "differences": [
                            {
                                "kind": change.kind,
                                "name": change.name,
                                "needs": change.needs,
                                "sentence": change.sentence,
                            }
                            for change in differences
                            if change.topic == topic.name
                        ],
                    }
                    for topic in topics.values()
                ],
                "not_declared": strangers,
            }
        )
        return
    columns = ("Topic", "Partitions", "Kept", "A reader that comes late has it from")
    rows = [(topic.name, topic.partitions, topic.kept, topic.late_reader) for topic in topics.values()]
    table("Topics as declared", columns, rows, numbers=("Partitions",))
    for name in strangers:
        say(f"{name} is no topic of this release; it is left as it is.")
    if not differences:
        say(f"The {len(topics)} topics are as declared.")
        return
    changed = [(change.topic, change.kind, _needs(change), change.sentence) for change in differences]
    table("Not changed" if applied else "To change", ("Topic", "What", "Needs", "Meaning"), changed)


def _needs(change: Change) -> str:
    return "cannot be made" if change.needs == "never" else change.needs or "apply"


def _tell_of_sqlite(path: Path, as_json: bool) -> None:
    """The embedded log makes its topics when somebody writes to them or reads them."""
    topics: dict[str, int] = {}
    if path.exists():
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            topics = dict(connection.execute("SELECT name, partitions FROM topic ORDER BY name").fetchall())
    if as_json:
        found: list[dict[str, object]] = [
            {
                "topic": name,
                "partitions": partitions,
                "compacted": as_declared(name).compacted,
                "late_reader": as_declared(name).late_reader,
                "differences": [],
            }
            for name, partitions in topics.items()
        ]
        print_json({"event_log": "sqlite", "topics": found, "not_declared": []})
        return
    rows = [
        (name, partitions, "last of each key" if topic.compacted else "as retention says", topic.late_reader)
        for name, partitions in topics.items()
        for topic in (as_declared(name),)
    ]
    columns = ("Topic", "Partitions", "Kept", "A reader that comes late has it from")
    table(f"Topics in {path}", columns, rows, numbers=("Partitions",))
    say(
        "The event log is one file on this machine: services make their topics there, nothing has to be done. How long "
        "events stay in it: coopctl admin retention plan."
    )
