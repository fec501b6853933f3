"""What billing knows of a supply: a snapshot of the supplies service's data, kept from its events."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Literal

from services.chassis.periods import DatePeriod

ServiceKind = Literal["electricity", "water"]
ServiceState = Literal["connected", "disconnected", "ended"]


@dataclass(frozen=True)
class Address:
    street: str = ""
    postcode: str = ""
    municipality: str = ""
    province: str = ""

    def lines(self) -> tuple[str, ...]:
        """As printed: street; postcode and municipality, with the province when it has another name."""
        place = f"{self.postcode} {self.municipality}".strip()
        if self.province and self.province != self.municipality:
            place = f"{place} ({self.province})" if place else self.province
        return tuple(line for line in (self.street, place) if line)


@dataclass(frozen=True)
class Meter:
    serial: str
    start: date | None = None
    end: date | None = None


@dataclass(frozen=True)
class Contract:
    """A contract of a service; `end` is the first day no longer supplied. `powers` in watts by power period.

    `power_control` is "" (the breaker in the meter up to 15 kW, a maximeter above) or "maximeter". `electricity_tax` names
    the use that gives a lower electricity tax, "" none. `vulnerable`: a severely vulnerable household with social bonus.
    """

    id: str
    number: str
    start: date
    end: date | None
    product_code: str
    tariff: str
    powers: tuple[tuple[str, int], ...] = ()
    meter_rental: str = ""
    tax_condition: str = "consumer"
    use: str = "dwelling"
    power_control: str = ""
    electricity_tax: str = ""
    vulnerable: bool = False
    #: A code of the price book's promotions, "" none.
    promotion_code: str = ""
    #: How the distributor calls the contract of access, "" where it is not known.
    access_contract: str = ""

    @property
    def highest_power_w(self) -> int:
        return max((watts for _, watts in self.powers), default=0)


@dataclass(frozen=True)
class Service:
    id: str
    kind: ServiceKind
    state: ServiceState = "connected"
    billing_from: date | None = None
    meters: tuple[Meter, ...] = ()
    contracts: tuple[Contract, ...] = ()

    def contracts_in(self, period: DatePeriod) -> Iterator[tuple[Contract, DatePeriod]]:
        """Contracts in force inside `period` with the days to bill, in order of date."""
        for contract in sorted(self.contracts, key=lambda each: each.start):
            start = max(period.start, contract.start, self.billing_from or contract.start)
            end = period.end if contract.end is None else min(period.end, contract.end)
            if start < end:
                yield contract, DatePeriod(start, end)

    def meters_in(self, period: DatePeriod) -> tuple[str, ...]:
        return tuple(
            meter.serial
            for meter in self.meters
            if (meter.start is None or meter.start < period.end) and (meter.end is None or meter.end > period.start)
        )


@dataclass(frozen=True)
class Supply:
    id: str
    account_number: str
    member_id: str
    holder_name: str = ""
    holder_document: str = ""
    cups: str = ""
    address: Address = Address()
    tariff_zone: str = ""
    services: tuple[Service, ...] = ()

    def billable_span(self) -> tuple[date | None, date | None]:
        """First day with a contract and the day after the last (None = open): which months may concern this supply."""
        starts, ends = [], []
        for service in self.services:
            for contract in service.contracts:
                starts.append(max(contract.start, service.billing_from or contract.start))
                ends.append(contract.end)
        if not starts:
            return None, None
        closed = [end for end in ends if end is not None]
        return min(starts), max(closed) if len(closed) == len(ends) else None


@dataclass(frozen=True)
class Member:
    """The holder, as invoices and certificates print them; `invitation` is their code as printed, "" while there is none."""

    id: str
    number: str
    name: str
    document_type: str
    document: str
    language: str = ""
    address: Address = Address()
    invitation: str = ""
