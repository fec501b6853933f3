"""Reads the dated tables of a jurisdiction from its TOML files: every row with `from`, optional `to`, and `source`."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

from services.billing.domain.calendar import WorkingCalendar
from services.billing.domain.dated import DatedTable, Row
from services.billing.domain.rows import civil_date, optional_date, text
from services.chassis.errors import Invalid

Value = TypeVar("Value")
Parse = Callable[[Mapping[str, Any], str], Value]


def read_rows(path: Path, table: str) -> list[Mapping[str, Any]]:
    """The array of tables `[[table]]` of a file; Invalid when the file is not TOML or lacks it."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except (OSError, tomllib.TOMLDecodeError) as wrong:
        raise Invalid(f"{path} cannot be read as TOML: {wrong}.") from wrong
    rows = content.get(table)
    if not isinstance(rows, list) or not rows:
        raise Invalid(f"{path} has no [[{table}]].", field=table)
    return rows


def dated(path: Path, table: str, parse: Parse[Value]) -> DatedTable[Value]:
    return _dated(f"{path.stem} {table}", read_rows(path, table), parse, str(path))


def dated_by(path: Path, table: str, key: str, parse: Parse[Value]) -> dict[str, DatedTable[Value]]:
    """One dated table for each value of `key` (the tariff, the kind of meter)."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for index, row in enumerate(read_rows(path, table), start=1):
        groups.setdefault(text(row, key, f"{path}, {table} {index}"), []).append(row)
    return {name: _dated(f"{path.stem} {table} {name}", rows, parse, str(path)) for name, rows in groups.items()}


def _dated(name: str, rows: list[Mapping[str, Any]], parse: Parse[Value], where: str) -> DatedTable[Value]:
    made = []
    for row in rows:
        place = f"{where}, {name}, row from {row.get('from', '?')}"
        made.append(
            Row(
                civil_date(row, "from", place),
                optional_date(row, "to", place),
                text(row, "source", place),
                parse(row, place),
            )
        )
    return DatedTable(name, made)


def working_calendar(path: Path) -> WorkingCalendar:
    """Holidays of holidays.toml: `fixed` as "MM-DD", `from_easter` in days, `dates` for single decrees."""
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    return WorkingCalendar(
        fixed=frozenset((int(day[:2]), int(day[3:])) for day in content["fixed"]),
        from_easter=frozenset(content.get("from_easter", [])),
        dates=frozenset(content.get("dates", [])),
    )
