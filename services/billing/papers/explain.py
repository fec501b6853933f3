"""Why an invoice is not the last one's amount, and where its money goes. All figures come from printed lines."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from services.billing.documents.model import Change, ChangeReason, Share
from services.billing.domain.bill import ZERO, BillLine
from services.billing.domain.policy import Policy
from services.billing.repository.invoices import Details, Issued
from services.chassis.money import round_half_up

#: What a meter counts, priced by quantity.
CONSUMED = ("energy", "water")


def change(now: Issued, details: Details, before: Issued, earlier: Details) -> Change:
    """The difference from the invoice before, by reason; the reasons sum to it exactly.

    Energy and water are split in what the consumption did at the prices of before, and the rest, which the prices did.
    """
    difference = now.total - before.total
    energy = _sum(details.lines, *CONSUMED) - _sum(earlier.lines, *CONSUMED)
    consumption = _effect_of_consumption(details.lines, earlier.lines)
    power = _sum(details.lines, "power") - _sum(earlier.lines, "power")
    taxes = sum((tax.amount for tax in details.taxes), ZERO) - sum((tax.amount for tax in earlier.taxes), ZERO)
    same_power = _powers(details.lines) == _powers(earlier.lines)
    other = difference - energy - power - taxes
    days = ZERO
    by_days = any(line.days for line in (*details.lines, *earlier.lines))
    if by_days and same_power and now.period.days != before.period.days:
        # The same kW at the same prices for more or fewer days, and the lines that are prorated by days with them.
        days, power, other = power + other, ZERO, ZERO
    reasons = (
        ChangeReason("consumption", consumption),
        ChangeReason("price", energy - consumption),
        ChangeReason("days", days),
        ChangeReason("power", power),
        ChangeReason("taxes", taxes),
        ChangeReason("other", other),
    )
    return Change(before.period_start, difference, tuple(reason for reason in reasons if reason.amount))


def _effect_of_consumption(now: Sequence[BillLine], before: Sequence[BillLine]) -> Decimal:
    """Change of each period's kWh at the price it had before (at its own where it is new).

    Energy priced by the hour has no price of its period: all of its change counts as the prices'.
    """
    quantities, old, prices = _quantities(now), _quantities(before), {**_prices(now), **_prices(before)}
    return sum(
        (
            round_half_up((quantities.get(key, ZERO) - old.get(key, ZERO)) * prices.get(key, ZERO))
            for key in sorted({*quantities, *old})
        ),
        ZERO,
    )


def _quantities(lines: Sequence[BillLine]) -> dict[tuple[str, str], Decimal]:
    found: dict[tuple[str, str], Decimal] = {}
    for line in lines:
        if line.concept in CONSUMED and line.quantity is not None:
            key = (line.service, line.period)
            found[key] = found.get(key, ZERO) + line.quantity
    return found


def _prices(lines: Sequence[BillLine]) -> dict[tuple[str, str], Decimal]:
    return {
        (line.service, line.period): line.unit_price
        for line in lines
        if line.concept in CONSUMED and line.unit_price is not None
    }


def _powers(lines: Sequence[BillLine]) -> set[tuple[str, Decimal | None, Decimal | None]]:
    return {(line.period, line.quantity, line.unit_price) for line in lines if line.concept == "power"}


def _sum(lines: Sequence[BillLine], *concepts: str) -> Decimal:
    return sum((line.amount for line in lines if line.concept in concepts), ZERO)


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
