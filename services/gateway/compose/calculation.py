"""How a printed line came to its amount, said only when the sum is right.

An invoice line travels with quantity, unit price and amount. What the price is per (a year of a kilowatt, a month, a
kilowatt hour) is worked out here by trying each reading the trade knows and keeping the one that gives the amount to
the cent; a line that none explains is shown without a calculation.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from services.chassis.money import round_half_up
from services.gateway.compose.invoices import LineView

_YEARS = (365, 366)
_MONTHS = 12


@dataclass(frozen=True)
class Calculation:
    """`quantity` in `unit` ("" when the line has none), `days` (0 when time plays no part) and the price `per` something.

    `per` is "quantity" (each unit), "quantity_year", "quantity_month", "year" or "month".
    """

    quantity: Decimal | None
    unit: str
    days: int
    price: Decimal
    per: str


def calculation(line: LineView, days: int) -> Calculation | None:
    """The calculation of a line of an invoice of so many days, or None."""
    price = _decimal(line.unit_price)
    if line.group == "tax" or price is None:
        return None
    quantity = _decimal(line.quantity)
    amount = line.amount.amount
    if quantity is not None:
        if round_half_up(quantity * price) == amount:
            return Calculation(quantity, line.unit, 0, price, "quantity")
        per = _per_time(quantity * price, days, amount)
        return Calculation(quantity, line.unit, days, price, f"quantity_{per}") if per else None
    per = _per_time(price, days, amount)
    return Calculation(None, "", days, price, per) if per else None


def _per_time(price: Decimal, days: int, amount: Decimal) -> str:
    """ "year" or "month" when the price for such a time gives the amount of these days; "" otherwise."""
    for year in _YEARS:
        if round_half_up(price * days / year) == amount:
            return "year"
        if round_half_up(price * _MONTHS * days / year) == amount:
            return "month"
    return ""


def _decimal(text: str) -> Decimal | None:
    try:
        return Decimal(text) if text else None
    except ArithmeticError:
        return None
