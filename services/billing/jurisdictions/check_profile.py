"""Looks at what a cooperative's profile says of prices and of the law, as `check` looks at the tables of the release."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from services.billing.domain.charging import charge_concepts
from services.billing.domain.concepts import concepts
from services.billing.domain.dated import DatedTable, Row
from services.billing.domain.products import product_row, table_name
from services.billing.domain.promotions import promotions
from services.billing.jurisdictions.check import (
    COUNTRIES,
    FOLDER,
    CheckedTable,
    TableFault,
    check_country,
    checked_table,
)
from services.billing.jurisdictions.files import RawRow, rows_if_any
from services.billing.jurisdictions.law_book import OWN_FILE, LawBook, own_rows
from services.chassis.errors import Invalid

PRODUCTS, CONCEPTS = "products.toml", "concepts.toml"


def check_profile(profile: Path, country: str, folder: Path = FOLDER) -> list[CheckedTable]:
    """The country's tables with the rows of the profile's law.toml over them, its price book, and its concepts."""
    return [*_law(profile, country, folder), *_products(profile, country), *_concepts(profile, country)]


def _law(profile: Path, country: str, folder: Path) -> Iterator[CheckedTable]:
    own: Mapping[tuple[str, str], tuple[RawRow, ...]] = {}
    try:
        own = own_rows(profile / OWN_FILE, COUNTRIES[country])
    except Invalid as wrong:
        yield _unreadable(country, OWN_FILE, wrong.message)
    yield from check_country(LawBook(folder / country, own), country)


def _products(profile: Path, country: str) -> Iterator[CheckedTable]:
    """A table for each product, rows that do not say whose they are make one more; and one for each promotional code."""
    path = profile / PRODUCTS
    try:
        given = rows_if_any(path, "product")
    except Invalid as wrong:
        yield _unreadable(country, PRODUCTS, wrong.message)
        return
    by_code: dict[str, dict[int, RawRow]] = {}
    for index, row in enumerate(given, start=1):
        by_code.setdefault(str(row.get("code", "?")), {})[index] = row
    for code, rows in by_code.items():
        yield checked_table(country, PRODUCTS, table_name(code), list(rows.values()), _reader(path, tuple(rows)))
    try:
        promotional = promotions(rows_if_any(path, "promotion"), str(path), by_code)
    except Invalid as wrong:
        yield _unreadable(country, PRODUCTS, wrong.message)
        return
    for one in promotional.values():
        yield CheckedTable(country, PRODUCTS, f"promotion {one.code}", 1, one.start, one.end, ())


def _reader(path: Path, indices: tuple[int, ...]) -> Callable[[RawRow, int], Row[Any]]:
    """Reads the rows of one product, which stand at these places of the file."""
    return lambda row, number: product_row(row, f"{path}, product {indices[number]}")


def _concepts(profile: Path, country: str) -> Iterator[CheckedTable]:
    """Those that the assembly decided and what is invoiced besides supplying; the first fault of each."""
    path = profile / CONCEPTS
    if not path.exists():
        return
    readers: tuple[tuple[str, Callable[[list[RawRow], str], Mapping[str, DatedTable[Any]]]], ...] = (
        ("concept", lambda rows, where: concepts(rows, where).tables),
        ("charge", charge_concepts),
    )
    for table, read in readers:
        try:
            rows = rows_if_any(path, table)
        except Invalid as wrong:
            yield _unreadable(country, CONCEPTS, wrong.message)
            return
        try:
            found = read(rows, str(path))
        except Invalid as wrong:
            yield _unreadable(country, CONCEPTS, wrong.message)
            continue
        for each in found.values():
            yield CheckedTable(country, CONCEPTS, each.name, len(each.rows), each.rows[0].start, each.rows[-1].end, ())


def _unreadable(country: str, file: str, sentence: str) -> CheckedTable:
    fault = TableFault(country, file, file, "unreadable", None, None, sentence)
    return CheckedTable(country, file, file, 0, None, None, (fault,))
