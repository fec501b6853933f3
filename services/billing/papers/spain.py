"""What only a Spanish invoice says: the comparator's QR."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from urllib.parse import urlencode

from services.billing.documents.model import InvoiceDocument
from services.billing.domain.bill import ZERO
from services.billing.domain.supplies import Supply
from services.billing.repository.invoices import Details, Issued
from services.billing.rules import Rules

COMPARATOR = "https://comparador.cnmc.gob.es/comparador/QRE"


def complete(
    document: InvoiceDocument, invoice: Issued, details: Details, supply: Supply, rules: Rules
) -> InvoiceDocument:
    return replace(document, comparator_url=comparator_url(invoice, details, supply))


def comparator_url(invoice: Issued, details: Details, supply: Supply) -> str:
    """The CNMC comparator's address with the invoice's data (BOE-A-2021-11035); it carries personal data, never log it."""

    def sum_of(*concepts: str) -> Decimal:
        return sum((line.amount for line in details.lines if line.concept in concepts), ZERO)

    powers = {line.period: line for line in details.lines if line.concept == "power"}
    energies = {line.period: line for line in details.lines if line.concept == "energy"}
    surplus = sum_of("surplus")
    values: dict[str, object] = {"cp": supply.address.postcode, "cups": supply.cups}
    values |= {f"p{period}": line.quantity for period, line in powers.items()}
    values |= {
        "tc": "E0",
        "iniF": invoice.period_start - timedelta(days=1),
        "finF": invoice.period_end - timedelta(days=1),
        "fFact": invoice.issue_date,
    }
    values |= {f"cf{period}": f"{line.quantity:.0f}" for period, line in energies.items()}
    values |= {
        "imp": invoice.total,
        "impPot": sum_of("power"),
        "impEner": sum_of("energy"),
        "impOtrosSinIE": sum_of("meter_rental"),
        "finBS": sum_of("social_bonus_financing"),
        "dto": sum_of("discount") or 0,
    }
    if surplus:
        values["exc"] = surplus
    values |= {f"pr{period}": line.unit_price for period, line in powers.items()}
    values |= {f"prE{period[1:]}": line.unit_price for period, line in energies.items()}
    return f"{COMPARATOR}?{urlencode({name: _text(value) for name, value in values.items()})}"


def _text(value: object) -> str:
    """Decimals without trailing zeros, except money, which keeps its cents."""
    if isinstance(value, Decimal) and value.as_tuple().exponent not in (0, -2):
        return f"{value.normalize():f}"
    return str(value)
