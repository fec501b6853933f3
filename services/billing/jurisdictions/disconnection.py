"""What each country's law says before a supply is cut off. Argentina leaves it to each province: no table, nothing told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from services.billing.domain.dated import DatedTable
from services.billing.domain.reminders import Essential, Law
from services.billing.domain.rows import text
from services.billing.jurisdictions.files import Source
from services.billing.jurisdictions.law_book import LawBook
from services.chassis.errors import Invalid

_FILE = "disconnection.toml"
_NUMBERS = (
    "household_max_power_w",
    "household_months",
    "vulnerable_months",
    "notice_months",
    "repeat_working_days",
    "warning_working_days",
)


@dataclass(frozen=True)
class Disconnection:
    """`protected` has the source of each span of days in which vulnerable households may not be cut off."""

    notice: DatedTable[Law] | None = None
    protected: DatedTable[str] | None = None
    supplies: DatedTable[Essential] | None = None

    def law(self, day: date) -> Law | None:
        return self.notice.find(day) if self.notice else None

    def protected_until(self, day: date) -> tuple[date, str] | None:
        """The first day that is not protected any more, and the source; None when the day itself is not."""
        rows = self.protected.rows if self.protected else ()
        return next(((row.end, row.source) for row in rows if row.covers(day) and row.end), None)

    def essential(self, day: date) -> Essential | None:
        """Which supplies may not be cut off on a day; None where nothing is known of that."""
        return self.supplies.find(day) if self.supplies else None


def _law(row: Mapping[str, Any], place: str) -> Law:
    for name in _NUMBERS:
        value = row.get(name)
        if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
            raise Invalid(f"{place}: {name} is {value!r}; give a whole number.", field=name)
    return Law(**{name: row[name] for name in _NUMBERS}, source=text(row, "source", place))


def _source(row: Mapping[str, Any], place: str) -> str:
    return text(row, "source", place)


def _essential(row: Mapping[str, Any], place: str) -> Essential:
    def codes(name: str) -> tuple[str, ...]:
        found = row.get(name)
        if not isinstance(found, list) or not all(isinstance(code, str) and code.isidentifier() for code in found):
            raise Invalid(f"{place}: {name} is {found!r}; give a list of codes.", field=name)
        return tuple(found)

    return Essential(codes("kinds"), codes("renewed"), text(row, "source", place))


NOTICE, PROTECTED = Source(_FILE, "notice", _law), Source(_FILE, "protected", _source)
ESSENTIAL = Source(_FILE, "essential", _essential)
#: What `coopctl tariff check` looks at.
SOURCES = (NOTICE, PROTECTED, ESSENTIAL)


def disconnection(law: LawBook) -> Disconnection:
    """The tables of a jurisdiction's folder; empty where it has none. Invalid names what is wrong in the file."""
    if not (law.folder / _FILE).exists():
        return Disconnection()
    return Disconnection(
        notice=law.tables(NOTICE)[""],
        protected=law.tables(PROTECTED)[""],
        supplies=law.tables(ESSENTIAL)[""],
    )
