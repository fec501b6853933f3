"""What would have to change for Kafka's topics to be as declared, and at what cost. Nothing here talks to Kafka."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from services.chassis.eventlog.topics import DAY_MS, Topic

REORDERING = "--accept-reordering"
LOSS = "--accept-loss"


@dataclass(frozen=True)
class Found:
    """A topic as Kafka has it; `replication` is that of its partition with the fewest replicas."""

    partitions: int
    replication: int
    configs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Change:
    """One difference. `needs` is the option without which it is not made; "never" when nobody can make it."""

    topic: str
    kind: Literal["create", "partitions", "replication", "config"]
    sentence: str
    needs: str = ""
    #: For `partitions` the number, for `config` the name and the value.
    value: str = ""
    name: str = ""


def changes(wanted: Mapping[str, Topic], found: Mapping[str, Found]) -> list[Change]:
    """In the order in which they are made: the harmless first for each topic."""
    made: list[Change] = []
    for name, topic in wanted.items():
        if name not in found:
            made.append(Change(name, "create", f"{name} is missing: it is made with {_layout(topic)}."))
            continue
        # Replicas come before the demand that some of them confirm: without them nothing could be appended.
        made += [*_replicas(topic, found[name]), *_configs(topic, found[name]), *_partitions(topic, found[name])]
    return made


def _layout(topic: Topic) -> str:
    replicas = "as many replicas as the broker gives" if topic.replication < 0 else f"{topic.replication} replicas"
    kept = "the last event of each key" if topic.compacted else f"events kept {_span(topic.configs['retention.ms'])}"
    return f"{topic.partitions} partitions, {replicas}, {kept}"


def _partitions(topic: Topic, found: Found) -> list[Change]:
    name, have, want = topic.name, found.partitions, topic.partitions
    if want > have:
        sentence = (
            f"{name} has {have} partitions, declared are {want}: later events of a key may then go to another partition "
            "and be read before its earlier ones. Stop every 'work' process once its readers have caught up, then apply "
            f"with {REORDERING}."
        )
        return [Change(name, "partitions", sentence, REORDERING, str(want))]
    if want < have:
        sentence = f"{name} has {have} partitions, declared are {want}: Kafka takes none away. Declare {have} for it."
        return [Change(name, "partitions", sentence, "never", str(want))]
    return []


def _replicas(topic: Topic, found: Found) -> list[Change]:
    if topic.replication <= found.replication:
        return []
    sentence = (
        f"{topic.name} has {found.replication} replicas, declared are {topic.replication}: its partitions are copied to "
        "more brokers."
    )
    return [Change(topic.name, "replication", sentence, value=str(topic.replication))]


def _configs(topic: Topic, found: Found) -> list[Change]:
    made = []
    for name, want in topic.configs.items():
        have = found.configs.get(name, "")
        if have == want or (name == "max.message.bytes" and _number(have) >= int(want)):
            continue
        sentence, loss = _told(topic, name, have, want)
        made.append(Change(topic.name, "config", sentence, LOSS if loss else "", want, name))
    return made


def _told(topic: Topic, name: str, have: str, want: str) -> tuple[str, bool]:
    """The sentence about a configuration, and whether something is given up by it."""
    of = f"{topic.name}: {name} is {have or 'not set'}, declared is {want}"
    if name == "retention.ms":
        shorter = want != "-1" and (have == "-1" or _number(have) > int(want))
        return (f"{of}: events older than {_span(want)} are lost." if shorter else f"{of}.", shorter)
    if name == "cleanup.policy":
        if want == "compact":
            return f"{of}: of each key only the last event stays, the older ones are lost.", True
        return f"{of}.", False
    if name == "min.insync.replicas":
        fewer = _number(have) > int(want)
        return (f"{of}: what fewer brokers have confirmed may be lost with them." if fewer else f"{of}.", fewer)
    return f"{of}.", False


def _span(milliseconds: str) -> str:
    return "for ever" if milliseconds == "-1" else f"{int(milliseconds) / DAY_MS:g} days"


def _number(text: str) -> int:
    return int(text) if text.lstrip("-").isdigit() else 0


def new_replicas(replicas: Mapping[int, list[int]], brokers: list[int], wanted: int) -> dict[int, list[int]]:
    """Brokers of each partition when `wanted` replicas are asked for: those it has stay first, the others take turns.

    Raises ValueError when there are not so many brokers.
    """
    if wanted > len(brokers):
        raise ValueError(f"{wanted} replicas are declared, and there are {len(brokers)} brokers.")
    found = {}
    for partition, have in replicas.items():
        ordered = sorted(brokers)
        turn = ordered[partition % len(ordered) :] + ordered[: partition % len(ordered)]
        found[partition] = (have + [broker for broker in turn if broker not in have])[: max(wanted, len(have))]
    return found
