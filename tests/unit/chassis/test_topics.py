"""The topics of the platform: declared once and for all events, and what a difference to Kafka costs."""

import re
from pathlib import Path

import pytest

from services.chassis.eventlog import layout
from services.chassis.eventlog.topic_changes import LOSS, REORDERING, Found, changes, new_replicas
from services.chassis.eventlog.topics import DAY_MS, DECLARED, Topic, declared

ROOT = Path(__file__).resolve().parents[3]
NAME = re.compile(r"\bcoop\.[a-z]+\.[a-z_]+\.v\d+\b")
WORK = "coop.billing.work.v1"


def test_every_topic_that_events_and_services_name_is_declared_and_no_other() -> None:
    events = ROOT.glob("protos/coop/*/events/v1/events.proto")
    said = {name for path in events for name in re.findall(rf"Topic ({NAME.pattern})", path.read_text())}
    services = (
        path for path in ROOT.glob("services/*/**/*.py") if path.name != "topics.py" or "metering" in path.parts
    )
    used = {name for path in services for name in re.findall(rf'"({NAME.pattern})"', path.read_text())}
    known = {topic.name for topic in DECLARED}
    assert said == known
    assert used <= known, "a service writes to or reads a topic that no event names"


def test_what_is_kept_for_its_state_alone_has_one_event_with_the_whole_state() -> None:
    for topic in DECLARED:
        if topic.compacted:
            service = topic.name.split(".")[1]
            text = (ROOT / f"protos/coop/{service}/events/v1/events.proto").read_text()
            told = re.search(
                rf"Topic {topic.name}, .*The whole state after the change\.\nmessage \w+ \{{[^}}]*\}}\n(.*)", text
            )
            assert told, f"{topic.name} is compacted: its proto has to say that each event is the whole state"
            assert not told[1].startswith(("message", "// A")), f"{topic.name} has more than one kind of event"


def test_a_service_needs_its_own_topics_and_those_it_reads() -> None:
    assert layout.topics_of("metering", ["coop.supplies.supply.v1"]) == [
        "coop.metering.curve.v1",
        "coop.metering.reading.v1",
        "coop.supplies.supply.v1",
    ]


def found(topic: Topic, **otherwise: object) -> Found:
    configs = {**topic.configs, **otherwise.pop("configs", {})}  # type: ignore[dict-item]
    return Found(**{"partitions": topic.partitions, "replication": 3, "configs": configs, **otherwise})  # type: ignore[arg-type]


def difference(
    configs: dict[str, str] | None = None, *, wanted: Topic | None = None, **otherwise: object
) -> tuple[str, str]:
    """(what it needs, the sentence) of the one difference to a topic that is otherwise as it should be."""
    topic = wanted or Topic(WORK)
    (change,) = changes({WORK: topic}, {WORK: found(topic, configs=configs or {}, **otherwise)})
    return change.needs, change.sentence


def test_what_is_as_declared_or_better_needs_nothing() -> None:
    topic = Topic(WORK)
    better = found(topic, configs={"max.message.bytes": "5000000"}, replication=5)
    assert changes({WORK: topic}, {WORK: better}) == []


def test_what_costs_something_is_named_with_its_cost() -> None:
    assert difference(partitions=3)[0] == REORDERING
    assert "later events of a key may then go to another partition" in difference(partitions=3)[1]
    assert difference(partitions=8) == (
        "never",
        f"{WORK} has 8 partitions, declared are 4: Kafka takes none away. Declare 8 for it.",
    )
    needs, sentence = difference({"retention.ms": "-1"})
    assert needs == LOSS
    assert "events older than 60 days are lost" in sentence
    assert difference({"retention.ms": str(DAY_MS)})[0] == ""
    assert difference({"cleanup.policy": "compact"})[0] == ""
    assert difference({"cleanup.policy": "delete"}, wanted=Topic(WORK, compacted=True))[0] == LOSS
    assert difference({"min.insync.replicas": "2"})[0] == LOSS
    assert difference({"min.insync.replicas": "1"}, wanted=Topic(WORK, min_insync_replicas=2))[0] == ""
    assert difference({"max.message.bytes": "1000"})[0] == ""
    assert difference(replication=1, wanted=Topic(WORK, replication=3))[0] == ""


def test_more_replicas_keep_those_there_are() -> None:
    assert new_replicas({0: [1], 1: [2], 2: [3]}, [3, 1, 2], 2) == {0: [1, 2], 1: [2, 3], 2: [3, 1]}
    assert new_replicas({0: [2, 1, 3]}, [1, 2, 3], 2) == {0: [2, 1, 3]}
    with pytest.raises(ValueError, match="3 replicas are declared, and there are 1 brokers"):
        new_replicas({0: [1]}, [1], 3)


def test_an_installation_says_otherwise_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "topics.toml"
    file.write_text(f'partitions = 12\nreplication = 3\n["{WORK}"]\npartitions = 24\nretention_days = 14\n')
    topics = declared(overrides=file)
    assert topics[WORK] == Topic(WORK, 24, 3, 2, 14)
    assert topics["coop.supplies.member.v1"] == Topic(
        "coop.supplies.member.v1", 12, 3, 2, compacted=True, announced=True
    )
    assert declared(partitions=6)[WORK].partitions == 6


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("partitions = 0", "partitions = 0: write a whole number from 1."),
        ("retention_days = 0", "or -1 for ever"),
        ("colour = 1", "'colour', which is none of"),
        ('["coop.nobody.knows.v1"]\npartitions = 2', "'coop.nobody.knows.v1', which is no topic"),
        ("replication = 1\nmin_insync_replicas = 2", "nothing could ever be appended"),
        ("partitions =", "cannot be read"),
    ],
)
def test_a_wrong_file_is_named(text: str, sentence: str, tmp_path: Path) -> None:
    file = tmp_path / "topics.toml"
    file.write_text(text)
    with pytest.raises(ValueError, match=re.escape(sentence)):
        declared(overrides=file)
