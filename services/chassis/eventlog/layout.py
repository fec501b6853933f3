"""Whether the topics that a service writes and reads are there and as wide as declared: asked before it works."""

from __future__ import annotations

from collections.abc import Iterable

from services.chassis.eventlog.base import EventLog
from services.chassis.eventlog.topics import DECLARED


def topics_of(service: str, read: Iterable[str]) -> list[str]:
    """The service's own topics, which carry its name, and those that it reads."""
    own = {topic.name for topic in DECLARED if topic.name.split(".")[1] == service}
    return sorted(own | set(read))


def problem(event_log: EventLog, names: Iterable[str], *, partitions: int, managed: bool) -> str:
    """What is wrong with these topics, in a sentence; empty when they are good. Raises `EventLogUnavailable`.

    A topic with more partitions than asked for is good: readers share whatever there are. Where topics are not managed, a
    missing one is made by the first who needs it.
    """
    found = event_log.layout(names)
    missing = [name for name, have in found.items() if have == 0] if managed else []
    if missing:
        others = f" and {len(missing) - 1} others are" if len(missing) > 1 else " is"
        return f"The topic {missing[0]}{others} missing: run 'coopctl admin topics apply'."
    for name, have in found.items():
        if 0 < have < partitions:
            return (
                f"The topic {name} has {have} partitions, and COOP_EVENT_PARTITIONS asks for {partitions}: set it to {have}, "
                "or grow the topic as 'coopctl admin topics plan' says."
            )
    return ""
