"""Why a bill is not the amount of the one before, in effects that sum to the difference exactly.

What a meter counts is split into what the quantity did, at the price of before, and what the price did; what is prorated
by days into days, contracted power and price, and excess power into days, kW and price. Sewage follows the water. Every
effect is rounded half-up once, and the last one of each split is what is left, so that nothing is lost or invented.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Literal, get_args

from services.billing.domain.bill import ZERO, BillLine, BillTax
from services.chassis.money import round_half_up
from services.chassis.periods import DatePeriod

#: In the order in which they are told. `taxes` is on everything that changed, `other` what no cause takes.
Cause = Literal["consumption", "price", "days", "power", "taxes", "other"]
CAUSES: tuple[Cause, ...] = get_args(Cause)
#: What a meter counts and is paid by quantity; the sewage goes with the water that made it.
CONSUMED = ("energy", "water", "sewage")
#: Kinds of document that are compared; one that rectifies another, or charges for a day alone, has none before it.
COMPARED = ("service", "foreign")


@dataclass(frozen=True)
class Effect:
    """What a cause added (or took, below zero). `more` is the change behind it in `unit` ("kwh", "m3", "day"), where it has
    one; `service` is that of a consumption.
    """

    cause: Cause
    amount: Decimal
    service: str = ""
    more: Decimal | None = None
    unit: str = ""


@dataclass(frozen=True)
class Charged:
    """A bill as it is compared: its days, printed lines and taxes."""

    period: DatePeriod
    lines: Sequence[BillLine]
    taxes: Sequence[BillTax]

    @property
    def total(self) -> Decimal:
        return _sum(self.lines) + sum((tax.amount for tax in self.taxes), ZERO)


def comparable(kind: str, period: DatePeriod, before_kind: str, before: DatePeriod) -> bool:
    """Whether a bill follows another without a day between, and both are of the same kind."""
    return kind in COMPARED and kind == before_kind and before.end == period.start


def effects(now: Charged, before: Charged) -> tuple[Effect, ...]:
    """Their sum is `now.total - before.total`; effects of no amount are left out."""
    split = _Split()
    for service in dict.fromkeys(line.service for line in (*now.lines, *before.lines) if line.concept in CONSUMED):
        _consumed(split, service, *(_of(bill.lines, service, CONSUMED) for bill in (now, before)))
    others = [[line for line in bill.lines if line.concept not in CONSUMED] for bill in (now, before)]
    for key in dict.fromkeys(_key(line) for line in (*others[0], *others[1])):
        _prorated(split, *([line for line in lines if _key(line) == key] for lines in others))
    split.add("taxes", sum((tax.amount for tax in now.taxes), ZERO) - sum((tax.amount for tax in before.taxes), ZERO))
    split.add("other", now.total - before.total - split.told)
    days = _billed_days(now) - _billed_days(before)
    made = [
        Effect("consumption", amount, service, *split.used.get(service, (None, "")))
        for service, amount in split.consumption.items()
    ]
    for cause in CAUSES[1:]:
        amount = split.amounts.get(cause, ZERO)
        counted = cause == "days" and days  # a cent of rounding may be of no day
        made.append(Effect(cause, amount, more=Decimal(days), unit="day") if counted else Effect(cause, amount))
    return tuple(each for each in made if each.amount)


@dataclass
class _Split:
    """Amounts by cause as they are found."""

    amounts: dict[Cause, Decimal] = field(default_factory=dict)
    consumption: dict[str, Decimal] = field(default_factory=dict)
    used: dict[str, tuple[Decimal, str]] = field(default_factory=dict)

    def add(self, cause: Cause, amount: Decimal, service: str = "") -> None:
        """`service` for a consumption."""
        if cause == "consumption":
            self.consumption[service] = self.consumption.get(service, ZERO) + amount
        else:
            self.amounts[cause] = self.amounts.get(cause, ZERO) + amount

    @property
    def told(self) -> Decimal:
        return sum((*self.amounts.values(), *self.consumption.values()), ZERO)


def _consumed(split: _Split, service: str, now: list[BillLine], before: list[BillLine]) -> None:
    """Period by period and block by block; where not one of them is on both bills, the service as a whole.

    What is not priced by quantity (sewage as a share of what the water costs) moves as the rest of its service did.
    """
    pairs = {key: (_at(now, key), _at(before, key)) for key in dict.fromkeys(map(_key, (*now, *before)))}
    counted = {
        key: pair for key, pair in pairs.items() if any(line.quantity is not None for side in pair for line in side)
    }
    for concept in dict.fromkeys(concept for concept, *_ in counted):
        own = [pair for key, pair in counted.items() if key[0] == concept]
        if not any(pair[0] and pair[1] for pair in own):
            own = [([line for pair in own for line in pair[0]], [line for pair in own for line in pair[1]])]
        for later, earlier in own:
            whole = _sum(later) - _sum(earlier)
            by_quantity = _by_quantity(later, earlier, whole)
            split.add("consumption", by_quantity, service)
            split.add("price", whole - by_quantity)
    found = [line for pair in counted.values() for line in (*pair[0], *pair[1]) if line.concept != "sewage"]
    if found:
        change = _quantity(line for line in now if line.concept != "sewage") - _quantity(
            line for line in before if line.concept != "sewage"
        )
        split.used[service] = (change, found[0].unit)
    share = sum((_sum(pair[0]) - _sum(pair[1]) for key, pair in pairs.items() if key not in counted), ZERO)
    split.add("consumption" if not found or split.used[service][0] else "price", share, service)


def _by_quantity(now: list[BillLine], before: list[BillLine], whole: Decimal) -> Decimal:
    """The change of quantity at the mean price of before; all of a change where the price is the same or only one bill has
    the period (a block that was not reached, say).
    """
    had = _quantity(before)
    prices = {line.unit_price for line in (*now, *before)}
    if not had or not _quantity(now) or (len(prices) == 1 and None not in prices):
        return whole
    return _rounded(Fraction(_sum(before)) * Fraction(_quantity(now) - had) / Fraction(had))


def _prorated(split: _Split, now: list[BillLine], before: list[BillLine]) -> None:
    """Contracted power and what is paid by the day: days at the kW and price of before, then kW, then the price."""
    lines = (*now, *before)
    power, excess = (lines[0].concept == concept for concept in ("power", "excess_power"))
    by_days = now and before and all(line.days and line.unit_price is not None for line in lines)
    if excess and not by_days:
        _by_quarters(split, now, before)
        return
    if not by_days or not (power or excess or all(line.quantity is None for line in lines)):
        split.add("power" if power else "other", _sum(now) - _sum(before))
        return
    whole, left = _sum(now) - _sum(before), _sum(before)
    days, had_days = (sum(line.days or 0 for line in side) for side in (now, before))
    kilowatts, had_kilowatts = (_mean_quantity(side) for side in (now, before))
    by_length = _rounded(Fraction(left) * Fraction(days - had_days, had_days))
    by_power = ZERO
    if had_kilowatts and kilowatts != had_kilowatts:
        by_power = _rounded(Fraction(left) * Fraction(days, had_days) * (kilowatts / had_kilowatts - 1))
    rest = whole - by_length - by_power
    if len({(line.unit_price, line.year_days) for line in lines}) == 1:
        # No price changed: the cents of rounding belong to what did.
        by_length, by_power, rest = (by_length, by_power + rest, ZERO) if by_power else (by_length + rest, ZERO, ZERO)
    split.add("days", by_length)
    # Power above the contracted one is nobody's contract: it is another item, as reactive energy is.
    split.add("power" if power else "other", by_power)
    split.add("price", rest)


def _by_quarters(split: _Split, now: list[BillLine], before: list[BillLine]) -> None:
    """Excess power that is not paid by the day: what its kW did, at the price of before, and what the price did."""
    whole = _sum(now) - _sum(before)
    counted = all(line.quantity is not None and line.price_unit == "kw" for line in (*now, *before))
    by_quantity = _by_quantity(now, before, whole) if counted else whole
    split.add("other", by_quantity)
    split.add("price", whole - by_quantity)


def _billed_days(bill: Charged) -> int:
    """What is paid by the day says how many were billed: a contract that began or ended within the month has fewer than it.

    Of services with different days the one with most of them; all days of the period where nothing is paid by the day.
    """
    found: dict[tuple[str, str, str, str], int] = {}
    for line in bill.lines:
        if line.concept not in CONSUMED and line.days and line.amount >= 0:
            found[_key(line)] = found.get(_key(line), 0) + line.days
    return max(found.values(), default=bill.period.days)


def _mean_quantity(lines: Sequence[BillLine]) -> Fraction:
    """kW over the days of the lines; 1 where days alone count."""
    weighted = sum(
        (Fraction(1 if line.quantity is None else line.quantity) * (line.days or 0) for line in lines), Fraction(0)
    )
    return weighted / sum(line.days or 0 for line in lines)


def _key(line: BillLine) -> tuple[str, str, str, str]:
    # The share of a sewage tariff stands where others have their block.
    return (line.concept, line.service, "" if line.concept == "sewage" else line.period, line.label)


def _at(lines: Iterable[BillLine], key: tuple[str, str, str, str]) -> list[BillLine]:
    return [line for line in lines if _key(line) == key]


def _of(lines: Iterable[BillLine], service: str, concepts: Sequence[str]) -> list[BillLine]:
    return [line for line in lines if line.service == service and line.concept in concepts]


def _quantity(lines: Iterable[BillLine]) -> Decimal:
    return sum((line.quantity for line in lines if line.quantity is not None), ZERO)


def _sum(lines: Iterable[BillLine]) -> Decimal:
    return sum((line.amount for line in lines), ZERO)


def _rounded(amount: Fraction) -> Decimal:
    """Half-up to the cent, from the exact ratio."""
    return round_half_up(Decimal(amount.numerator) / Decimal(amount.denominator))
