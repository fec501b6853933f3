"""The calculation of a line in words: quantity × days × price ÷ days of the year or of the month."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from services.billing.documents.edition import Edition
from services.billing.documents.figures import NBSP
from services.billing.documents.model import ZERO, Line, Tax
from services.billing.documents.vocabulary import CONCEPTS, PERIODS, PRICE_UNITS, TAXES, UNITS, named
from services.chassis.money import round_half_up
from services.chassis.periods import LONGEST_MONTH

TIMES = " × "


def name(e: Edition, line: Line) -> str:
    """«Energía consumida, P1 (punta)»; «Energía consumida, de 0 a 150 kWh» of a block."""
    concept = e.word(CONCEPTS, named(line.concept, line.price_unit), line.label)
    return f"{concept}, {_period(e, line)}" if line.period else concept


def _period(e: Edition, line: Line) -> str:
    if line.period_name:
        return period(e, line.period, line.period_name)
    unit = e.word(UNITS, line.unit) if line.unit else ""
    first, dash, last = line.period.partition("–")
    if dash and unit:
        return e.t("from {first} to {last} {unit}").format(first=first, last=last, unit=unit)
    above = line.period.removeprefix("> ")
    if above != line.period and unit:
        return e.t("above {first} {unit}").format(first=above, unit=unit)
    return line.period


def period(e: Edition, code: str, called: str) -> str:
    """«P1 (punta)»; the code alone where people have no name for it."""
    return f"{code}{NBSP}({e.word(PERIODS, called)})" if called else code


def days(e: Edition, count: int) -> str:
    """«31 días»; the number and its word stay together."""
    return e.n("{count} day", "{count} days", count).format(count=count).replace(" ", NBSP)


def quantity(e: Edition, line: Line) -> str:
    """«62 kWh»; "" for a line without quantity."""
    if line.quantity is None:
        return ""
    unit = NBSP + e.word(UNITS, line.unit) if line.unit else ""
    return e.f.number(line.quantity) + unit


def written(e: Edition, line: Line) -> str:
    """«4,6 kW × 31 días × 27,704413 €/kW·año ÷ 365», «62 kWh × 0,196 €/kWh»; "" when the amount is all there is.

    Energy without a price is that of an indexed product: «62 kWh, cada hora a su precio».
    """
    if line.concept == "energy" and line.quantity is not None and line.unit_price is None:
        return e.t("{quantity}, each hour at its own price").format(quantity=quantity(e, line))
    factors = [quantity(e, line)] if line.quantity is not None else []
    if line.days is not None:
        factors.append(days(e, line.days))
    if line.unit_price is not None:
        per = e.word(PRICE_UNITS, line.price_unit) if line.price_unit else ""
        price = e.f.price(line.unit_price, per)
        if line.year_days is not None:
            if line.price_unit in {"month", "kw_month"} and line.year_days > LONGEST_MONTH:
                price += f"{NBSP}×{NBSP}12"
            price += f"{NBSP}÷{NBSP}{line.year_days}"
        factors.append(price)
    return TIMES.join(factors)


def share_written(e: Edition, line: Line, bases: Sequence[Line]) -> str:
    """«40 % de 7.626,85» of sewage that is a share of the water beside it; "" where that is not what it costs."""
    percent, sign, _ = line.period.partition("%")
    if line.concept != "sewage" or not sign:
        return ""
    base = sum((each.amount for each in bases), ZERO)
    if round_half_up(base * Decimal(percent.strip()) / 100) != line.amount:
        return ""
    return e.t("{rate} of {base}").format(rate=line.period, base=e.f.money(base))


def asked(e: Edition, due: Decimal) -> tuple[str, str]:
    """What the last line of a sum is called, and its amount: to pay, or without a sign in the holder's favour."""
    return (e.t("To pay") if due >= 0 else e.t("In your favour")), e.f.money(abs(due))


def tax_name(e: Edition, tax: Tax) -> str:
    return e.word(TAXES, tax.code, tax.label)


def tax_written(e: Edition, tax: Tax) -> str:
    """«21 % de la base de 45,82 €», or that the legal minimum applies."""
    if tax.minimum_applied:
        if tax.quantity_mwh is not None:
            return e.t("Legal minimum for {quantity}, more than {rate} of {base}").format(
                quantity=f"{e.f.number(tax.quantity_mwh)}{NBSP}MWh",
                rate=e.f.percent(tax.rate),
                base=e.f.money(tax.base),
            )
        return e.t("Legal minimum, more than {rate} of {base}").format(
            rate=e.f.percent(tax.rate), base=e.f.money(tax.base)
        )
    if tax.share != 1:
        return e.t("{rate} of {base}, the {share} of the base that is taxed").format(
            rate=e.f.percent(tax.rate), base=e.f.money(tax.base), share=e.f.percent(tax.share * 100)
        )
    return e.t("{rate} of the base of {base}").format(rate=e.f.percent(tax.rate), base=e.f.money(tax.base))


def tax_gist(e: Edition, tax: Tax) -> str:
    """The same in the summary's few words: «21 % de 45,82 €»."""
    if tax.minimum_applied:
        return e.t("legal minimum")
    return e.t("{rate} of {base}").format(rate=e.f.percent(tax.rate), base=e.f.money(tax.base))
