"""A holder and a supply point with what hangs on it, as immutable values: a change makes a new value or nothing at all."""

from dataclasses import dataclass, field
from datetime import date

from services.supplies.domain.documents import Document

STATES = ("connected", "disconnected", "ended")
SERVICES = ("electricity", "water")
USES = ("dwelling", "other")
METER_RENTALS = ("single_phase", "three_phase")


@dataclass(frozen=True)
class Address:
    street: str = ""
    postcode: str = ""
    municipality: str = ""
    province: str = ""


@dataclass(frozen=True)
class Member:
    """The holder of supplies. ``email`` and ``phone`` are the contact on file; empty when the office has none."""

    id: str
    number: str
    name: str
    document: Document
    birth_date: date | None
    email: str
    phone: str
    language: str
    postal: Address
    version: int


@dataclass(frozen=True)
class Meter:
    """A meter hangs on a service from ``start`` (included) to ``end`` (excluded); ``end`` None means it still does."""

    serial: str
    start: date
    end: date | None

    def overlaps(self, other: "Meter") -> bool:
        return overlap(self.start, self.end, other.start, other.end)


@dataclass(frozen=True)
class Contract:
    """A supply contract in force from ``start`` (included) to ``end`` (excluded). ``powers`` are watts by period, P1 first.

    ``power_control`` and ``electricity_tax`` are empty, or what the jurisdiction names; ``vulnerable``: a severely vulnerable
    household with the social bonus. ``promotion_code``: of the price book, empty for none.
    ``access_contract``: how the distributor calls the access to its network, empty where it is not known.
    """

    id: str
    number: str
    start: date
    end: date | None
    product_code: str
    tariff: str
    powers: tuple[tuple[str, int], ...]
    meter_rental: str
    tax_condition: str
    use: str
    power_control: str = ""
    electricity_tax: str = ""
    vulnerable: bool = False
    promotion_code: str = ""
    access_contract: str = ""

    def overlaps(self, other: "Contract") -> bool:
        return overlap(self.start, self.end, other.start, other.end)


@dataclass(frozen=True)
class Service:
    id: str
    kind: str
    state: str
    connected_on: date
    billing_from: date
    meters: tuple[Meter, ...] = ()
    contracts: tuple[Contract, ...] = ()


@dataclass(frozen=True)
class Supply:
    """A supply point. ``cups`` is empty where the country has none."""

    id: str
    account_number: str
    cups: str
    member_id: str
    address: Address
    tariff_zone: str
    time_zone: str
    version: int
    services: tuple[Service, ...] = field(default=())

    def service(self, kind: str) -> Service | None:
        return next((service for service in self.services if service.kind == kind), None)


def overlap(start: date, end: date | None, other_start: date, other_end: date | None) -> bool:
    """True when two half-open spans share a day; None is open."""
    return (other_end is None or start < other_end) and (end is None or other_start < end)


def span(start: date, end: date | None) -> str:
    return f"from {start} to {end}" if end else f"since {start}"
