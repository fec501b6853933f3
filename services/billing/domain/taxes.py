"""Value added tax over lines of different rates, the same arithmetic in both countries."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal

from services.billing.domain.bill import ZERO, BillLine, BillTax
from services.chassis.money import round_half_up


def percent(rate: Decimal) -> str:
    """0.105 as "10.5"."""
    return f"{(rate * 100).normalize():f}"


def add_iva(
    lines: Sequence[BillLine], taxes: Sequence[BillTax], rate_of: Callable[[str], Decimal]
) -> tuple[list[BillLine], list[BillTax]]:
    """Lines and taxes with IVA added: one tax per rate, on the sum of rounded lines of that rate, rounded half-up once.

    `rate_of(service)` gives the ratio; other taxes (`taxes`) are in the base of the electricity's IVA. The code is "iva"
    when there is one rate and "iva-21", "iva-27" when there are several.
    """
    rates = {line.service: rate_of(line.service) for line in lines}
    several = len(set(rates.values())) > 1
    codes = {service: f"iva-{percent(rate)}" if several else "iva" for service, rate in rates.items()}
    in_base = [replace(tax, taxed_by=(*tax.taxed_by, codes["electricity"])) for tax in taxes]
    taxed = [replace(line, taxed_by=(*line.taxed_by, codes[line.service])) for line in lines]
    iva: list[BillTax] = []
    for rate in sorted(set(rates.values())):
        code = next(codes[service] for service in rates if rates[service] == rate)
        base = sum((line.amount for line in taxed if code in line.taxed_by), ZERO)
        base += sum((tax.amount for tax in in_base if code in tax.taxed_by), ZERO)
        label = f"IVA {percent(rate)} %" if several else ""
        iva.append(BillTax(code, "iva", base, rate, round_half_up(base * rate), label=label))
    return taxed, [*in_base, *iva]
