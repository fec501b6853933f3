"""Why an invoice is not the last one's amount, and where its money goes. All figures come from printed lines."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from services.billing.documents.model import Change, ChangeReason, Share
from services.billing.domain import difference
from services.billing.domain.bill import ZERO
from services.billing.domain.policy import Policy
from services.billing.repository.invoices import Details, Issued


def change(now: Issued, details: Details, before: Issued, earlier: Details) -> Change:
    """The difference from the invoice before, by cause; the causes sum to it exactly."""
    found = difference.effects(charged(now, details), charged(before, earlier))
    sums: dict[difference.Cause, Decimal] = {}
    for effect in found:
        sums[effect.cause] = sums.get(effect.cause, ZERO) + effect.amount
    reasons = tuple(ChangeReason(cause, amount) for cause, amount in sums.items() if amount)
    return Change(before.period_start, now.total - before.total, reasons)


def charged(issued: Issued, details: Details) -> difference.Charged:
    """An issued invoice as it is compared."""
    return difference.Charged(issued.period, details.lines, details.taxes)


def destination(details: Details, tariff: str, day: date, policy: Policy) -> tuple[Share, ...]:
    """The total by where it goes; tolls and charges that are inside the prices are taken out of power and energy.

    Empty when a share would be negative (a surplus larger than the energy's own part).
    """
    electricity = [line for line in details.lines if line.service == "electricity"]
    regulated = sum((line.amount for line in electricity if line.section == "regulated"), ZERO)
    inside = [policy.tolls_and_charges(line, tariff, day) for line in electricity]
    tolls = sum((toll for toll, _ in inside), ZERO)
    charges = sum((charge for _, charge in inside), ZERO)
    supplied = sum((line.amount for line in electricity), ZERO) - regulated
    water = sum((line.amount for line in details.lines if line.service == "water"), ZERO)
    shares = (
        Share("energy", supplied - tolls - charges),
        Share("tolls", tolls),
        Share("charges", charges),
        Share("water", water),
        Share("services", regulated),
        Share("taxes", sum((tax.amount for tax in details.taxes), ZERO)),
    )
    return () if any(share.amount < 0 for share in shares) else tuple(share for share in shares if share.amount)
