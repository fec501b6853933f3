"""Register readings into the database: identical ones once, doubtful ones kept aside, and the closes they make."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

from coop.common.v1.types_pb2 import DatePeriod as DatePeriodMessage
from coop.metering.events.v1.events_pb2 import PeriodClosed
from sqlalchemy import Connection

from services.chassis.db import Transaction
from services.chassis.ids import new_id
from services.chassis.periods import DatePeriod
from services.metering.application.aftermath import follow_up
from services.metering.application.closes import PointClose, at, closes_of
from services.metering.application.placing import by_agreement, points_of_names, with_serials
from services.metering.application.topics import CURVE_TOPIC
from services.metering.domain.calendar import ZONE_TIME
from services.metering.domain.estimation.closes import ON_THE_SPOT, Origin
from services.metering.domain.estimation.validation import Finding, Problem, check_window
from services.metering.domain.hours import END_DAY, FIRST_DAY, day_number, local_days
from services.metering.domain.register_closes import Kept, chain, examine, extended, origin_word
from services.metering.domain.registers import WH, RegisterRow
from services.metering.domain.totals import hours_expected
from services.metering.repository import holdings, points, readings
from services.metering.repository.points import Assignment, ContractTariff
from services.metering.repository.readings import StoredReading

_NEAR = timedelta(days=70)
_YEAR = timedelta(days=400)
_CONFIRMABLE = frozenset({Problem.GROWTH, Problem.ABOVE_POWER})
"""Findings about an amount: somebody who looks at the meter and reads the same confirms it."""


@dataclass
class StoredReadings:
    """What became of readings. ``new`` counts the doubtful ones too; ``unknown_meters`` are serials that hang nowhere.

    ``unplaced`` rows name a supply of nobody, or one without a meter on that day; ``misplaced`` ones a meter that hung at
    another supply than the one they name: nothing of either is stored.
    """

    new: int = 0
    duplicates: int = 0
    doubtful: int = 0
    unknown_meters: list[str] = field(default_factory=list)
    unplaced: list[RegisterRow] = field(default_factory=list)
    misplaced: list[RegisterRow] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)


def store_readings(tx: Transaction, rows: Sequence[RegisterRow], import_id: str | None) -> StoredReadings:
    """Keeps readings of any meters and announces the periods they close.

    Every version is kept; one identical to another (meter, day, origin, values) is a duplicate. A doubtful reading keeps
    its findings and closes nothing. Readings of meters that hang nowhere wait for them. ``ids``: of the rows that were
    placed, in their order; a duplicate has that of the reading before. Raises Invalid for nothing: rows are the border's.
    """
    result = StoredReadings()
    named = points_of_names(tx.connection, rows)
    serials, result.unplaced = with_serials(tx.connection, rows, named)
    keys = points.lock_meters(tx, {row.meter for row in serials})
    assignments = points.assignments_of_meters(tx, set(keys.values()))
    placed, result.misplaced = by_agreement(serials, named, keys, assignments)
    if not placed:
        return result
    result.unknown_meters = sorted(set(keys) - {serial for serial, key in keys.items() if _hangs(assignments, key)})
    points.lock_points(tx, {assignment.point_key for assignment in assignments})
    days = [row.day for row in placed]
    known = readings.around(
        tx.connection, set(keys.values()), min(days) - _NEAR, max(days) + _NEAR, monthly_from=min(days) - _YEAR
    )
    judge = _Judge(tx.connection, assignments, known)
    for index, row in sorted(enumerate(placed), key=lambda one: (one[1].day, one[0])):
        judge.take(_stored(row, keys[row.meter], tx, import_id), index)
    readings.add(tx, judge.new)
    result.new, result.duplicates = len(judge.new), len(placed) - len(judge.new)
    result.doubtful = sum(one.doubtful for one in judge.new)
    result.ids = [judge.ids[index] for index in range(len(placed))]
    before = closes_of(assignments, known)
    after = closes_of(assignments, [*known, *(one for one in judge.new)])
    announce(tx, after - before)
    follow_up(tx, spans_of(before ^ after), "reading")
    return result


def spans_of(closed: Collection[PointClose]) -> dict[int, tuple[date, date]]:
    """First day and the day after the last one of closes, by point."""
    spans: dict[int, tuple[date, date]] = {}
    for one in closed:
        start, end = spans.get(one.point_key, (one.close.period.start, one.close.period.end))
        spans[one.point_key] = min(start, one.close.period.start), max(end, one.close.period.end)
    return spans


def announce(tx: Transaction, closed: Collection[PointClose]) -> None:
    """Leaves one PeriodClosed per close in the outbox."""
    known = points.points_by_key(tx.connection, {one.point_key for one in closed})
    events: list[tuple[str, str, Any]] = []
    for one in sorted(closed, key=lambda c: (c.point_key, c.close.period.start, c.close.meter)):
        point, close = known[one.point_key], one.close
        event = PeriodClosed(
            supply_id=point.supply_id,
            service_id=point.service_id,
            meter=close.meter,
            period=DatePeriodMessage(start=close.period.start.isoformat(), end=close.period.end.isoformat()),
            unit=close.unit,
            used=close.used,
            origin=origin_word(close.origin),
            reading_ids=close.reading_ids,
        )
        events.append((CURVE_TOPIC, point.supply_id, event))
    tx.emit_many(events)


class _Judge:
    """Readings one after the other, each beside those known before it."""

    def __init__(
        self, connection: Connection, assignments: Sequence[Assignment], known: Iterable[StoredReading]
    ) -> None:
        self.new: list[StoredReading] = []
        self.ids: dict[int, str] = {}
        self._assignments: dict[int, list[Assignment]] = defaultdict(list)
        for assignment in assignments:
            self._assignments[assignment.meter_key].append(assignment)
        point_keys = {assignment.point_key for assignment in assignments}
        self._contracts = holdings.contracts_of_points(connection, point_keys)
        self._zones = {key: point.tariff_zone for key, point in points.points_by_key(connection, point_keys).items()}
        self._seen: dict[tuple[Any, ...], str] = {}
        self._last_word: dict[tuple[int, date], str] = {}
        self._doubted: set[tuple[Any, ...]] = set()
        self._kept: dict[tuple[int, date | None], list[Kept]] = defaultdict(list)
        self._chains: dict[tuple[int, date | None], list[Kept]] = {}
        for reading in known:
            self._note(reading)

    def take(self, reading: StoredReading, index: int) -> None:
        """Judge a reading, or recognise it."""
        earlier = self._seen.get(reading.same)
        # A member who takes a correction back says again what was said before: the last word of a day counts.
        taken_back = reading.origin is Origin.SELF_READING and self._last_word.get(_person(reading)) != earlier
        if earlier is not None and not taken_back:
            self.ids[index] = earlier
            return
        kept, group = reading.kept, self._group(reading)
        if kept is not None:
            chained = self._chain(group)
            power_w, zone = self._contract(reading)
            found = examine(kept, chained, power_w, lambda period: _hours_in(zone, period))
            confirmed = reading.origin in ON_THE_SPOT and _shown(reading) in self._doubted
            amounts_only = all(one.problem in _CONFIRMABLE for one in found)
            reading = replace(
                reading,
                findings=[_finding(one) for one in (*found, *_remarks(reading, zone))],
                doubtful=bool(found) and not (confirmed and amounts_only),
            )
        self.ids[index] = reading.id
        self.new.append(reading)
        self._note(reading)

    def _note(self, reading: StoredReading) -> None:
        self._seen.setdefault(reading.same, reading.id)
        if reading.origin is Origin.SELF_READING:
            self._seen[reading.same] = self._last_word[_person(reading)] = reading.id
        if reading.doubtful:
            self._doubted.add(_shown(reading))
        if reading.kept is not None:
            group = self._group(reading)
            chained = self._chains.get(group)
            self._kept[group].append(reading.kept)
            if chained is not None:
                self._chains[group] = extended(chained, self._kept[group], reading.kept)

    def _chain(self, group: tuple[int, date | None]) -> list[Kept]:
        if group not in self._chains:
            self._chains[group] = chain(self._kept[group])
        return self._chains[group]

    def _group(self, reading: StoredReading) -> tuple[int, date | None]:
        """Readings of a meter that moved to another place are judged there."""
        found = at(self._assignments[reading.meter_key], reading.day)
        return reading.meter_key, found.start if found else None

    def _contract(self, reading: StoredReading) -> tuple[int, str]:
        """Contracted W of the day before the reading (0 where none is known) and the tariff zone."""
        found = at(self._assignments[reading.meter_key], reading.day)
        if found is None:
            return 0, ""
        power = power_on(self._contracts.get(found.point_key, []), reading.day - timedelta(days=1))
        return power, self._zones.get(found.point_key, "")


def _remarks(reading: StoredReading, zone: str) -> list[Finding]:
    """What the office should know of a reading that counts all the same: in Spain a meter that somebody reads is read
    monthly, around the first of the month (RD 88/2026 art. 43).
    """
    if zone not in ZONE_TIME or reading.unit != WH or reading.origin not in ON_THE_SPOT:
        return []
    return check_window(reading.day, _nearest_first(reading.day))


def _nearest_first(day: date) -> date:
    """The first day of the month that is nearest, of its own or of the next."""
    first = day.replace(day=1)
    following = (first + timedelta(days=31)).replace(day=1)
    return min((first, following), key=lambda one: abs((one - day).days))


def power_on(contracts: Sequence[ContractTariff], day: date) -> int:
    """The highest contracted W of a day; 0 where there is none."""
    for contract in reversed(contracts):
        if contract.start <= day and (contract.end is None or day < contract.end):
            return max(contract.power_w, default=0)
    return 0


def _stored(row: RegisterRow, meter_key: int, tx: Transaction, import_id: str | None) -> StoredReading:
    return StoredReading(
        id=new_id(),
        meter_key=meter_key,
        meter=row.meter,
        day=row.day,
        origin=row.origin,
        unit=row.unit,
        registers={channel: list(values) for channel, values in row.registers.items()},
        totals=dict(row.totals),
        since=row.since,
        max_power=row.max_power,
        received_at=tx.clock.now(),
        import_id=import_id,
        findings=[],
        doubtful=False,
    )


def _hangs(assignments: Iterable[Assignment], meter_key: int) -> bool:
    return any(assignment.meter_key == meter_key for assignment in assignments)


def _person(reading: StoredReading) -> tuple[int, date]:
    """Whose word of which day a self-reading is: that of the people at its meter."""
    return (reading.meter_key, reading.day)


def _shown(reading: StoredReading) -> tuple[Any, ...]:
    """What a reading of the main channel showed, however it was read."""
    return (reading.meter_key, reading.day, reading.unit, reading.kept and reading.kept.reading.registers_wh)


def _finding(finding: Finding) -> dict[str, Any]:
    return {"problem": finding.problem.value, "parameters": dict(finding.parameters)}


def _hours_in(tariff_zone: str, period: DatePeriod) -> int:
    """Hours of local days; where no clock of a tariff zone is known, 24 a day."""
    if tariff_zone not in ZONE_TIME or period.start < FIRST_DAY or period.end > END_DAY:
        return 24 * period.days
    return hours_expected(local_days(ZONE_TIME[tariff_zone]), day_number(period.start), day_number(period.end))
