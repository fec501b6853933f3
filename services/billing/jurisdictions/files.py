"""Reads the dated tables of a jurisdiction from its TOML files: every row with `from`, optional `to`, and `source`."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from services.billing.domain.calendar import WorkingCalendar
from services.billing.domain.dated import Row
from services.billing.domain.rows import civil_date, optional_date, text
from services.chassis.errors import Invalid

_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
RawRow = Mapping[str, Any]
Parse = Callable[[RawRow, str], Any]


@dataclass(frozen=True)
class Source:
    """The array of tables `[[table]]` of a file: one dated table, or one for each value of the field `key`."""

    file: str
    table: str
    parse: Parse
    key: str = ""
    elsewhere: frozenset[str] = frozenset()
    """Fields of a row that something else than `parse` reads."""

    def name(self, group: str) -> str:
        """What errors call the table: "tolls toll 2.0TD", "reactive 3.0TD"."""
        return " ".join(word for word in dict.fromkeys((Path(self.file).stem, self.table, group)) if word)

    def grouped(self, rows: Iterable[RawRow], path: str) -> dict[str, list[RawRow]]:
        """Rows of this table by value of `key`; all of them under "" without one. Invalid when one lacks it."""
        groups: dict[str, list[RawRow]] = {}
        for index, row in enumerate(rows, start=1):
            group = text(row, self.key, f"{path}, {self.table} {index}") if self.key else ""
            groups.setdefault(group, []).append(row)
        return groups

    def row(self, row: RawRow, group: str, path: str) -> Row[Any]:
        """A typed row; Invalid names its place and what is wrong in it, a field that nobody reads too: it is misspelt."""
        place = f"{path}, {self.name(group)}, row from {row.get('from', '?')}"
        fields = _Fields(row, {self.key, *self.elsewhere})
        typed = Row(
            civil_date(fields, "from", place),
            optional_date(fields, "to", place),
            text(fields, "source", place),
            self.parse(fields, place),
        )
        for unknown in sorted(set(row) - fields.asked):
            near = difflib.get_close_matches(unknown, sorted(fields.asked - set(row)), n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"take it out of {self.file}."
            raise Invalid(f"{place}: {unknown} is not a known field; {hint}", field=unknown)
        for name, number in _numbers(row):
            if number < 0:
                raise Invalid(f"{place}: {name} = {number} is less than zero.", field=name)
        return typed


def _numbers(row: RawRow) -> Iterator[tuple[str, Decimal]]:
    """What is a number in a row that has been read, with the field it is in, and those of its tables."""
    for name, value in row.items():
        if isinstance(value, Mapping):
            yield from ((f"{name}.{key}", number) for key, number in _numbers(value))
        elif isinstance(value, int | Decimal) or (isinstance(value, str) and _NUMBER.fullmatch(value)):
            yield name, Decimal(value)


class _Fields(Mapping[str, Any]):
    """A row that remembers which of its fields were asked for, present or not."""

    def __init__(self, row: Mapping[str, Any], asked: set[str]) -> None:
        self._row = row
        self.asked = asked

    def __getitem__(self, field: str) -> Any:
        self.asked.add(field)
        return self._row[field]

    def __iter__(self) -> Iterator[str]:
        return iter(self._row)

    def __len__(self) -> int:
        return len(self._row)


def read_rows(path: Path, table: str) -> list[RawRow]:
    """The array of tables `[[table]]` of a file; Invalid when the file is not TOML or lacks it."""
    rows = rows_if_any(path, table)
    if not rows:
        raise Invalid(f"{path} has no [[{table}]].", field=table)
    return rows


def rows_if_any(path: Path, table: str) -> list[RawRow]:
    """The same of a table that a file need not have."""
    try:
        rows = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal).get(table, [])
    except OSError as wrong:
        raise Invalid(f"{path} cannot be read: {wrong.strerror}.") from wrong
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as wrong:
        raise Invalid(f"{path} cannot be read as TOML: {wrong}.") from wrong
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
        raise Invalid(f"{path}: {table} is no array of rows; write each as [[{table}]].", field=table)
    return rows


def working_calendar(path: Path) -> WorkingCalendar:
    """Holidays of holidays.toml: `fixed` as "MM-DD", `from_easter` in days, `dates` for single decrees."""
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    return WorkingCalendar(
        fixed=frozenset((int(day[:2]), int(day[3:])) for day in content["fixed"]),
        from_easter=frozenset(content.get("from_easter", [])),
        dates=frozenset(content.get("dates", [])),
    )
