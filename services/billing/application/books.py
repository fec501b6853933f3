"""Whether the books agree, and what they say of a year to the tax office."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from services.billing.application.access import may_see, visible_supply
from services.billing.domain.bill import ZERO
from services.billing.domain.charging import compensations
from services.billing.domain.payments.model347 import LIMIT, QUARTERS, YearOfPerson, year_of_persons
from services.billing.repository import books, read_model, third_parties
from services.billing.repository.books import Difference
from services.billing.rules import Rules
from services.chassis.context import Principal
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


@dataclass(frozen=True)
class YearAmounts:
    """What was invoiced in a year, with tax, by quarter; `complete`: the holder has no other supplies."""

    year: int
    quarters: tuple[Decimal, ...]
    limit: Decimal
    account_numbers: tuple[str, ...]
    complete: bool


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
        year = self._declared_year(year)
        with self._database.read() as connection:
            operations, names = third_parties.operations(connection, year, compensations(self._rules.charges))
        declared = [each for each in year_of_persons(year, operations) if each.declared]
        return Form347(year, LIMIT, tuple((each, names[each.tax_number]) for each in declared))

    def year_amounts(self, caller: Principal, supply_id: str, year: int) -> YearAmounts:
        """What the form counts of the holder of a supply: of all supplies for the office, for a member of those that they
        may see. Year 0 is this one. NotFound for a supply of somebody else.
        """
        with self._database.read() as connection:
            known = visible_supply(connection, caller, supply_id)
            year = self._declared_year(year or self._rules.today(self._database.clock.now()).year)
            held = read_model.held_by(connection, known.member_id)
            seen = {each for each in held if may_see(connection, caller, each)}
            outside = compensations(self._rules.charges)
            found = third_parties.operations_of(connection, year, known.member_id, seen, outside)
            accounts = read_model.account_numbers(connection, seen)
        amounts = year_of_persons(year, found)
        quarters = amounts[0].quarters if amounts else (ZERO,) * QUARTERS
        return YearAmounts(year, quarters, LIMIT, tuple(sorted(accounts.values())), seen == held)

    def _declared_year(self, year: int) -> int:
        if self._rules.profile.jurisdiction != "es":
            raise Refused(
                "Form 347 is a statement to the Spanish tax office; this cooperative is not in Spain.", "NOT_HERE"
            )
        today = self._rules.today(self._database.clock.now())
        if not FIRST_YEAR <= year <= today.year:
            raise Invalid(f"{year} is not a year that can be declared; give one up to {today.year}.", field="year")
        return year
