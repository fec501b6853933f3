"""Sharing agreements, and the curves of their participants as everybody is told them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, insert, or_, select, update

from services.chassis.db import Transaction
from services.metering.domain.hours import END_DAY, day_number, day_of_number
from services.metering.domain.shared_curves import Sharing
from services.metering.domain.sharing_file import Coefficients, read_coefficients
from services.metering.repository.holdings import CUPS_LENGTH
from services.metering.repository.sql import slices
from services.metering.tables import measuring_point, sharing_agreement, sharing_participant, supply


@dataclass(frozen=True)
class Agreement:
    """As it was imported; ``content`` is empty for one that only ends those before it."""

    id: str
    cau: str
    start: date
    generation_key: int
    time_zone: str
    file_name: str
    content: str
    sha256: str
    actor: str
    imported_at: datetime
    revision: int
    superseded_by: int | None = None

    @property
    def coefficients(self) -> Coefficients | None:
        return _coefficients(self.file_name, self.content) if self.content else None


@lru_cache(maxsize=64)
def _coefficients(file_name: str, content: str) -> Coefficients:
    return read_coefficients(file_name, content)


def add(tx: Transaction, made: Agreement) -> None:
    """Keep an agreement; the one of the same installation and first day has ended with it."""
    table = sharing_agreement
    same = (table.c.cau == made.cau) & (table.c.start == made.start) & table.c.superseded_by.is_(None)
    tx.execute(update(table).where(same).values(superseded_by=made.revision))
    tx.execute(insert(table), vars(made))
    agreed = made.coefficients
    if agreed is not None:
        rows = [
            {"agreement_id": made.id, "position": place, "cups": cups[:CUPS_LENGTH]}
            for place, cups in enumerate(agreed.supplies)
        ]
        tx.execute(insert(sharing_participant), rows)


def of_installation(connection: Connection, cau: str = "", *, version: int | None = None) -> list[Agreement]:
    """Those in force, or in force at a revision, of one installation or all, by installation and first day."""
    table = sharing_agreement
    query = select(table).where(_known(version)).order_by(table.c.cau, table.c.start)
    if cau:
        query = query.where(table.c.cau == cau)
    return [Agreement(**row) for row in connection.execute(query).mappings()]


def every(connection: Connection) -> list[Agreement]:
    """All that were ever imported, the newest first."""
    table = sharing_agreement
    query = select(table).order_by(table.c.imported_at.desc(), table.c.id.desc())
    return [Agreement(**row) for row in connection.execute(query).mappings()]


def standing_spans(connection: Connection) -> list[tuple[Agreement, date, date]]:
    """Those in force with their local days [start, end)."""
    spans = _spans(of_installation(connection))
    return [(each, day_of_number(start), day_of_number(end)) for each, start, end in spans]


def keys_of_cups(connection: Connection, codes: Collection[str]) -> set[int]:
    """Electricity points of the supplies with these CUPS (first 20 characters)."""
    start, found = func.substr(supply.c.cups, 1, CUPS_LENGTH), set()
    for some in slices(sorted(codes)):
        query = select(measuring_point.c.key).join(supply, supply.c.id == measuring_point.c.supply_id)
        found |= set(
            connection.execute(query.where(measuring_point.c.kind == "electricity", start.in_(some))).scalars()
        )
    return found


def points_of(connection: Connection, agreement_ids: Collection[str]) -> dict[str, dict[int, int]]:
    """Measuring points of the participants, by agreement: key -> place of its coefficient. Those with no supply have none."""
    found: dict[str, dict[int, int]] = {}
    for some in slices(sorted(agreement_ids)):
        for row in connection.execute(_participants().where(sharing_participant.c.agreement_id.in_(some))):
            found.setdefault(row.agreement_id, {})[row.key] = row.position
    return found


def sharings(
    connection: Connection, owners: Sequence[int], start: int, end: int, version: int | None = None
) -> list[Sharing]:
    """What some points share in local days [start, end), now or as it was known at a revision."""
    ids: set[str] = set()
    if connection.execute(select(sharing_agreement.c.id).limit(1)).first() is None:
        return []
    for some in slices(sorted(set(owners))):
        ids.update(
            row.agreement_id for row in connection.execute(_participants().where(measuring_point.c.key.in_(some)))
        )
    if not ids:
        return []
    caus = select(sharing_agreement.c.cau).where(sharing_agreement.c.id.in_(sorted(ids)))
    names = set(connection.execute(caus).scalars())
    wanted = set(owners)
    spans = [
        (each, first, last)
        for each, first, last in _spans(of_installation(connection, version=version))
        if each.cau in names and each.content and first < end and last > start
    ]
    places = points_of(connection, [each.id for each, _, _ in spans])
    found = []
    for each, first, last in spans:
        columns = {key: place for key, place in places.get(each.id, {}).items() if key in wanted}
        agreed = each.coefficients
        if columns and agreed is not None:
            found.append(
                Sharing(
                    each.generation_key,
                    each.time_zone,
                    max(first, start),
                    min(last, end),
                    each.revision,
                    agreed,
                    columns,
                )
            )
    return found


def sharing_owners(connection: Connection, owners: Sequence[int], start: int, end: int) -> set[int]:
    """Those of some points that share in local days [start, end): what their registers counted is not what they are billed."""
    return {key for each in sharings(connection, owners, start, end) for key in each.columns}


def spans_of_participants(
    connection: Connection, generation: dict[int, tuple[date, date]]
) -> dict[int, tuple[date, date]]:
    """Participants of installations whose own curve changed in [start, end) of its point, with the days that concern them."""
    table = sharing_agreement
    named: list[Agreement] = []
    for some in slices(sorted(generation)):
        query = select(table).where(table.c.generation_key.in_(some), table.c.superseded_by.is_(None))
        named += [Agreement(**row) for row in connection.execute(query).mappings()]
    places = points_of(connection, [each.id for each in named])
    found: dict[int, tuple[date, date]] = {}
    for each in named:
        start, end = generation[each.generation_key]
        for key in places.get(each.id, {}):
            if key not in generation and end > each.start:
                before = found.get(key, (start, end))
                found[key] = min(before[0], start), max(before[1], end)
    return found


def _spans(agreements: Sequence[Agreement]) -> list[tuple[Agreement, int, int]]:
    """Each with its local days [start, end): until the next one of its installation begins."""
    found = []
    for place, each in enumerate(agreements):
        after = agreements[place + 1] if place + 1 < len(agreements) else None
        end = after.start if after is not None and after.cau == each.cau else END_DAY
        found.append((each, day_number(each.start), day_number(end)))
    return found


def _known(version: int | None) -> ColumnElement[bool]:
    table = sharing_agreement
    if version is None:
        return table.c.superseded_by.is_(None)
    return (table.c.revision <= version) & or_(table.c.superseded_by.is_(None), table.c.superseded_by > version)


def _participants() -> Any:
    start = func.substr(supply.c.cups, 1, CUPS_LENGTH)
    return (
        select(sharing_participant.c.agreement_id, sharing_participant.c.position, measuring_point.c.key)
        .join(supply, start == sharing_participant.c.cups)
        .join(measuring_point, measuring_point.c.supply_id == supply.c.id)
        .where(measuring_point.c.kind == "electricity")
    )
