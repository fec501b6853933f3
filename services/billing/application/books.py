"""Whether the books agree, and what they say of a year to the tax office."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from services.billing.domain.payments.model347 import LIMIT, YearOfPerson, year_of_persons
from services.billing.repository import books, read_model, third_parties
from services.billing.repository.books import Difference
from services.billing.rules import Rules
from services.chassis.db import Database
from services.chassis.errors import Invalid, Refused

MOST_OF_A_KIND = 100
FIRST_YEAR = 2008  # of form 347 in this shape


@dataclass(frozen=True)
class BooksCheck:
    entries: int
    balances: tuple[tuple[str, Decimal], ...]
    differences: tuple[Difference, ...]


@dataclass(frozen=True)
class Form347:
    """`persons`: with their names, those who are declared."""

    year: int
    limit: Decimal
    persons: tuple[tuple[YearOfPerson, str], ...]


class Books:
    def __init__(self, database: Database, rules: Rules) -> None:
        self._database = database
        self._rules = rules

    def check(self) -> BooksCheck:
        """Both sides of the books of one instant. Accounts are named by their number."""
        with self._database.read() as connection:
            found = list(books.differences(connection, MOST_OF_A_KIND))
            names = read_model.account_numbers(connection, {each.subject for each in found})
            named = tuple(Difference(each.what, names.get(each.subject, each.subject), each.amount) for each in found)
            return BooksCheck(books.entry_count(connection), tuple(books.balances(connection)), named)

    def form_347(self, year: int) -> Form347:
        """Refused outside Spain, whose form it is; Invalid for a year that is none or has not begun."""
        if self._rules.profile.jurisdiction != "es":
            raise Refused(
                "Form 347 is a statement to the Spanish tax office; this cooperative is not in Spain.", "NOT_HERE"
            )
        today = self._rules.today(self._database.clock.now())
        if not FIRST_YEAR <= year <= today.year:
            raise Invalid(f"{year} is not a year that can be declared; give one up to {today.year}.", field="year")
        with self._database.read() as connection:
            operations, names = third_parties.operations(connection, year)
        declared = [each for each in year_of_persons(year, operations) if each.declared]
        return Form347(year, LIMIT, tuple((each, names[each.tax_number]) for each in declared))
