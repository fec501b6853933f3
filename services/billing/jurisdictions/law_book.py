"""A country's dated tables, with a cooperative's own rows over them: a new rate need not wait for a release.

The profile's law.toml has the tables under the name of their file, `[[iva.electricity]]` for the `[[electricity]]` of
iva.toml. On the days of such a row it takes the place of the release's; before and after them the release's rows hold.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from services.billing.domain.dated import DatedTable, flaws
from services.billing.domain.rows import civil_date, optional_date
from services.billing.jurisdictions.files import RawRow, Source, read_rows
from services.chassis.errors import Invalid

OWN_FILE = "law.toml"


@dataclass(frozen=True)
class LawBook:
    """The files of `folder`, and `own` rows by file and table, which have been read once and make sense."""

    folder: Path
    own: Mapping[tuple[str, str], tuple[RawRow, ...]] = field(default_factory=dict)

    def rows(self, source: Source) -> list[RawRow]:
        """The rows of a source as they hold together. Invalid when its file cannot be read."""
        rows = read_rows(self.folder / source.file, source.table)
        for mine in self.own.get((source.file, source.table), ()):
            rows = _with(rows, mine, source)
        return rows

    def groups(self, source: Source) -> dict[str, list[RawRow]]:
        """The same by value of the source's key; all of them under "" without one."""
        return source.grouped(self.rows(source), str(self.folder / source.file))

    def tables(self, source: Source) -> dict[str, DatedTable[Any]]:
        """The dated tables by value of the key. Invalid when a row is wrong, or days have none or two."""
        path = str(self.folder / source.file)
        return {
            group: DatedTable(source.name(group), [source.row(row, group, path) for row in rows])
            for group, rows in self.groups(source).items()
        }


def own_rows(path: Path, sources: Iterable[Source]) -> dict[tuple[str, str], tuple[RawRow, ...]]:
    """What a law.toml says; nothing when there is none. Invalid names the table or row that is wrong, and what is."""
    if not path.exists():
        return {}
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except OSError as wrong:
        raise Invalid(f"{path} cannot be read: {wrong.strerror}.") from wrong
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as wrong:
        raise Invalid(f"{path} cannot be read as TOML: {wrong}.") from wrong
    known = {f"{Path(source.file).stem}.{source.table}": source for source in sources}
    found: dict[tuple[str, str], tuple[RawRow, ...]] = {}
    for name, rows in _named(content, path):
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean [[{near[0]}]]?" if near else f"use one of {', '.join(sorted(known))}."
            raise Invalid(f"{path}: there is no table [[{name}]]; {hint}", field=name)
        _check(rows, known[name], path)
        found[known[name].file, known[name].table] = tuple(rows)
    return found


def _named(content: Mapping[str, Any], path: Path) -> Iterator[tuple[str, list[RawRow]]]:
    for stem, tables in content.items():
        if not isinstance(tables, Mapping):
            raise Invalid(f"{path}: {stem} is no table; write rows as [[file.table]], such as [[iva.electricity]].")
        for table, rows in tables.items():
            if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
                raise Invalid(f"{path}: {stem}.{table} is no array of rows; write each as [[{stem}.{table}]].")
            yield f"{stem}.{table}", rows


def _check(rows: list[RawRow], source: Source, path: Path) -> None:
    """Each row can be read, ends after it starts, and has its days for itself; they need not follow each other."""
    for group, mine in source.grouped(rows, str(path)).items():
        typed = [source.row(row, group, str(path)) for row in mine]
        for flaw in flaws(f"{path}, {source.name(group)}", typed):
            if flaw.kind != "gap":
                raise Invalid(flaw.sentence, field=source.table)


def _with(rows: list[RawRow], mine: RawRow, source: Source) -> list[RawRow]:
    """The rows without the days of `mine`, and `mine` before the first of its group: the order of some is a rule's."""
    found: list[RawRow] = []
    placed = False
    for row in rows:
        if source.key and row.get(source.key) != mine.get(source.key):
            found.append(row)
            continue
        if not placed:
            found.append(mine)
            placed = True
        found += _around(row, mine, source)
    return found if placed else [*found, mine]


def _around(row: RawRow, mine: RawRow, source: Source) -> Iterator[RawRow]:
    """What is left of a row beside the days of another one: those before it and those after it."""
    (start, end), (first, last) = _days(row, source), _days(mine, source)
    if start < first:
        yield {**row, "to": first} if first < end else row
    if last < end:
        yield {**row, "from": max(start, last)}


def _days(row: RawRow, source: Source) -> tuple[date, date]:
    """The first day and the one after the last, date.max for until further notice."""
    return civil_date(row, "from", source.file), optional_date(row, "to", source.file) or date.max
