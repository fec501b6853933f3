"""An invoice's lines as rows, and rows as lines again."""

from __future__ import annotations

from decimal import ROUND_DOWN, Decimal
from typing import Any

from sqlalchemy import RowMapping

from services.billing.domain.bill import BillLine

THOUSANDTH = Decimal("0.001")
_KEY = ("invoice_id", "position")


def line_row(invoice_id: str, position: int, line: BillLine) -> dict[str, Any]:
    """The quantity in thousandths, and what the root of excess power has below them beside it."""
    row = {"invoice_id": invoice_id, "position": position, **line.__dict__, "quantity_rest": None}
    if line.price_unit == "kw" and line.quantity is not None:
        row["quantity"] = line.quantity.quantize(THOUSANDTH, ROUND_DOWN)
        row["quantity_rest"] = line.quantity - row["quantity"] or None
    return row


def line_of(row: RowMapping) -> BillLine:
    """The line that a row was."""
    values = item_of(row)
    rest = values.pop("quantity_rest")
    if rest is not None:
        values["quantity"] += rest
    return BillLine(**values)


def item_of(row: RowMapping) -> dict[str, Any]:
    """The values of a line or a tax without what places it in its invoice."""
    values = {name: value for name, value in row.items() if name not in _KEY}
    return {**values, "taxed_by": tuple(values["taxed_by"])}
