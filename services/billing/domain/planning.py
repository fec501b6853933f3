"""What a bill of a month consists of before anything is priced: services, contracts and prices in force, day by day."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date

from services.billing.domain.products import PriceBook, Product
from services.billing.domain.supplies import Contract, Service, Supply
from services.chassis.errors import Refused
from services.chassis.periods import DatePeriod

SERVICE_ORDER = ("electricity", "water")


class HeldBill(Exception):
    """A supply that cannot be billed as it stands: a reason for programs, a sentence for the office."""

    def __init__(self, reason: str, explanation: str, contract_id: str = "") -> None:
        super().__init__(explanation)
        self.reason = reason
        self.explanation = explanation
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

    @property
    def metered(self) -> bool:
        return self.product.metered


def plan(supply: Supply, period: DatePeriod, book: PriceBook) -> tuple[Segment, ...]:
    """The segments of a supply's bill in the order they are printed; none when no contract is in force.

    Raises HeldBill when a contract's product is unknown, sells another service or has no price for the days.
    """
    services = sorted(supply.services, key=lambda each: SERVICE_ORDER.index(each.kind))
    return tuple(segment for service in services for segment in _of_service(service, period, book))


def _of_service(service: Service, period: DatePeriod, book: PriceBook) -> Iterator[Segment]:
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
            )
        try:
            spans = list(book.prices(contract.product_code).spans(days))
        except Refused as refused:
            raise HeldBill("NO_PRICE", refused.message, contract.id) from refused
        for span, row in spans:
            if row.value.service != service.kind:
                raise HeldBill(
                    "NO_PRODUCT",
                    f"Contract {contract.number} supplies {service.kind} but its product {contract.product_code!r} "
                    f"sells {row.value.service}.",
                    contract.id,
                )
            yield Segment(service.id, service.kind, contract, row.value, span, row.source)


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
    while start < period.end:
        end = min(date(start.year + 1, 1, 1), period.end)
        yield DatePeriod(start, end)
        start = end


def year_days(day: date) -> int:
    """365 or 366."""
    return (date(day.year + 1, 1, 1) - date(day.year, 1, 1)).days
