"""Why this invoice is not the same as the one before, in amounts that add up exactly.

The energy lines are split into what the quantity did (at the price of before) and what the price did; everything
else is compared as printed. Prices enter only as printed amounts, so that the parts always sum to the difference.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from services.chassis.money import round_half_up
from services.gateway.compose.invoices import InvoiceView
from services.gateway.compose.money import Money


@dataclass(frozen=True)
class Why:
    """`parts` are (cause, amount), causes "used", "price", "power", "water", "other" and "tax"; their sum is `difference`."""

    difference: Money
    parts: tuple[tuple[str, Money], ...]
    wh_more: int
    days_more: int


def why(invoice: InvoiceView, before: InvoiceView) -> Why:
    """Compare two invoices of one contract, both with their lines."""
    currency = invoice.total.currency
    now, then = _by_group(invoice), _by_group(before)
    energy = now["energy"] - then["energy"]
    used = _effect_of_quantity(invoice, before, then["energy"])
    parts = [("used", used), ("price", energy - used)]
    parts += [(group, now[group] - then[group]) for group in ("power", "water", "other", "tax")]
    return Why(
        difference=Money(invoice.total.amount - before.total.amount, currency),
        parts=tuple((cause, Money(amount, currency)) for cause, amount in parts if amount),
        wh_more=invoice.import_wh - before.import_wh,
        days_more=invoice.period.days - before.period.days,
    )


def _effect_of_quantity(invoice: InvoiceView, before: InvoiceView, energy_before: Decimal) -> Decimal:
    """The average price of the period before, on the energy that changed."""
    if not before.import_wh:
        return Decimal(0)
    return round_half_up(energy_before * (invoice.import_wh - before.import_wh) / before.import_wh)


def _by_group(invoice: InvoiceView) -> dict[str, Decimal]:
    sums = {"energy": Decimal(0), "power": Decimal(0), "water": Decimal(0), "other": Decimal(0), "tax": Decimal(0)}
    for line in invoice.lines:
        sums[line.group] += line.amount.amount
    # What the lines do not explain (a printed rounding, say) stays visible among the others.
    sums["other"] += invoice.total.amount - sum(sums.values())
    return sums
