"""The invoices of each series in order, with what their hashes cover."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, RowMapping, select

from services.billing.domain.bill import BillTax
from services.billing.repository.invoice_lines import item_of, line_of
from services.billing.repository.invoices import Details, Issued
from services.billing.tables import invoice, invoice_line, invoice_tax, series

BATCH = 500


def heads(connection: Connection) -> dict[str, tuple[int, str]]:
    """The last number of each series of invoices and the hash of its invoice."""
    used = select(invoice.c.series).distinct()
    query = select(series).where(series.c.code.in_(used)).order_by(series.c.code)
    return {row.code: (row.last_number, row.last_hash) for row in connection.execute(query)}


def of_series(connection: Connection, code: str) -> Iterator[tuple[Issued, Details]]:
    """In order of number, with the lines and taxes alone of their details."""
    after = 0
    while True:
        query = (
            select(invoice)
            .where(invoice.c.series == code, invoice.c.sequence > after)
            .order_by(invoice.c.sequence)
            .limit(BATCH)
        )
        rows = [Issued(**row) for row in connection.execute(query).mappings()]
        if not rows:
            return
        ids = [row.id for row in rows]
        lines, taxes = _items(connection, invoice_line, ids), _items(connection, invoice_tax, ids)
        for row in rows:
            yield (
                row,
                Details(
                    tuple(map(line_of, lines.get(row.id, ()))),
                    tuple(BillTax(**item_of(item)) for item in taxes.get(row.id, ())),
                    {},
                ),
            )
        after = rows[-1].sequence


def _items(connection: Connection, table: Any, invoice_ids: list[str]) -> dict[str, list[RowMapping]]:
    query = select(table).where(table.c.invoice_id.in_(invoice_ids)).order_by(table.c.invoice_id, table.c.position)
    found: dict[str, list[RowMapping]] = {}
    for row in connection.execute(query).mappings():
        found.setdefault(row["invoice_id"], []).append(row)
    return found
