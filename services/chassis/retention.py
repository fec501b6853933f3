"""How long a service keeps what it stores, why, and how the rest goes: counted before, deleted in small batches.

Each service says what it keeps (`Parts.kept`); the chassis adds its own tables and the service's part of an embedded event
log. A profile says other days than the usual ones in `[retention]` for what every service has, and in
`[retention.<service>]` for a service's own. What has to be kept stands here too, with its reason, and nothing removes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Table, delete, func, select, tuple_, update

from services.chassis.db import TABLES, Database
from services.chassis.environment import SettingsError
from services.chassis.eventlog import EventLog
from services.chassis.eventlog.topics import DECLARED, RETENTION_DAYS

#: Rows of one transaction: nobody waits for it noticeably.
BATCH = 1000
LONGEST_DAYS = 36_525
#: Codes of what every service has.
COMMON = ("requests", "inbox", "dead_letters", "events")
#: What becomes of what is older; KEPT is kept for good, ITSELF goes without being asked.
DELETED, EMPTIED, KEPT, ITSELF = "deleted", "emptied", "kept", "itself"


@dataclass(frozen=True)
class Kept:
    """A class of data. `days` until it goes, None where that is not a matter of days; `least` days that a profile may say.

    `count(before)` says how many are older than an instant, `remove(before, limit)` takes at most so many away.
    """

    code: str
    what: str
    why: str
    how: str = KEPT
    days: int | None = None
    least: int = 1
    count: Callable[[datetime], int] | None = None
    remove: Callable[[datetime, int], int] | None = None


@dataclass(frozen=True)
class Look:
    """A class of data, the instant before which it goes, and how much that is now."""

    kept: Kept
    before: datetime | None = None
    count: int = 0


def for_good(code: str, what: str, why: str) -> Kept:
    return Kept(code, what, why)


def by_itself(code: str, what: str, why: str, days: int) -> Kept:
    """What the service's own housekeeping takes away every hour."""
    return Kept(code, what, why, ITSELF, days)


def rows(
    database: Database,
    table: Table,
    when: ColumnElement[Any],
    code: str,
    what: str,
    why: str,
    days: int,
    *,
    where: Sequence[ColumnElement[bool]] = (),
    least: int = 1,
    emptied: Mapping[str, Any] | None = None,
) -> Kept:
    """Rows of a table by an instant of theirs; deleted, or some columns `emptied` and the rows kept.

    `where` has to be false of a row that was emptied, so that each is found once.
    """
    key = list(table.primary_key.columns)

    def old(before: datetime) -> tuple[ColumnElement[bool], ...]:
        return (when < before, *where)

    def count(before: datetime) -> int:
        with database.read() as connection:
            return connection.execute(select(func.count()).select_from(table).where(*old(before))).scalar_one()

    def remove(before: datetime, limit: int) -> int:
        chosen = select(*key).where(*old(before)).limit(limit)
        these = key[0].in_(chosen) if len(key) == 1 else tuple_(*key).in_(chosen)
        statement = update(table).where(these).values(emptied) if emptied else delete(table).where(these)
        with database.write() as tx:
            return tx.execute(statement).rowcount

    return Kept(code, what, why, EMPTIED if emptied else DELETED, days, least, count, remove)


def of_the_chassis(database: Database, event_log: Callable[[], EventLog], service: str) -> list[Kept]:
    """What every service stores; ``event_log`` is asked for when its events are counted or removed."""
    return [
        rows(
            database,
            TABLES.idempotency_key,
            TABLES.idempotency_key.c.created_at,
            "requests",
            "answers to commands, by request id",
            "A command that is repeated is recognised; nobody repeats one after a season.",
            90,
            least=7,
        ),
        rows(
            database,
            TABLES.inbox_event,
            TABLES.inbox_event.c.handled_at,
            "inbox",
            "which events were handled",
            f"An event that comes again is recognised: longer than the {RETENTION_DAYS} days of the topics.",
            90,
            least=RETENTION_DAYS + 7,
        ),
        rows(
            database,
            TABLES.dead_letter,
            TABLES.dead_letter.c.closed_at,
            "dead_letters",
            "events that were set aside and decided",
            "Who gave what up, and why, is asked within the year.",
            365,
            where=(TABLES.dead_letter.c.closed_at.is_not(None),),
            least=30,
        ),
        _events(event_log, service),
    ]


def _events(event_log: Callable[[], EventLog], service: str) -> Kept:
    """The service's own topics, where the log is embedded; a broker keeps its topics as it was told (admin topics)."""
    topics = {topic.name: topic.compacted for topic in DECLARED if topic.name.startswith(f"coop.{service}.")}
    return Kept(
        "events",
        f"events of {service} in the embedded event log",
        "Deleted when every reader has passed them; where an event is the whole state of its key, the last one stays. On "
        "Kafka the topics themselves say how long.",
        DELETED,
        30,
        7,
        lambda before: event_log().count_old(topics, before),
        lambda before, limit: event_log().forget_old(topics, before, limit),
    )


def as_the_profile_says(kept: Sequence[Kept], section: Mapping[str, Any], service: str) -> list[Kept]:
    """With the days of `[retention]` for what is common, and of `[retention.<service>]` for the service's own.

    SettingsError names what is no class, a class that nobody may shorten, and days that are too few.
    """
    own = section.get(service, {})
    shared = {name: value for name, value in section.items() if not isinstance(value, dict)}
    problems = [_unknown(f"[retention] {name}", COMMON) for name in shared if name not in COMMON]
    mine = {each.code for each in kept} - set(COMMON)
    problems += [_unknown(f"[retention.{service}] {name}", sorted(mine)) for name in own if name not in mine]
    found = []
    for each in kept:
        said = shared if each.code in COMMON else own
        if each.code not in said:
            found.append(each)
            continue
        days = said[each.code]
        if each.remove is None:
            problems.append(f"coop.toml [retention]: {each.code} cannot be said there: {each.why}")
        elif not isinstance(days, int) or isinstance(days, bool) or not each.least <= days <= LONGEST_DAYS:
            problems.append(f"coop.toml [retention]: {each.code} is {days!r}; give whole days, {each.least} at least.")
        else:
            found.append(replace(each, days=days))
    if problems:
        raise SettingsError(problems)
    return found


def _unknown(name: str, known: Sequence[str]) -> str:
    return f"coop.toml {name} is no class of data; known are {', '.join(known) or 'none'}."


def look(kept: Sequence[Kept], now: datetime) -> Iterator[Look]:
    """What would go now."""
    for each in kept:
        if each.count is None or each.days is None:
            yield Look(each)
        else:
            before = now - timedelta(days=each.days)
            yield Look(each, before, each.count(before))


def apply(kept: Sequence[Kept], now: datetime, alive: Callable[[], bool] = lambda: True) -> Iterator[tuple[Kept, int]]:
    """Removes batch by batch, each told when it is committed, until nothing is old or `alive` says no."""
    for each in kept:
        if each.remove is None or each.days is None:
            continue
        before = now - timedelta(days=each.days)
        while alive():
            gone = each.remove(before, BATCH)
            if gone:
                yield each, gone
            if gone < BATCH:
                break
