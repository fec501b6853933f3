"""`coopctl backup events`: the event log of a cluster, kept and brought back beside its databases."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.chassis.clock import SystemClock
from services.chassis.environment import load
from services.chassis.errors import Refused
from services.staff.admin_topics import TopicSettings
from services.staff.backup import events
from services.staff.show import JsonOption, facts, print_json, say

if TYPE_CHECKING:  # other commands of a backup do without the Kafka client
    from services.chassis.eventlog.kafka_settings import KafkaSettings

app = typer.Typer(
    no_args_is_help=True,
    help="The event log of a cluster in its backup: run by the jobs that back up and restore (docs/backup.md).",
)

FileArgument = Annotated[
    Path, typer.Argument(metavar="FILE", help="events.jsonl.gz of a backup.", exists=True, dir_okay=False)
]


@app.command("record")
def record_command(
    port: Annotated[int, typer.Option("--port", help="Of the loopback, where the dump's program comes to.")] = (
        events.PORT
    ),
) -> None:
    """Stand beside the dump of the databases: note where readers and topics are when it says so, then copy the events."""
    settings, _ = _settings()
    events.record(settings, SystemClock(), port)


@app.command("verify")
def verify_command(file: FileArgument, as_json: JsonOption = False) -> None:
    """Read a backup's event log from end to end: is it whole, and what is in it?"""
    found = events.verify(file)
    if as_json:
        print_json(_said(file, found))
    else:
        facts(str(file), ((name.capitalize(), value) for name, value in _said(file, found).items() if name != "file"))
    if found.problems:
        raise typer.Exit(1)


@app.command("restore")
def restore_command(
    file: FileArgument,
    replace: Annotated[
        bool, typer.Option("--replace", help="Remove the platform's topics with what is in them first.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Make the topics, and how far each reader is, what they were. Stop every service first."""
    settings, overrides = _settings()
    done = events.restore(file, settings, replace_topics=replace, overrides=overrides)
    if as_json:
        print_json(_said(file, done))
        return
    said = done.contents
    say(f"{done.records} events in {len(said.layout)} topics and {len(said.groups)} readers are as at {said.instant}.")


def _said(file: Path, found: events.Verified) -> dict[str, object]:
    return {
        "file": str(file),
        "instant": found.contents.instant,
        "version": found.contents.version,
        "topics": len(found.contents.layout),
        "readers": len(found.contents.groups),
        "events": found.records,
        "problems": found.problems,
    }


def _settings() -> tuple[KafkaSettings, Path | None]:
    """The broker and the file of topics that COOP_EVENT_LOG and COOP_TOPIC_LAYOUT name."""
    from services.chassis.eventlog.kafka_settings import KafkaSettings

    found = load(TopicSettings)
    if not found.event_log_url.startswith("kafka:"):
        raise Refused("COOP_EVENT_LOG names no Kafka: on one machine 'coopctl backup create' keeps the event log too.")
    return KafkaSettings.parse(found.event_log_url), Path(found.topic_layout) if found.topic_layout else None
