"""The worked bills of the trade, as builders: a dwelling of 4.6 kW in Spain, a household and a shop in Argentina."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any

from services.billing.domain.bill import Bill, Energy, PeriodEnergy
from services.billing.domain.planning import plan
from services.billing.domain.policy import Policy
from services.billing.domain.pricing import price
from services.billing.domain.products import PriceBook, price_book
from services.billing.domain.supplies import Contract, Service, Supply
from services.billing.jurisdictions import jurisdiction
from services.chassis.periods import DatePeriod

FIXED: dict[str, Any] = {
    "code": "fija",
    "kind": "fixed",
    "service": "electricity",
    "name": "Tarifa fija",
    "from": date(2021, 6, 1),
    "energy": {"P1": "0.196", "P2": "0.128", "P3": "0.092"},
    "power": "regulated",
    "surplus_price": "0.06",
}
BLOCKS: dict[str, Any] = {
    "code": "residencial",
    "kind": "blocks",
    "service": "electricity",
    "name": "Residencial",
    "from": date(2025, 1, 1),
    "fixed_charge": "3500.00",
    "blocks": [{"up_to_kwh": "150", "price": "52.10"}, {"price": "68.40"}],
}
WATER: dict[str, Any] = {
    "code": "agua",
    "kind": "flat",
    "service": "water",
    "name": "Agua no medida",
    "from": date(2025, 1, 1),
    "monthly": "4200.00",
}
OCTOBER = DatePeriod.month("2026-10")


def book(*rows: Mapping[str, Any]) -> PriceBook:
    return price_book(rows or (FIXED, BLOCKS, WATER), "products.toml")


def energy(export_wh: int = 0, hours: int = 745, missing: int = 0, **periods: int) -> Energy:
    """Energy by period in Wh; the export is put on the first period."""
    first = min(periods, default="P1")
    by_period = {name: PeriodEnergy(wh, export_wh if name == first else 0) for name, wh in periods.items()}
    return Energy(by_period, hours, hours - missing, 0, missing, 1)


BILL_A = energy(P1=62_000, P2=55_000, P3=128_000)


@cache
def policy(country: str, **options: bool) -> Policy:
    """The country's policy, its tables read once."""
    return jurisdiction(country, options).policy


def spanish_supply(watts: int = 4600, **contract: Any) -> Supply:
    values: dict[str, Any] = {
        "id": "c1",
        "number": "C-1",
        "start": date(2020, 1, 1),
        "end": None,
        "product_code": "fija",
        "tariff": "2.0TD",
        "powers": (("P1", watts), ("P2", watts)),
        "meter_rental": "single_phase",
    }
    service = Service("s1", "electricity", contracts=(Contract(**{**values, **contract}),))
    return Supply("supply-1", "5555/1", "m1", "Ana Pérez", "12345678Z", "ES0575000000000877HA", services=(service,))


def argentine_supply(use: str = "dwelling", tax_condition: str = "consumer", water: bool = False) -> Supply:
    start = date(2020, 1, 1)
    light = Contract("c1", "1", start, None, "residencial", "T1R", use=use, tax_condition=tax_condition)
    services = [Service("s1", "electricity", contracts=(light,))]
    if water:
        tap = Contract("c2", "2", start, None, "agua", "", use=use, tax_condition=tax_condition)
        services.append(Service("s2", "water", contracts=(tap,)))
    return Supply("supply-2", "5555/1", "m2", "Luis Gómez", services=tuple(services))


def spanish_bill(
    consumption: Energy = BILL_A,
    *,
    issued: date = date(2026, 11, 2),
    period: DatePeriod = OCTOBER,
    supply: Supply | None = None,
    prices: PriceBook | None = None,
    **options: Any,
) -> Bill:
    segments = plan(supply or spanish_supply(), period, prices or book())
    energies = [consumption for _ in segments]
    return price("supply-1", period, segments, energies, policy("es", **options), issued)


def argentine_bill(supply: Supply, wh: int, issued: date = date(2026, 11, 2)) -> Bill:
    segments = plan(supply, OCTOBER, book())
    energies = [energy(P1=wh, hours=744) if segment.metered else None for segment in segments]
    return price(supply.id, OCTOBER, segments, energies, policy("ar"), issued)


def amounts(bill: Bill) -> dict[str, Decimal]:
    """Amounts by concept and period: {"power P1": 10.82, …, "iva": 9.62, "total": 55.44}."""
    found = {f"{line.concept} {line.period}".strip(): line.amount for line in bill.lines}
    found |= {tax.code: tax.amount for tax in bill.taxes}
    return {**found, "total": bill.total}
