"""Which meter a register reading is of, told by its serial, by the supply it names, or by both, which have to agree."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from sqlalchemy import Connection

from services.metering.application.closes import at, hung
from services.metering.domain.registers import LITRE, WH, RegisterRow
from services.metering.repository import holdings
from services.metering.repository.points import Assignment

Names = Mapping[tuple[str, str], int]
"""Points by unit (of electricity or of water) and the CUPS or account number that rows name; nobody's are absent."""


def points_of_names(connection: Connection, rows: Sequence[RegisterRow]) -> Names:
    """The points of the supplies that rows name."""
    found: dict[tuple[str, str], int] = {}
    for unit, kind in ((WH, "electricity"), (LITRE, "water")):
        names = {row.supply for row in rows if row.supply and row.unit == unit}
        found |= {(unit, name): key for name, key in holdings.points_named(connection, names, kind).items()}
    return found


def with_serials(
    connection: Connection, rows: Sequence[RegisterRow], named: Names
) -> tuple[list[RegisterRow], list[RegisterRow]]:
    """Rows with the serial of the meter that hung at the supply they name, where they have none; and those without such
    a meter.
    """
    nameless = [row for row in rows if not row.meter]
    if not nameless:
        return list(rows), []
    of_point: dict[int, list[Assignment]] = defaultdict(list)
    for assignment in holdings.assignments_of_points(connection, set(named.values())):
        of_point[assignment.point_key].append(assignment)
    serials = holdings.serials_of(connection, {a.meter_key for some in of_point.values() for a in some})
    placed, unplaced = [], []
    for row in rows:
        there = None if row.meter else at(of_point.get(named.get((row.unit, row.supply), 0), []), row.day)
        if row.meter:
            placed.append(row)
        elif there is None:
            unplaced.append(row)
        else:
            placed.append(replace(row, meter=serials[there.meter_key]))
    return placed, unplaced


def by_agreement(
    rows: Sequence[RegisterRow], named: Names, keys: Mapping[str, int], assignments: Sequence[Assignment]
) -> tuple[list[RegisterRow], list[RegisterRow]]:
    """Rows whose meter hung at the supply they name, hung nowhere, or that name none; and those of a meter that hung at
    another one: whose consumption it was must not depend on which of two columns is believed.
    """
    of_meter: dict[int, list[Assignment]] = defaultdict(list)
    for assignment in assignments:
        of_meter[assignment.meter_key].append(assignment)
    placed: list[RegisterRow] = []
    misplaced: list[RegisterRow] = []
    for row in rows:
        there = {one.point_key for one in of_meter[keys[row.meter]] if hung(one, row.day)}
        agrees = not row.supply or not there or named.get((row.unit, row.supply)) in there
        (placed if agrees else misplaced).append(row)
    return placed, misplaced
