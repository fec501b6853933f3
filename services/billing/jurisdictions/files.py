"""Reads the dated tables of a jurisdiction from its TOML files: every row with `from`, optional `to`, and `source`."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from services.billing.domain.calendar import WorkingCalendar
from services.billing.domain.dated import DatedTable, Row
from services.billing.domain.rows import civil_date, optional_date, text
from services.chassis.errors import Invalid

Parse = Callable[[Mapping[str, Any], str], Any]


@dataclass(frozen=True)
class Source:
    """The array of tables `[[table]]` of a file: one dated table, or one for each value of the field `key`."""

    file: str
    table: str
    parse: Parse
    key: str = ""

    def name(self, group: str) -> str:
        """What errors call the table: "tolls toll 2.0TD", "reactive 3.0TD"."""
        return " ".join(word for word in dict.fromkeys((Path(self.file).stem, self.table, group)) if word)

    def groups(self, folder: Path) -> dict[str, list[Mapping[str, Any]]]:
        """The rows by value of `key`; all of them under "" without one. Invalid when the file cannot be read."""
        path = folder / self.file
        groups: dict[str, list[Mapping[str, Any]]] = {}
        for index, row in enumerate(read_rows(path, self.table), start=1):
            group = text(row, self.key, f"{path}, {self.table} {index}") if self.key else ""
            groups.setdefault(group, []).append(row)
        return groups

    def row(self, row: Mapping[str, Any], group: str, folder: Path) -> Row[Any]:
        """A typed row; Invalid names its place and what is wrong in it."""
        place = f"{folder / self.file}, {self.name(group)}, row from {row.get('from', '?')}"
        return Row(
            civil_date(row, "from", place),
            optional_date(row, "to", place),
            text(row, "source", place),
            self.parse(row, place),
        )


def read_rows(path: Path, table: str) -> list[Mapping[str, Any]]:
    """The array of tables `[[table]]` of a file; Invalid when the file is not TOML or lacks it."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as wrong:
        raise Invalid(f"{path} cannot be read as TOML: {wrong}.") from wrong
    rows = content.get(table)
    if not isinstance(rows, list) or not rows or not all(isinstance(row, Mapping) for row in rows):
        raise Invalid(f"{path} has no [[{table}]].", field=table)
    return rows


def read_all(folder: Path, source: Source) -> dict[str, DatedTable[Any]]:
    """The dated tables of a source by value of its key. Invalid when a row is wrong, or days have none or two."""
    return {
        group: DatedTable(source.name(group), [source.row(row, group, folder) for row in rows])
        for group, rows in source.groups(folder).items()
    }


def working_calendar(path: Path) -> WorkingCalendar:
    """Holidays of holidays.toml: `fixed` as "MM-DD", `from_easter` in days, `dates` for single decrees."""
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    return WorkingCalendar(
        fixed=frozenset((int(day[:2]), int(day[3:])) for day in content["fixed"]),
        from_easter=frozenset(content.get("from_easter", [])),
        dates=frozenset(content.get("dates", [])),
    )
