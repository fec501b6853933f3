"""Looks at every dated table of every country for days without a row or with two, and for rows that cannot be read.

The bills' own reading stops at the first fault; this tells all of them, so that whoever edits a table sees them at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from services.billing.domain.dated import Row, flaws
from services.billing.jurisdictions.ar.policy import SOURCES as ARGENTINE
from services.billing.jurisdictions.disconnection import SOURCES as DISCONNECTION
from services.billing.jurisdictions.es.corrections import SOURCES as SPANISH_CORRECTIONS
from services.billing.jurisdictions.es.tables import CHARGES, TOLLS
from services.billing.jurisdictions.es.tables import SOURCES as SPANISH
from services.billing.jurisdictions.files import RawRow, Source
from services.billing.jurisdictions.law_book import LawBook
from services.chassis.errors import Invalid

FOLDER = Path(__file__).parent
COUNTRIES: Mapping[str, Sequence[Source]] = {"ar": ARGENTINE, "es": (*SPANISH, *SPANISH_CORRECTIONS, *DISCONNECTION)}
#: Tables of which a price is the sum: where one has a row for a day, the other needs one.
SUMMED: Mapping[str, Sequence[tuple[Source, Source]]] = {"es": ((TOLLS, CHARGES),)}


@dataclass(frozen=True)
class TableFault:
    """`kind` is gap, overlap, order, empty or unreadable; `start` and `end` (excluded; None: open) are the days meant."""

    jurisdiction: str
    file: str
    table: str
    kind: str
    start: date | None
    end: date | None
    sentence: str


@dataclass(frozen=True)
class CheckedTable:
    """One table and the days it covers: the first, and the one after the last (None: until further notice)."""

    jurisdiction: str
    file: str
    table: str
    rows: int
    start: date | None
    end: date | None
    faults: tuple[TableFault, ...]


def check(folder: Path = FOLDER) -> list[CheckedTable]:
    """Every table of the countries' folders in `folder`, in order."""
    return [table for country in COUNTRIES for table in check_country(LawBook(folder / country), country)]


def check_country(law: LawBook, country: str) -> Iterator[CheckedTable]:
    """Every table of one country."""
    found: dict[tuple[str, str], CheckedTable] = {}
    for source in COUNTRIES[country]:
        try:
            groups = law.groups(source)
        except Invalid as wrong:
            fault = TableFault(country, source.file, source.name(""), "unreadable", None, None, wrong.message)
            yield CheckedTable(country, source.file, source.name(""), 0, None, None, (fault,))
            continue
        for group, rows in groups.items():
            found[source.table, group] = checked = _table(law.folder, country, source, group, rows)
            yield checked
    for one, other in SUMMED.get(country, ()):
        yield from _lacking(country, one, other, found)


def _table(folder: Path, country: str, source: Source, group: str, raw: Sequence[RawRow]) -> CheckedTable:
    name, path = source.name(group), str(folder / source.file)
    return checked_table(country, source.file, name, raw, lambda item, _index: source.row(item, group, path))


def checked_table(
    country: str, file: str, name: str, raw: Sequence[RawRow], read: Callable[[RawRow, int], Row[Any]]
) -> CheckedTable:
    """What is wrong with the rows of one table; `read` makes a typed row of one, Invalid when it cannot."""
    rows: list[Row[Any]] = []
    faults: list[TableFault] = []
    for index, item in enumerate(raw):
        try:
            rows.append(read(item, index))
        except Invalid as wrong:
            faults.append(TableFault(country, file, name, "unreadable", None, None, wrong.message))
    if rows:
        faults += [
            TableFault(country, file, name, flaw.kind, flaw.start, flaw.end, flaw.sentence)
            for flaw in flaws(name, rows)
        ]
    ends = [row.end for row in rows]
    return CheckedTable(
        country,
        file,
        name,
        len(raw),
        min((row.start for row in rows), default=None),
        None if not ends or None in ends else max(end for end in ends if end is not None),
        tuple(faults),
    )


def _lacking(
    country: str, one: Source, other: Source, found: Mapping[tuple[str, str], CheckedTable]
) -> Iterator[CheckedTable]:
    """Tables of two sources whose days must be the same and are not."""
    groups = [group for table, group in found if table == one.table]
    for group in groups:
        first, second = found[one.table, group], found.get((other.table, group))
        if second is not None and (first.start, first.end) == (second.start, second.end):
            continue
        name = other.name(group)
        has = f"goes from {second.start} to {second.end or 'further notice'}" if second else "does not exist"
        sentence = (
            f"The table {name!r} {has}, and {first.table!r} from {first.start} to {first.end or 'further notice'}; a price "
            "is the sum of both, so give them the same days."
        )
        fault = TableFault(country, other.file, name, "gap", first.start, first.end, sentence)
        yield CheckedTable(country, other.file, name, second.rows if second else 0, None, None, (fault,))
