"""Rows of tables: their fields, with quotation marks where they need them."""

from __future__ import annotations

import csv

from services.metering.domain.formats.lines import BadRow


def cells_of(text: str, separator: str, count: int) -> list[str]:
    """The fields of a row that must have ``count`` of them; empty ones after the last do not matter."""
    if '"' in text:
        try:
            cells = next(csv.reader([text], delimiter=separator))
        except (csv.Error, StopIteration):
            raise BadRow("The quotation marks of the row do not match.") from None
    else:
        cells = text.split(separator)
    while len(cells) > count and not cells[-1].strip():
        cells.pop()
    if len(cells) != count:
        raise BadRow(f"The row has {len(cells)} fields, not {count}.")
    return cells
