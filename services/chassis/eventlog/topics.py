"""Every topic of the platform and how it is to be kept: the one declaration that `coopctl admin topics` compares with Kafka.

Events are kept for 60 days: longer than anybody takes to notice that a reader stands still or to restore a backup, and
shorter than the readers' inboxes remember what they handled (90 days), so that reading from the start never does anything
twice. Where every event is the whole state of its key, Kafka keeps the last one of each key instead of a time span.

A reader that begins when events are gone learns states from compacted topics, and states of other topics when their owner
tells them again (`coopctl admin announce`, `services/chassis/announcing.py`). Facts are told once: who has handled and lost
them has them from its own backup.

An installation says otherwise in a TOML file (COOP_TOPIC_LAYOUT), for all topics or for one:

    partitions = 12
    replication = 3
    min_insync_replicas = 2

    ["coop.billing.work.v1"]
    partitions = 24
    retention_days = 14
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from services.chassis.eventlog.base import DEFAULT_PARTITIONS, MAX_RECORD_BYTES

DAY_MS = 86_400_000
RETENTION_DAYS = 60
#: A record's own bytes and what Kafka adds to a batch; the broker's default.
MESSAGE_BYTES = max(1_048_588, MAX_RECORD_BYTES)
#: How long a reader sees every state of a compacted topic before older ones may go.
COMPACTION_LAG_DAYS = 7


@dataclass(frozen=True)
class Topic:
    """How a topic is to be. `replication` -1 leaves it to the broker; `retention_days` -1 keeps events for ever."""

    name: str
    partitions: int = DEFAULT_PARTITIONS
    replication: int = -1
    #: How many replicas must have a record before the producer, which waits for all of them, is told that it is kept.
    min_insync_replicas: int = 1
    retention_days: int = RETENTION_DAYS
    #: Kafka keeps the last record of each key for ever, and the older ones for a week.
    compacted: bool = False
    #: Its service tells the states that it carries again when it is asked to.
    announced: bool = False

    @property
    def service(self) -> str:
        """Who writes it."""
        return self.name.split(".")[1]

    @property
    def kept(self) -> str:
        """How long, in words for an operator."""
        if self.compacted:
            return "last of each key"
        return f"{self.retention_days} days" if self.retention_days > 0 else "for ever"

    @property
    def late_reader(self) -> str:
        """From where a reader has what was told before it began, or before its database was lost."""
        ways = ["the topic"] if self.compacted or self.retention_days < 0 else []
        ways += [f"coopctl admin announce {self.service}"] if self.announced else []
        return " or ".join(ways) or "its backup: facts are told once"

    @property
    def configs(self) -> dict[str, str]:
        """Kafka's own names and values."""
        kept = -1 if self.compacted or self.retention_days < 0 else self.retention_days * DAY_MS
        found = {
            "cleanup.policy": "compact" if self.compacted else "delete",
            "retention.ms": str(kept),
            "min.insync.replicas": str(self.min_insync_replicas),
            "max.message.bytes": str(MESSAGE_BYTES),
        }
        return found | ({"min.compaction.lag.ms": str(COMPACTION_LAG_DAYS * DAY_MS)} if self.compacted else {})


DECLARED = (
    Topic("coop.identity.account.v1", announced=True),
    Topic("coop.supplies.member.v1", compacted=True, announced=True),
    Topic("coop.supplies.supply.v1", compacted=True, announced=True),
    Topic("coop.supplies.access.v1", announced=True),
    Topic("coop.supplies.invitation.v1"),
    Topic("coop.metering.curve.v1"),
    Topic("coop.metering.reading.v1"),
    Topic("coop.billing.invoice.v1"),
    Topic("coop.billing.payment.v1"),
    Topic("coop.billing.certificate.v1"),
    Topic("coop.billing.work.v1"),
    Topic("coop.notifications.message.v1"),
)
#: What an installation may say of each topic, with the smallest value that has a meaning.
_OPTIONS = {"partitions": 1, "replication": 1, "min_insync_replicas": 1, "retention_days": -1}


def as_declared(name: str) -> Topic:
    """The declaration of a topic; of one that is not the platform's, what is usual."""
    return next((topic for topic in DECLARED if topic.name == name), Topic(name))


def declared(
    *, partitions: int = DEFAULT_PARTITIONS, replication: int = -1, overrides: Path | None = None
) -> dict[str, Topic]:
    """Every topic by its name, as this installation wants it. Two of three replicas have to have a record unless the
    overrides say otherwise. Raises ValueError naming what is wrong in the overrides."""
    common: dict[str, int] = {"partitions": partitions, "replication": replication}
    single: dict[str, dict[str, int]] = {}
    if overrides:
        common, single = _read(overrides, common)
    topics = {}
    for topic in DECLARED:
        said = common | single.pop(topic.name, {})
        if said["replication"] >= 3:
            said.setdefault("min_insync_replicas", 2)
        made = replace(topic, **said)  # type: ignore[arg-type]
        if 0 < made.replication < made.min_insync_replicas:
            raise ValueError(
                f"{made.name} is to have {made.replication} replicas and to wait for {made.min_insync_replicas}: nothing "
                "could ever be appended to it. Lower min_insync_replicas or raise replication."
            )
        topics[made.name] = made
    if single:
        raise ValueError(f"{overrides} speaks of {sorted(single)[0]!r}, which is no topic of the platform.")
    return topics


def _read(path: Path, common: dict[str, int]) -> tuple[dict[str, int], dict[str, dict[str, int]]]:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as wrong:
        raise ValueError(f"The topics' file {path} cannot be read: {wrong}") from wrong
    single = {name: _options(path, value) for name, value in document.items() if isinstance(value, dict)}
    every = {name: value for name, value in document.items() if not isinstance(value, dict)}
    return common | _options(path, every), single


def _options(path: Path, said: Mapping[str, Any]) -> dict[str, int]:
    for name, value in said.items():
        if name not in _OPTIONS:
            raise ValueError(f"{path} says {name!r}, which is none of {', '.join(_OPTIONS)}.")
        if isinstance(value, bool) or not isinstance(value, int) or value < _OPTIONS[name] or value == 0:
            raise ValueError(
                f"{path} says {name} = {value!r}: write a whole number from 1"
                f"{', or -1 for ever' if _OPTIONS[name] < 0 else ''}."
            )
    return dict(said)
