"""The Spanish yearly statement of operations with third persons (form 347): who is on it, and amounts by quarter.

Source: RD 1065/2007, arts. 31 to 35: persons with more than 3,005.06 EUR in the year, tax included, of what accrued in
it, rectifying invoices taken away; businesses that send their invoices at once (SII) are not on it.

What counts are operations: art. 33.1 names deliveries of goods and services, those that are taxed and those that are exempt or
not subject to the tax. So a reconnection, which is a service, counts like the energy. What a member pays for the bank's return
of a debit makes good a damage and is the consideration for neither goods nor a service (Ley 37/1992, art. 78.Tres.1.º): it is no
operation and does not count, nor does the invoice that takes it back. Nor does interest for late payment.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from services.billing.domain.bill import ZERO

LIMIT = Decimal("3005.06")
QUARTERS = 4


@dataclass(frozen=True)
class Operation:
    """An invoice, or a rectifying one with a negative total: EUR with tax, by the day on which its tax accrued."""

    tax_number: str
    accrued_on: date
    total: Decimal


@dataclass(frozen=True)
class YearOfPerson:
    """Totals of a person in a year; `quarters` are four amounts."""

    tax_number: str
    year: int
    quarters: tuple[Decimal, Decimal, Decimal, Decimal]

    @property
    def total(self) -> Decimal:
        return sum(self.quarters, ZERO)

    @property
    def declared(self) -> bool:
        """On the form when the total is more than the limit, whichever its sign."""
        return abs(self.total) > LIMIT


def year_of_persons(year: int, operations: Iterable[Operation]) -> tuple[YearOfPerson, ...]:
    """Everybody with an operation in the year, by tax number; what accrued in other years is left out."""
    found: dict[str, list[Decimal]] = {}
    for each in operations:
        if each.accrued_on.year == year:
            amounts = found.setdefault(each.tax_number, [ZERO] * QUARTERS)
            amounts[(each.accrued_on.month - 1) // 3] += each.total
    return tuple(
        YearOfPerson(number, year, (first, second, third, fourth))
        for number, (first, second, third, fourth) in sorted(found.items())
    )


def can_be_asked_on(year: int, today: date) -> bool:
    """Members ask for the amounts of a year from 1 January to the end of February of the next one."""
    return date(year + 1, 1, 1) <= today <= date(year + 1, 3, 1) - timedelta(days=1)
