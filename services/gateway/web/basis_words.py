"""How a line was calculated, in the reader's words: the whole sum, the rows it rests on, the taxes it is in."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal

from flask import Flask
from flask_babel import gettext as _
from flask_babel import ngettext

from services.chassis.periods import LONGEST_MONTH
from services.gateway import formatting
from services.gateway.compose.basis import CloseView, QuartersView, RowView, thousandths
from services.gateway.compose.invoices import InvoiceView, LineView
from services.gateway.web.phrases import currency_sign, days_between, line_calculation, line_name, price_unit
from services.gateway.web.words import amount, day, decimal_text, moment

_PERCENT = ("rate", "use", "iva", "loss")
"""Tables whose figures are percentages."""


def whole_sum(line: LineView) -> str:
    """ "4,6 kW × 31 días × 27,704413 €/kW y año ÷ 365 días del año"; of a tax "45,82 € × 21 %"; empty when there is none."""
    if line.base is not None:
        rate = line_calculation(line)
        return f"{amount(line.base)} × {rate}" if rate else amount(line.base)
    if _by_the_hour(line):
        return _("Each hour at its own price")
    if line.concept == "surplus" and not line.unit_price:
        return _("As much as your energy cost, and no more")
    short = line_calculation(line)
    if not short or not line.year_days:
        return short
    if line.year_days <= LONGEST_MONTH:
        return f"{short} ÷ " + ngettext("%(num)d day of the month", "%(num)d days of the month", line.year_days)
    twelve = " × " + _("12 months") if line.price_unit == "month" else ""
    return f"{short}{twelve} ÷ " + ngettext("%(num)d day of the year", "%(num)d days of the year", line.year_days)


def row_title(row: RowView, line: LineView) -> str:
    """What a row decides."""
    if row.table == "product" and _by_the_hour(line):
        return _("Added to the market's price of each hour, as your contract says")
    if row.table == "product" and line.concept == "discount":
        return _("Discount agreed in your contract")
    titles = {
        "product": _("Price agreed in your contract"),
        "concept": _("Decision of the members' assembly"),
        "charge_concept": _("How what is no supply is taxed"),
        "toll": _("Toll of the networks"),
        "charge": _("Charge of the electricity system"),
        "loss": _("Losses of the networks"),
        "excess_power": _("Price of excess power"),
        "quarter_hour_excess": _("Price of excess power by quarters of an hour"),
        "reactive": _("Price of reactive energy"),
        "social_bonus_financing": _("Financing of the social tariff"),
        "meter_rental": _("Price of meter rental"),
        "rate": _("Rate of the electricity tax"),
        "use": _("Electricity tax by use"),
        "iva": _("Rate of value added tax"),
    }
    return titles.get(row.table, row.table)


def row_figure(row: RowView, line: LineView) -> str:
    """The row's figure with its unit: "23,324952 €/kW y año", "21 %"."""
    if not row.value:
        return ""
    figure = decimal_text(row.value)
    if row.table in _PERCENT or (row.table == "product" and line.concept == "discount"):
        return f"{figure}{formatting.NO_BREAK}%"
    unit = price_unit(line) or "/kWh" * (row.table == "product" and line.unit == "kwh")
    return f"{figure}{formatting.NO_BREAK}{currency_sign(line.amount.currency)}{unit}"


def _by_the_hour(line: LineView) -> bool:
    """Energy that has no one price."""
    return line.concept == "energy" and not line.unit_price


def row_source(row: RowView) -> str:
    """Where it is written: the bulletin, the approval, or the product of the contract."""
    return row.name if row.table == "product" else row.source


def row_days(row: RowView) -> str:
    """When it is in force."""
    if row.last_day is None:
        return _("in force since %(day)s", day=day(row.start, "short"))
    return _("in force %(days)s", days=days_between(row.start, row.last_day, "short"))


def close_words(close: CloseView) -> str:
    """ "Meter W1: from 100 to 118 m³ (18 m³)"."""
    unit = "m³" if close.unit == "litre" else "kWh"
    first, last, used = (
        decimal_text(f"{thousandths(value).normalize():f}") for value in (close.initial, close.final, close.used)
    )
    return _("Meter %(meter)s: from %(first)s to %(last)s, %(used)s used", meter=close.meter, first=first,
             last=last, used=f"{used}{formatting.NO_BREAK}{unit}")  # fmt: skip


def quarters_words(quarters: QuartersView) -> str:
    """ "3 quarters of an hour above 100 kW, the highest: 105 kW (14 October 2026, 10:00), …"."""
    highest = ", ".join(f"{_kilowatts(each.watts)} ({moment(each.start)})" for each in quarters.highest)
    return ngettext(
        "%(num)d quarter of an hour above the %(contracted)s of the contract: %(highest)s",
        "%(num)d quarters of an hour above the %(contracted)s of the contract, the highest: %(highest)s",
        quarters.count,
        contracted=_kilowatts(quarters.contracted_watts),
        highest=highest,
    )


def quarters_root(quarters: QuartersView) -> str:
    """ "√(5² + 4² + 3²) = 7,0711 kW": the kW above the contract, squared, added up, and the root of the sum."""
    terms = [f"{_figure(thousandths(each.watts - quarters.contracted_watts))}²" for each in quarters.highest]
    more = quarters.count - len(terms)
    if more:
        terms.append(ngettext("the square of %(num)d more", "the squares of %(num)d more", more))
    root = quarters.squares.sqrt().quantize(Decimal("0.0001"), ROUND_HALF_UP)
    sums = [f"√({' + '.join(terms)})", f"√{_figure(quarters.squares)}", f"{_figure(root)}{formatting.NO_BREAK}kW"]
    return " = ".join(sums)


def _kilowatts(watts: int) -> str:
    return f"{_figure(thousandths(watts))}{formatting.NO_BREAK}kW"


def _figure(value: Decimal) -> str:
    return decimal_text(f"{value.normalize():f}")


def taxes_of(line: LineView, invoice: InvoiceView) -> str:
    """The taxes in whose base a line is, by name: "Electricity tax (IEE), Value added tax (IVA)"."""
    names: Sequence[str] = [line_name(tax) for tax in invoice.lines if tax.code and tax.code in line.taxed_by]
    return ", ".join(dict.fromkeys(names))


def register(app: Flask) -> None:
    """Give the templates these words."""
    app.jinja_env.globals.update(
        whole_sum=whole_sum, row_title=row_title, row_figure=row_figure, row_source=row_source, row_days=row_days,
        close_words=close_words, taxes_of=taxes_of, quarters_words=quarters_words, quarters_root=quarters_root,
    )  # fmt: skip
