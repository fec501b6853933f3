"""The address of the CNMC's comparator with an invoice's own data (Res. 24 June 2021, BOE-A-2021-11035, as amended).

ISO dates, decimal points; the first day of a period is excluded and its last included. It carries personal data: never log it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from urllib.parse import urlencode

from services.billing.domain.bill import ZERO
from services.chassis.periods import DatePeriod

COMPARATOR = "https://comparador.cnmc.gob.es/comparador/QRE"
#: Invoices of these tariffs carry the code: free market, low voltage up to 15 kW.
TARIFFS = frozenset({"2.0TD"})


@dataclass(frozen=True)
class ComparatorInvoice:
    """What the comparator wants to know. Quantities by tariff period; what is not known is left out of the address."""

    postcode: str
    cups: str
    period: DatePeriod
    issue_date: date
    contract_type: str  # "E0": fixed, three prices, no monthly fee
    total: Decimal
    power_amount: Decimal
    energy_amount: Decimal
    outside_tax_amount: Decimal  # meter rental and what else is outside the electricity tax
    financing_amount: Decimal  # social bonus financing
    powers: Mapping[str, Decimal] = field(default_factory=dict)  # kW
    energies: Mapping[str, Decimal] = field(default_factory=dict)  # kWh billed
    power_prices: Mapping[str, Decimal] = field(default_factory=dict)  # €/kW·year
    energy_prices: Mapping[str, Decimal] = field(default_factory=dict)  # €/kWh
    inside_tax_amount: Decimal = ZERO  # what else is inside it: a monthly fee, excess power, reactive energy
    surplus_amount: Decimal = ZERO
    discount: Decimal = ZERO
    retailer: str = ""  # "R2-000"
    contract_end: date | None = None  # its last day, or that of the term that runs
    year_start: date | None = None  # first day of the twelve months of `year_energies`
    year_energies: Mapping[str, Decimal] = field(default_factory=dict)  # kWh
    highest_powers: Mapping[str, Decimal] = field(default_factory=dict)  # kW, of the year


def contract_type(kind: str, prices: int, monthly_fee: bool) -> str:
    """The comparator's letter of a product, E three fixed prices, F one, B indexed; and "1" for a monthly fee, "0" for none."""
    letter = "B" if kind == "indexed" else "E" if prices > 1 else "F"
    return f"{letter}{int(monthly_fee)}"


def comparator_url(invoice: ComparatorInvoice) -> str:
    """The address with the invoice's data, in the published order of groups."""
    values: dict[str, object] = {"cp": invoice.postcode, "cups": invoice.cups}
    values |= {f"p{period}": kw for period, kw in invoice.powers.items()}
    if invoice.retailer:
        values["com"] = invoice.retailer
    values["tc"] = invoice.contract_type
    if invoice.contract_end is not None:
        values["finContrato"] = invoice.contract_end
    values |= {
        "iniF": invoice.period.start - timedelta(days=1),
        "finF": invoice.period.end - timedelta(days=1),
        "fFact": invoice.issue_date,
    }
    if invoice.year_start is not None:
        values["iniA"] = invoice.year_start - timedelta(days=1)
        values |= {f"ca{period}": f"{kwh:.0f}" for period, kwh in invoice.year_energies.items()}
    values |= {f"cf{period}": f"{kwh:.0f}" for period, kwh in invoice.energies.items()}
    values |= {f"pmax{period}": kw for period, kw in invoice.highest_powers.items()}
    values |= {
        "imp": invoice.total,
        "impPot": invoice.power_amount,
        "impEner": invoice.energy_amount,
    }
    if invoice.inside_tax_amount:
        values["impOtrosConIE"] = invoice.inside_tax_amount
    values |= {
        "impOtrosSinIE": invoice.outside_tax_amount,
        "finBS": invoice.financing_amount,
        "dto": invoice.discount or 0,
    }
    if invoice.surplus_amount:
        values["exc"] = invoice.surplus_amount
    values |= {f"pr{period}": price for period, price in invoice.power_prices.items()}
    values |= {f"prE{period[1:]}": price for period, price in invoice.energy_prices.items()}
    return f"{COMPARATOR}?{urlencode({name: _text(value) for name, value in values.items()})}"


def _text(value: object) -> str:
    """Decimals without trailing zeros, except money, which keeps its cents."""
    if isinstance(value, Decimal) and value.as_tuple().exponent not in (0, -2):
        return f"{value.normalize():f}"
    return str(value)
