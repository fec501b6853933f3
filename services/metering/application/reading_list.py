"""Register readings as people look at them: the newest first, with what was used since the reading before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from services.chassis.context import Principal
from services.chassis.db import Database
from services.metering.application.closes import at, hung
from services.metering.application.views import visible_point
from services.metering.domain.estimation.self_reading import register_names
from services.metering.domain.register_closes import Kept, chain
from services.metering.repository import holdings, points, readings, self_readings
from services.metering.repository.points import Assignment, Point
from services.metering.repository.readings import StoredReading


@dataclass(frozen=True)
class Shown:
    """What a register showed (Wh or litres), and the reading before: ``initial`` None when there is none to count from."""

    register: str
    initial: int | None
    final: int

    @property
    def used(self) -> int:
        return 0 if self.initial is None else self.final - self.initial


@dataclass(frozen=True)
class ListedReading:
    """A reading with its uses. ``since``: the day of the reading it counts from; ``superseded``: a better one stands in its
    place; ``receipt``: of a member's own reading, else empty."""

    reading: StoredReading
    service_id: str
    registers: tuple[Shown, ...]
    since: date | None
    superseded: bool
    receipt: str


def list_readings(
    database: Database,
    caller: Principal,
    supply_id: str,
    service_id: str,
    size: int,
    after: tuple[date, str] | None,
) -> list[ListedReading]:
    """Readings of a service, or of all services of a supply (""), from the one after ``after`` (day, id) on.

    Raises NotFound when the supply is not the caller's, or has no such service.
    """
    with database.read() as connection:
        named = visible_point(connection, caller, supply_id, service_id)
        looked_at = [named]
        if not service_id:
            services = self_readings.service_ids(connection, supply_id)
            looked_at = list(points.points_of_services(connection, services).values())
        assignments = holdings.assignments_of_points(connection, {point.key for point in looked_at})
        page = readings.page(connection, assignments, size, after)
        if not page:
            return []
        meters = {one.meter_key for one in page}
        days = [one.day for one in page]
        around = readings.around(connection, meters, min(days), max(days))
        receipts = readings.receipts_of(connection, [one.id for one in page])
    before = _Chains(assignments, around)
    by_key = {point.key: point for point in looked_at}
    return [_listed(one, before, by_key, receipts.get(one.id, "")) for one in page]


class _Chains:
    """The readings that count, of each meter at each place where it hung."""

    def __init__(self, assignments: Sequence[Assignment], known: Sequence[StoredReading]) -> None:
        self._assignments = assignments
        self._of: dict[Assignment, list[Kept]] = {
            assignment: chain(
                one.kept
                for one in known
                if one.kept and one.meter_key == assignment.meter_key and hung(assignment, one.day)
            )
            for assignment in assignments
        }

    def place(self, reading: StoredReading) -> Assignment | None:
        return at([one for one in self._assignments if one.meter_key == reading.meter_key], reading.day)

    def around(self, reading: StoredReading) -> tuple[Kept | None, bool]:
        """The reading that counts before this one, and whether this one counts itself."""
        place = self.place(reading)
        chained = self._of[place] if place else []
        before = [one for one in chained if one.reading.day < reading.day]
        return (before[-1] if before else None), any(one.id == reading.id for one in chained)


def _listed(reading: StoredReading, chains: _Chains, points_by_key: dict[int, Point], receipt: str) -> ListedReading:
    before, counts = chains.around(reading)
    place, kept = chains.place(reading), reading.kept
    finals = kept.reading.registers_wh if kept else ()
    initials: Sequence[int | None] = [None] * len(finals)
    if counts and before is not None:
        initials = before.reading.registers_wh
    return ListedReading(
        reading=reading,
        service_id=points_by_key[place.point_key].service_id if place else "",
        registers=tuple(
            Shown(name, first, last)
            for name, first, last in zip(register_names(len(finals)), initials, finals, strict=True)
        ),
        since=before.reading.day if counts and before is not None else None,
        superseded=kept is not None and not counts and not reading.doubtful,
        receipt=receipt,
    )
