"""Value added tax over lines of different rates, the same arithmetic in both countries."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import TypeVar

from services.billing.domain.bill import ZERO, BillLine, BillTax
from services.billing.domain.copies import copy_with
from services.chassis.money import round_half_up

Taxable = TypeVar("Taxable", BillLine, BillTax)


def taxed_by(item: Taxable, codes: tuple[str, ...]) -> Taxable:
    """The line or tax as one of the bases of these taxes."""
    return copy_with(item, taxed_by=codes)


def percent(rate: Decimal) -> str:
    """0.105 as "10.5"."""
    return f"{(rate * 100).normalize():f}"


def add_iva(
    lines: Sequence[BillLine], taxes: Sequence[BillTax], rate_of: Callable[[str], Decimal]
) -> tuple[list[BillLine], list[BillTax]]:
    """Lines and taxes with IVA added, at the rate of each line's service; other taxes are in the electricity's base."""
    rates = {service: rate_of(service) for service in dict.fromkeys(line.service for line in lines)}
    return _with_iva(lines, [rates[line.service] for line in lines], taxes, rates.get("electricity"))


def add_iva_by_line(
    lines: Sequence[BillLine], rate_of: Callable[[BillLine], Decimal | None]
) -> tuple[list[BillLine], list[BillTax]]:
    """Lines with IVA added, at the rate of each; None: the line is outside the tax, in the base of none."""
    return _with_iva(lines, [rate_of(line) for line in lines], (), None)


def _with_iva(
    lines: Sequence[BillLine],
    line_rates: Sequence[Decimal | None],
    taxes: Sequence[BillTax],
    taxes_rate: Decimal | None,
) -> tuple[list[BillLine], list[BillTax]]:
    """One tax per rate, on the sum of rounded lines (and taxes) of that rate, rounded half-up once.

    The code is "iva" when there is one rate and "iva-21", "iva-27" when there are several.
    """
    rates = sorted({rate for rate in line_rates if rate is not None})
    several = len(rates) > 1
    codes = {rate: f"iva-{percent(rate)}" if several else "iva" for rate in rates}

    def named(before: tuple[str, ...], rate: Decimal | None) -> tuple[str, ...]:
        return before if rate is None else (*before, codes[rate])

    in_base = [taxed_by(tax, named(tax.taxed_by, taxes_rate)) for tax in taxes]
    taxed = [taxed_by(line, named(line.taxed_by, rate)) for line, rate in zip(lines, line_rates, strict=True)]
    iva: list[BillTax] = []
    for rate, code in codes.items():
        base = sum((line.amount for line in taxed if code in line.taxed_by), ZERO)
        base += sum((tax.amount for tax in in_base if code in tax.taxed_by), ZERO)
        label = f"IVA {percent(rate)} %" if several else ""
        iva.append(BillTax(code, "iva", base, rate, round_half_up(base * rate), label=label))
    return taxed, [*in_base, *iva]
