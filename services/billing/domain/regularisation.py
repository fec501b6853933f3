"""Regularisation: what the law says when a period turns out to have been billed wrongly (RD 88/2026 arts. 44.4 and 45.2).

Too much: all of it back at once, with the legal interest and some points more on what the member had paid too much. Too
little: nothing older than a year, in as many monthly instalments as months have passed, and at most twelve.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from services.billing.domain.bill import ZERO
from services.billing.domain.dated import DatedTable
from services.billing.domain.planning import add_months, year_days
from services.chassis.errors import Invalid, Refused
from services.chassis.money import round_half_up

#: Differences smaller than this are nothing.
CENT = Decimal("0.01")


@dataclass(frozen=True)
class RegularisationRule:
    """`points` come on top of the legal interest (a ratio: 0.015); months and years count back from the day it is found."""

    points: Decimal
    claim_months: int
    most_instalments: int
    rectify_years: int


@dataclass(frozen=True)
class Numbering:
    """What the series of a rectifying document may depend on: the profile's name, the issue date, the series of the
    rectified invoice, the difference and the point of sale.
    """

    name: str
    issued: date
    rectified_series: str
    difference: Decimal
    point_of_sale: int


@dataclass(frozen=True)
class CorrectionLaw:
    """A country's rules of rectifying: by date the regularisation, the legal interest (a ratio), and the number series."""

    rules: DatedTable[RegularisationRule]
    #: None: the interest is what the cooperative charges for late payment, and the office states it.
    legal_interest: DatedTable[Decimal] | None
    series: Callable[[Numbering], str]
    #: What an office may state as interest at most, a ratio: more is a slip of the pen.
    highest_interest: Decimal
    #: Methods of rectifying, "I" by difference and "S" by substitution; the first is the usual one.
    methods: tuple[str, ...] = ("I", "S")
    #: Where bills are corrected by a document with a code of its own, the sentence for a cooperative that has nobody to ask
    #: for it: which document, from the bill's number, its series and the difference.
    elsewhere: Callable[[str, str, Decimal], str] | None = None


@dataclass(frozen=True)
class Instalment:
    due_date: date
    amount: Decimal


def check_age(issued: date, today: date, rule: RegularisationRule) -> None:
    """Refused for an invoice too old to be rectified (RD 1619/2012 art. 15.2)."""
    if add_months(issued, 12 * rule.rectify_years) < today:
        raise Refused(
            f"The invoice is of {issued}, and an invoice can be rectified for {rule.rectify_years} years; it stays.",
            "TOO_OLD_TO_RECTIFY",
        )


def is_claimable(period_start: date, found_on: date, rule: RegularisationRule) -> bool:
    """Whether what was billed too little in a period may be claimed: not of one that began more than a year before."""
    return period_start >= add_months(found_on, -rule.claim_months)


def most_instalments(first_start: date, found_on: date, rule: RegularisationRule) -> int:
    """In how many monthly parts a debt may be paid: the months begun since the first wrong period, from 1 to the most."""
    months, days = _months(first_start, found_on)
    return max(1, min(months + (days > 0), rule.most_instalments))


def instalments(amount: Decimal, first_due: date, count: int, most: int) -> tuple[Instalment, ...]:
    """`amount` in `count` equal monthly parts, the cents that do not divide on the first ones. Invalid for a count outside
    1 to `most`.
    """
    if not 1 <= count <= most:
        raise Invalid(f"{count} instalments are not possible here; choose 1 to {most}.", field="instalments")
    cents = int(amount / CENT)
    whole, rest = divmod(cents, count)
    return tuple(
        Instalment(add_months(first_due, number), (whole + (number < rest)) * CENT)
        for number in range(count)
        if whole or number < rest
    )


def overpaid(before: Decimal, after: Decimal, payments: Sequence[tuple[date, Decimal]]) -> list[tuple[date, Decimal]]:
    """What the member had paid too much and since when: of `payments` in their order, the part above the right total
    `after`, up to the total `before` that was charged (what lies above that is the member's credit already).
    """
    found = []
    paid = ZERO
    for day, amount in _kept(payments):
        above = min(paid + amount, before) - max(paid, after)
        if above > 0:
            found.append((day, above))
        paid += amount
    return found


def _kept(payments: Sequence[tuple[date, Decimal]]) -> list[tuple[date, Decimal]]:
    """Payments without what went back to the payer (negative amounts), which undoes the last ones before it."""
    kept: list[tuple[date, Decimal]] = []
    for day, amount in payments:
        if amount >= 0:
            kept.append((day, amount))
            continue
        back = -amount
        while back > 0 and kept:
            last_day, last = kept.pop()
            if last > back:
                kept.append((last_day, last - back))
            back -= min(last, back)
    return kept


def interest(
    amounts: Sequence[tuple[date, Decimal]], until: date, rate_of: Callable[[date], Decimal], points: Decimal
) -> Decimal:
    """Simple interest on each amount since its day, at the year's legal rate plus `points`; rounded once.

    Whole months are twelfths of a year, days beyond them parts of the year's days. `rate_of` gives the rate of a day.
    """
    total = ZERO
    for since, amount in amounts:
        for start, months, days in _by_year(since, until):
            rate = rate_of(start) + points
            total += amount * rate * months / 12 + amount * rate * days / year_days(start)
    return round_half_up(total)


def _by_year(since: date, until: date) -> Iterator[tuple[date, int, int]]:
    start = since
    while start < until:
        end = min(date(start.year + 1, 1, 1), until)
        yield (start, *_months(start, end))
        start = end


def _months(start: date, end: date) -> tuple[int, int]:
    """Whole months from `start` to `end`, and the days beyond them."""
    months = (end.year - start.year) * 12 + end.month - start.month
    if add_months(start, months) > end:
        months -= 1
    return months, (end - add_months(start, months)).days
