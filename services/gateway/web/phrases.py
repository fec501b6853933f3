"""Phrases that templates share: hours in words, how a line was calculated, the pieces of an invoice."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from babel.numbers import get_currency_symbol
from flask import Flask
from flask_babel import gettext as _
from flask_babel import ngettext
from markupsafe import Markup

from services.gateway import formatting
from services.gateway.compose.curves import BilledPeriodView, DayView
from services.gateway.compose.invoices import LineView
from services.gateway.compose.money import Money
from services.gateway.web.charts import swatch
from services.gateway.web.frame import profile
from services.gateway.web.words import amount, decimal_text, locale, percent

_SLICES = {"energy": "slice-1", "power": "slice-2", "other": "slice-3", "tax": "slice-4"}
_SWATCHES = {"energy": "p1", "power": "p2", "other": "p3", "tax": "previous"}


def hours_words(billed: BilledPeriodView) -> str:
    """ "742 of 745 hours measured, 3 estimated" """
    text = _(
        "%(measured)s of %(expected)s hours measured",
        measured=formatting.number(billed.hours_measured, locale()),
        expected=formatting.number(billed.hours_expected, locale()),
    )
    return text + _exceptions(billed.hours_estimated, billed.hours_missing)


def day_hours_words(day: DayView) -> str:
    """ "24 h" for a whole day, else "22 measured, 2 estimated" """
    if day.measured + day.estimated == 0:
        return _("no readings")
    if not day.estimated and not day.missing:
        return f"{day.measured}{formatting.NO_BREAK}h"
    return ngettext("%(num)d measured", "%(num)d measured", day.measured) + _exceptions(day.estimated, day.missing)


def line_calculation(line: LineView) -> str:
    """How a line came to its amount, as far as the invoice says: "62 kWh × 0,196"; for a tax its rate and base."""
    if line.group == "tax":
        try:
            rate = Decimal(line.unit_price)
        except ArithmeticError:
            return ""
        return f"{decimal_text(str((rate * 100).normalize()))}{formatting.NO_BREAK}%" if rate else ""
    quantity = f"{decimal_text(line.quantity)}{formatting.NO_BREAK}{line.unit}".strip() if line.quantity else ""
    price = decimal_text(line.unit_price) if line.unit_price else ""
    return " × ".join(part for part in (quantity, price) if part)


def share(wh: int, total: int) -> str:
    """A part of a total in percent; an empty text when there is no total."""
    return percent(Decimal(wh) / total) if total else ""


def plain_amount(value: Decimal, signed: bool = False) -> str:
    """An amount without its currency, for columns that carry it in their heading."""
    text = formatting.number(abs(value), locale(), 2)
    return ("−" if value < 0 else "+" if signed and value > 0 else "") + text


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
    return {"energy": _("Energy"), "power": _("Power"), "other": _("Other items"), "tax": _("Taxes")}[group]


def address_line() -> str:
    """The cooperative's postal address in one line."""
    address = profile().address
    return address if isinstance(address, str) else ", ".join(address)


def register(app: Flask) -> None:
    """Give the templates these phrases."""
    app.jinja_env.filters.update(plain_amount=plain_amount, negated=negated, slices=slices)
    app.jinja_env.globals.update(
        hours_words=hours_words, day_hours_words=day_hours_words, line_calculation=line_calculation, share=share,
        money_of=money_of, currency_sign=currency_sign, slice_swatch=slice_swatch, group_name=group_name,
    )  # fmt: skip


def _exceptions(estimated: int, missing: int) -> str:
    text = ""
    if estimated:
        text += ", " + ngettext("%(num)d estimated", "%(num)d estimated", estimated)
    if missing:
        text += ", " + ngettext("%(num)d missing", "%(num)d missing", missing)
    return text
