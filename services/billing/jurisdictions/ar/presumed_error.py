"""When a consumption is presumed an error (Ley 24.240 art. 31), by service, from presumed_error.toml."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from services.billing.domain.dated import DatedTable, Row
from services.billing.domain.rows import decimal, text
from services.billing.domain.season_average import BASES, Basis, Presumption
from services.billing.jurisdictions.files import Source
from services.billing.jurisdictions.law_book import LawBook
from services.chassis.errors import Invalid


def _basis(value: Any, place: str) -> Basis:
    for basis in BASES:
        if basis == value:
            return basis
    raise Invalid(f"{place}: basis {value!r} is not known; use one of {', '.join(BASES)}.", field="basis")


def _presumption(row: Mapping[str, Any], place: str) -> Presumption:
    return Presumption(
        _basis(row.get("basis"), place), decimal(row, "excess_percent", place), text(row, "source", place)
    )


PRESUMED_ERROR = Source("presumed_error.toml", "presumption", _presumption, key="service")


def presumptions(law: LawBook, chosen: Mapping[str, Any]) -> dict[str, DatedTable[Presumption]]:
    """The dated rule of each service, with the basis that the profile chose for it."""
    tables: dict[str, DatedTable[Presumption]] = law.tables(PRESUMED_ERROR)
    for service, wanted in chosen.items():
        place = "coop.toml [billing] presumed_error"
        if service not in tables:
            raise Invalid(f"{place}: {service!r} has no rule; use one of {', '.join(tables)}.", field="presumed_error")
        basis = _basis(wanted, place)
        rows = [Row(row.start, row.end, row.source, replace(row.value, basis=basis)) for row in tables[service].rows]
        tables[service] = DatedTable(tables[service].name, rows)
    return tables
