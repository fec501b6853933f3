"""What a bill of a month consists of before anything is priced: services, contracts and prices in force, day by day."""

from __future__ import annotations

from calendar import isleap, monthrange
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Any

from services.billing.domain.dated import DatedTable
from services.billing.domain.products import PriceBook, Product
from services.billing.domain.promotions import Promotion
from services.billing.domain.supplies import Contract, Service, Supply
from services.chassis.errors import Refused
from services.chassis.periods import DatePeriod

SERVICE_ORDER = ("electricity", "water")


class HeldBill(Exception):
    """A supply that cannot be billed as it stands: a reason for programs, a sentence for the office.

    `remedy` is a further sentence: what a bill run needs, where somebody who only wants a price has other means.
    """

    def __init__(self, reason: str, explanation: str, contract_id: str = "", *, remedy: str = "") -> None:
        self.explanation = f"{explanation} {remedy}".rstrip()
        super().__init__(self.explanation)
        self.reason = reason
        self.cause = explanation
        self.contract_id = contract_id


@dataclass(frozen=True)
class Segment:
    """Days of one service billed under one contract at one set of product prices; its energy is asked for as one span."""

    service_id: str
    service: str
    contract: Contract
    product: Product
    days: DatePeriod
    source: str = ""
    discount: Decimal = Decimal(0)  # promotional ratio of the energy term
    #: The product's prices at all times: a register may have counted on days before these.
    prices: DatedTable[Product] | None = field(default=None, compare=False, repr=False)

    @property
    def metered(self) -> bool:
        return self.product.metered

    @property
    def by_register(self) -> bool:
        """Whether it is billed by the readings of a register, instead of an hourly curve."""
        return self.metered and self.service == "water"


#: The regulated energy prices of an access tariff, where there are any: their changes cut a bill that is priced by them.
RegulatedEnergy = Callable[[str], DatedTable[Any] | None]


def plan(
    supply: Supply, period: DatePeriod, book: PriceBook, regulated_energy: RegulatedEnergy = lambda _tariff: None
) -> tuple[Segment, ...]:
    """The segments of a supply's bill in the order they are printed; none when no contract is in force.

    Raises HeldBill when a contract's product is unknown, sells another service or has no price for the days.
    """
    services = sorted(supply.services, key=lambda each: SERVICE_ORDER.index(each.kind))
    return tuple(segment for service in services for segment in _of_service(service, period, book, regulated_energy))


def _of_service(
    service: Service, period: DatePeriod, book: PriceBook, regulated_energy: RegulatedEnergy
) -> Iterator[Segment]:
    taken: date = period.start
    for contract, days in service.contracts_in(period):
        if days.start < taken:
            raise HeldBill(
                "OVERLAPPING_CONTRACTS",
                f"Contract {contract.number} begins on {days.start}, when another contract of the same service is still "
                "in force; end the earlier one first.",
                contract.id,
            )
        taken = days.end
        if service.state == "ended" and contract.end is None:
            raise HeldBill(
                "ENDED_WITHOUT_DATE",
                f"The {service.kind} service is ended but contract {contract.number} has no last day; give it one.",
                contract.id,
            )
        if contract.product_code not in book:
            raise HeldBill(
                "NO_PRODUCT",
                f"Contract {contract.number} has the product {contract.product_code!r}, which the price book does not "
                f"know (it has {', '.join(book.codes())}).",
                contract.id,
                remedy="Correct the contract, or add the product to the price book.",
            )
        prices = book.prices(contract.product_code)
        try:
            spans = list(prices.spans(days))
        except Refused as refused:
            raise HeldBill("NO_PRICE", refused.message, contract.id) from refused
        promotion = _promotion(contract, book)
        for span, row in spans:
            if row.value.service != service.kind:
                raise HeldBill(
                    "NO_PRODUCT",
                    f"Contract {contract.number} supplies {service.kind} but its product {contract.product_code!r} "
                    f"sells {row.value.service}.",
                    contract.id,
                    remedy=f"Give the contract a product of {service.kind}.",
                )
            product, source = row.value, row.source
            if promotion is not None:
                product = replace(product, discounts=promotion.discounts)
                source = f"{source}; {promotion.code}: {promotion.source}"
            whole = Segment(service.id, service.kind, contract, product, span, source, prices=prices)
            yield from cut_where_prices_change(whole, regulated_energy(contract.tariff))


def _promotion(contract: Contract, book: PriceBook) -> Promotion | None:
    """What the contract's promotional code promises in place of its product; None without a code."""
    if not contract.promotion_code:
        return None
    found = book.promotions.get(contract.promotion_code)
    if found is None:
        refusal = f"is not in the price book, which has {', '.join(sorted(book.promotions)) or 'none'}"
    else:
        refusal = found.refusal(contract.start, contract.product_code)
    if refusal:
        raise HeldBill(
            "NO_PROMOTION",
            f"Contract {contract.number} names the promotional code {contract.promotion_code!r}, which {refusal}; correct "
            "the contract or the price book.",
            contract.id,
        )
    return found


def cut_where_prices_change(segment: Segment, regulated: DatedTable[Any] | None) -> Iterator[Segment]:
    """The segment in parts: where the regulated energy price changes, if it is priced by it, and where a promotional
    discount of the product begins or ends. RD 88/2026 art. 44.1: the energy of each part is what fell in it.
    """
    product, contract, days = segment.product, segment.contract, segment.days
    dates = {days.start}
    if product.kind == "fixed" and product.energy is None and regulated is not None:
        dates |= {row.start for row in regulated.within(days)}
    steps = list(_discounted(product, contract.start))
    dates |= {day for start, end, _ in steps for day in (start, end) if day is not None}
    starts = sorted(day for day in dates if days.start <= day < days.end)
    if starts == [days.start] and not steps:
        yield segment
        return
    for start, end in zip(starts, [*starts[1:], days.end], strict=True):
        ratio = next((r for first, last, r in steps if first <= start and (last is None or start < last)), Decimal(0))
        yield replace(segment, days=DatePeriod(start, end), discount=ratio)


def _discounted(product: Product, contract_start: date) -> Iterator[tuple[date, date | None, Decimal]]:
    """First day, day after the last (None: no end) and ratio of each promotional discount of a contract."""
    months = 0
    for step in product.discounts:
        start = add_months(contract_start, months)
        if step.months is None:
            yield start, None, step.ratio
            return
        months += step.months
        yield start, add_months(contract_start, months), step.ratio


def add_months(day: date, months: int) -> date:
    """The same day of a later month, or that month's last day where it has no such day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def joined(periods: Iterable[DatePeriod]) -> Iterator[DatePeriod]:
    """The same days with adjacent spans made one."""
    current: DatePeriod | None = None
    for period in sorted(periods):
        if current is not None and period.start <= current.end:
            current = replace(current, end=max(current.end, period.end))
            continue
        if current is not None:
            yield current
        current = period
    if current is not None:
        yield current


def by_year(period: DatePeriod) -> Iterator[DatePeriod]:
    """The same days cut at each 1 January: a yearly price is prorated by the days of its own year."""
    start = period.start
    if start.year == period.end.year:
        yield period
        return
    while start < period.end:
        end = min(date(start.year + 1, 1, 1), period.end)
        yield DatePeriod(start, end)
        start = end


def year_days(day: date) -> int:
    """365 or 366."""
    return 366 if isleap(day.year) else 365
