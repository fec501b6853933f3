"""Phrases that templates share: hours in words, how a line was calculated, the pieces of an invoice."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from babel.numbers import get_currency_symbol
from flask import Flask
from flask_babel import gettext as _
from flask_babel import ngettext
from markupsafe import Markup

from services.gateway import formatting
from services.gateway.compose.curves import Coverage, DayView
from services.gateway.compose.invoices import LineView
from services.gateway.compose.money import Money
from services.gateway.web.charts import swatch
from services.gateway.web.frame import profile
from services.gateway.web.words import amount, day, decimal_text, locale, percent, tariff_period

_UNITS = {"kwh": "kWh", "kw": "kW", "m3": "m³", "kvarh": "kVArh", "unit": "", "month": ""}
_SLICES = {"energy": "slice-1", "power": "slice-2", "water": "slice-2", "other": "slice-3", "tax": "slice-4"}
_SWATCHES = {"energy": "p1", "power": "p2", "water": "p2", "other": "p3", "tax": "previous"}


def hours_words(hours: Coverage) -> str:
    """ "742 of 745 hours measured, 3 estimated" """
    text = _(
        "%(measured)s of %(expected)s hours measured",
        measured=formatting.number(hours.measured, locale()),
        expected=formatting.number(hours.expected, locale()),
    )
    return text + _exceptions(hours.estimated, hours.missing)


def hours_short(hours: Coverage) -> str:
    """The same for tables: "744 h" when every hour was measured."""
    return f"{hours.measured}{formatting.NO_BREAK}h" if hours.measured == hours.expected else hours_words(hours)


def day_hours_words(day: DayView) -> str:
    """ "24 h" for a whole day, else "22 measured, 2 estimated" """
    hours = day.coverage
    if not day.shown:
        return _("not shown yet")
    if hours.measured + hours.estimated == 0:
        return _("no readings")
    if not hours.estimated and not hours.missing:
        return f"{hours.measured}{formatting.NO_BREAK}h"
    return ngettext("%(num)d measured", "%(num)d measured", hours.measured) + _exceptions(
        hours.estimated, hours.missing
    )


def line_name(line: LineView, six_periods: bool = False) -> str:
    """What a line is for, in the reader's language where the concept is known, else as it is printed."""
    names = {
        "power": _("Contracted power"),
        "energy": _("Energy used"),
        "meter_rental": _("Meter rental"),
        "social_bonus_financing": _("Financing of the social tariff"),
        "surplus": _("Compensation of surplus energy"),
        "fixed_charge": _("Fixed charge"),
        "water": _("Drinking water"),
        "water_fixed": _("Water service charge"),
        "sewage": _("Sewage"),
        "iee": _("Electricity tax (IEE)"),
        "iva": _("Value added tax (IVA)"),
    }
    name = names.get(line.concept, line.description)
    if not line.period or line.group == "tax":
        return name
    word = tariff_period(line.period) if line.group == "energy" and not six_periods else line.period
    return f"{name} · {word} ({line.period})" if word != line.period else f"{name} · {word}"


def line_calculation(line: LineView) -> str:
    """How a line came to its amount: "62 kWh × 0,196 €/kWh", "31 días × 0,81 €/mes"; for a tax its rate. Empty when the
    amount is not a quantity at a price."""
    if line.group == "tax":
        return _rate(line)
    if not line.unit_price or not line.price_unit:
        return ""
    pieces = []
    if line.quantity:
        unit = _UNITS.get(line.unit, line.unit)
        pieces.append(f"{decimal_text(line.quantity)}{formatting.NO_BREAK}{unit}".strip(formatting.NO_BREAK))
    if line.days:
        pieces.append(ngettext("%(num)d day", "%(num)d days", line.days))
    sign = currency_sign(line.amount.currency)
    pieces.append(f"{decimal_text(line.unit_price)}{formatting.NO_BREAK}{sign}{price_unit(line)}")
    return " × ".join(pieces)


def _rate(line: LineView) -> str:
    try:
        rate = Decimal(line.unit_price)
    except ArithmeticError:
        return ""
    return f"{decimal_text(format((rate * 100).normalize(), 'f'))}{formatting.NO_BREAK}%" if rate else ""


def price_unit(line: LineView) -> str:
    """What a price is per, after its sign: "/kWh", "/kW y año", "/mes"; empty where it is per nothing."""
    unit, _by, time = line.price_unit.partition("_")
    name = _UNITS.get(unit, "")
    per = {
        "year": _("%(unit)s and year", unit=name),
        "month": _("%(unit)s and month", unit=name),
        "day": _("%(unit)s and day", unit=name),
    }.get(time) or {"year": _("year"), "month": _("month"), "day": _("day")}.get(unit, name)
    return f"/{per}" if per else ""


def share(wh: int, total: int) -> str:
    """A part of a total in percent; an empty text when there is no total."""
    return percent(Decimal(wh) / total) if total else ""


def plain_amount(value: Decimal, signed: bool = False) -> str:
    """An amount without its currency, for columns that carry it in their heading."""
    text = formatting.number(abs(value), locale(), 2)
    return ("−" if value < 0 else "+" if signed and value > 0 else "") + text


def days_between(first: date, last: date, style: str = "day") -> str:
    """Two civil dates as a range, the month said once: "1–31 de octubre", "30 de septiembre – 2 de octubre"."""
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day}–{day(last, style)}"
    return f"{day(first, style)} – {day(last, style)}"


def negated(value: Money) -> Money:
    return Money(-value.amount, value.currency)


def money_of(value: Decimal, currency: str) -> str:
    return amount(Money(value, currency))


def currency_sign(currency: str) -> str:
    return get_currency_symbol(currency, locale=locale())


def slices(shares: Iterable[tuple[str, Decimal]]) -> list[tuple[str, int]]:
    """Groups of lines as pieces of a divided bar, in cents."""
    return [(_SLICES[group], int(size * 100)) for group, size in shares]


def slice_swatch(group: str) -> Markup:
    return swatch(_SWATCHES[group])


def group_name(group: str) -> str:
    return {
        "energy": _("Energy"),
        "power": _("Power"),
        "water": _("Water"),
        "other": _("Other items"),
        "tax": _("Taxes"),
    }[group]


def address_line() -> str:
    """The cooperative's postal address in one line."""
    address = profile().address
    return address if isinstance(address, str) else ", ".join(address)


def register(app: Flask) -> None:
    """Give the templates these phrases."""
    app.jinja_env.filters.update(plain_amount=plain_amount, negated=negated, slices=slices)
    app.jinja_env.globals.update(
        hours_words=hours_words, hours_short=hours_short, day_hours_words=day_hours_words,
        line_calculation=line_calculation, line_name=line_name,
        share=share,
        days_between=days_between, money_of=money_of, currency_sign=currency_sign, slice_swatch=slice_swatch, group_name=group_name,
    )  # fmt: skip


def _exceptions(estimated: int, missing: int) -> str:
    text = ""
    if estimated:
        text += ", " + ngettext("%(num)d estimated", "%(num)d estimated", estimated)
    if missing:
        text += ", " + ngettext("%(num)d missing", "%(num)d missing", missing)
    return text
