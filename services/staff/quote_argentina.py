"""What an Argentine quote file says, checked: holder, days, the consumption and prices of each service, and what the
assembly adds; priced with the engine and the dated tables that price issued invoices, without any service.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from services.billing.domain.adjustments import BillTerms
from services.billing.domain.bill import Bill, Energy, PeriodEnergy
from services.billing.domain.closes import Close
from services.billing.domain.concepts import BASIS_FIELDS, NO_CONCEPTS, Concepts
from services.billing.domain.concepts import concepts as read_concepts
from services.billing.domain.planning import HeldBill, Segment
from services.billing.domain.policy import Policy
from services.billing.domain.pricing import price
from services.billing.domain.products import LIMITS, price_book
from services.billing.domain.supplies import Contract
from services.chassis.errors import Invalid
from services.chassis.periods import DatePeriod
from services.staff.quote_fields import Fields, thousandth
from services.staff.quote_file import extra_lines, period_of

MOST_USED = 10_000_000_000
"""Wh or litres: ten million kWh or m³ in a year are more than a cooperative's largest customer takes."""
FIELDS = (
    "jurisdiction",
    "from",
    "to",
    "accrual_date",
    "use",
    "tax_condition",
    "services",
    "concepts",
    "extra_lines",
)
USES = ("dwelling", "other")
TAX_CONDITIONS = ("consumer", "registered", "monotributo", "exempt")
QUANTITIES = {"electricity": "kwh", "water": "m3"}
"""The services in the order of the bill, and the field that says what each consumed."""
PRICES = ("fixed_charge", "blocks", "algorithm", "months", "monthly", "sewage")
CONCEPTS = ("code", "on", *BASIS_FIELDS, "iva", "name")
EXTRA_LINES = ("connection_fee", "other_service")


@dataclass(frozen=True)
class Holder:
    """What decides a line's IVA besides the service."""

    use: str
    tax_condition: str


@dataclass(frozen=True)
class ArgentineQuote:
    """Services to be priced, in the order of the bill, each with what it consumed (None: nothing is measured)."""

    period: DatePeriod
    accrual_date: date
    segments: tuple[Segment, ...]
    energies: tuple[Energy | None, ...]
    concepts: Concepts
    terms: BillTerms
    notes: tuple[str, ...]


def read_argentine_quote(given: Fields) -> ArgentineQuote:
    """Invalid with a sentence that names the field and its value when something is unknown, missing or absurd."""
    given.only(FIELDS)
    period = period_of(given)
    notes: list[str] = []
    holder = Holder(given.text("use", USES), given.text("tax_condition", TAX_CONDITIONS))
    found: dict[str, tuple[Segment, Energy | None]] = {}
    for item in given.objects("services"):
        item.only(("service", *QUANTITIES.values(), "prices"))
        name = item.text("service", tuple(QUANTITIES))
        if name in found:
            raise item.wrong("service", "stands twice in the quote; leave one of them.")
        found[name] = _service(item, name, period, holder, notes)
    if not found:
        raise given.wrong("services", "is empty; give electricity, water or both.", value=False)
    ordered = [found[name] for name in QUANTITIES if name in found]
    stated = extra_lines(given, {name: name for name in EXTRA_LINES})
    if stated and "electricity" not in found:
        raise given.wrong("extra_lines", "needs electricity in the quote: its IVA is that of electricity.", value=False)
    return ArgentineQuote(
        period=period,
        accrual_date=given.day("accrual_date"),
        segments=tuple(segment for segment, _ in ordered),
        energies=tuple(energy for _, energy in ordered),
        concepts=_concepts(given, period, tuple(found)),
        terms=BillTerms(stated=stated),
        notes=tuple(notes),
    )


def price_argentine_quote(quote: ArgentineQuote, policy: Policy) -> Bill:
    """The bill of a quote under the country's rules.

    Raises Invalid with a sentence when a table has no row, or no rule, that it needs.
    """
    try:
        return price(
            "quote",
            quote.period,
            quote.segments,
            quote.energies,
            policy,
            quote.accrual_date,
            quote.terms,
            quote.concepts,
        )
    except HeldBill as held:
        raise Invalid(held.explanation, held.reason) from None


def _service(
    given: Fields, name: str, period: DatePeriod, holder: Holder, notes: list[str]
) -> tuple[Segment, Energy | None]:
    prices = given.object("prices")
    prices.only(PRICES)
    metered = "monthly" not in prices
    for field in ("fixed_charge", "blocks", "algorithm", "months") if not metered else ():
        if field in prices:
            raise prices.wrong(field, "stands beside monthly, which is for what no meter counts; give one of the two.")
    row = {"code": "quote", "service": name, "name": "quote", "from": period.start, **_prices(prices, name, metered)}
    table = price_book([row], f"The prices of {name}").prices("quote")
    contract = Contract(
        id=name,
        number="of the quote",
        start=period.start,
        end=None,
        product_code="quote",
        tariff="",
        use=holder.use,
        tax_condition=holder.tax_condition,
    )
    segment = Segment(name, name, contract, table.at(period.start), period, prices=table)
    quantity = QUANTITIES[name]
    for field in QUANTITIES.values():
        if field in given and (field != quantity or not metered):
            reason = f"{name} is measured in {quantity}" if metered else "monthly is for what no meter counts"
            raise given.wrong(field, f"cannot be billed: {reason}.")
    if not metered:
        return segment, None
    used = thousandth(given, quantity, notes)
    if used > MOST_USED:
        raise given.wrong(
            quantity, f"is more than any supply takes ({MOST_USED // 1000:,} {quantity}); check the unit."
        )
    if name == "electricity":
        return segment, Energy({"P1": PeriodEnergy(used)})
    return segment, Energy(closes=(Close("quote", "total", period, "litre", 0, used, used, "technician"),))


def _prices(given: Fields, service: str, metered: bool) -> dict[str, Any]:
    """The row of a price book that says the same."""
    row: dict[str, Any] = {"kind": "blocks" if metered else "flat"}
    for field in ("fixed_charge", "monthly"):
        if field in given:
            row[field] = given.number(field)
    if "algorithm" in given:
        row["algorithm"] = given.text("algorithm")
    if "months" in given:
        months = given.number("months")
        if months not in range(1, 13):
            raise given.wrong("months", "must be a whole number, 1 to 12.")
        row["months"] = int(months)
    if "sewage" in given:
        if service != "water":
            raise given.wrong("sewage", f"cannot be billed with {service}: it is a share of the water.")
        sewage = given.object("sewage")
        sewage.only(("share", "price"))
        row["sewage"] = {field: sewage.number(field) for field in sewage}
    if metered:
        row["blocks"] = [_block(block, LIMITS[service]) for block in given.objects("blocks")]
    return row


def _block(given: Fields, limit: str) -> dict[str, Decimal]:
    given.only((limit, "price", "fixed_charge"))
    return {field: given.number(field) for field in given}


def _concepts(given: Fields, period: DatePeriod, services: tuple[str, ...]) -> Concepts:
    """What the assembly decided, for the days of the quote. Foreign concepts go on a document apart and are no part of it."""
    rows = []
    for item in given.objects("concepts"):
        item.only(CONCEPTS)
        row: dict[str, Any] = {
            "code": item.text("code"),
            "on": item.text("on", services),
            "foreign": False,
            "approval": "quote",
            "approved_on": period.start,
            "from": period.start,
        }
        row |= {field: item.number(field) for field in BASIS_FIELDS if field in item}
        row |= {field: item.text(field) for field in ("iva", "name") if field in item}
        rows.append(row)
    return read_concepts(rows, "The quote") if rows else NO_CONCEPTS
