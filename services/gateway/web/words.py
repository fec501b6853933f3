"""Jinja filters and small phrases: formatting in the language and on the calendar of this request."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import cast

from babel import Locale
from flask import Flask
from flask_babel import get_locale
from flask_babel import gettext as _

from services.gateway import formatting
from services.gateway.compose.money import Money
from services.gateway.web.frame import today, zone


def locale() -> Locale:
    """The locale of this request."""
    return cast(Locale, get_locale())


def amount(value: Money, signed: bool = False) -> str:
    return formatting.money(value.amount, value.currency, locale(), signed=signed)


def energy(wh: int) -> str:
    return formatting.energy(wh, locale())


def kwh(wh: int, places: int = 3) -> str:
    return formatting.kwh(wh, locale(), places)


def power(watts: int) -> str:
    return formatting.power(watts, locale())


def percent(share: Decimal) -> str:
    return formatting.percent(share, locale())


def day(value: date, style: str = "day") -> str:
    """A civil date, with the year unless it is this one."""
    return formatting.civil_date(value, locale(), style, today=today())


def dated(value: date) -> str:
    """A civil date with its year, as on what is kept or shown to others later."""
    return formatting.civil_date(value, locale())


def moment(instant: datetime) -> str:
    return formatting.moment(instant, zone(), locale())


def month_of(value: date) -> str:
    """ "octubre", with the year unless it is this one."""
    return formatting.month_name(value, locale(), today=today())


def sentence_case(text: str) -> str:
    """The first letter as a sentence begins; the rest untouched."""
    return text[:1].upper() + text[1:]


def decimal_text(text: str) -> str:
    """A decimal from a service ("27.704413") with the reader's separators, every digit kept; other text untouched."""
    try:
        value = Decimal(text)
    except ArithmeticError:
        return text
    return formatting.number(value, locale(), max(0, -int(value.as_tuple().exponent)))


def service_name(kind: str) -> str:
    """A service of a supply in words."""
    return {"electricity": _("Electricity"), "water": _("Water")}.get(kind, kind)


def tariff_period(name: str, tariff: str = "2.0TD") -> str:
    """ "P1" of the tariff of three periods in words; those of six go by their numbers."""
    if tariff != "2.0TD":
        return name
    return {"P1": _("Peak"), "P2": _("Mid"), "P3": _("Valley")}.get(name, name)


def register(app: Flask) -> None:
    """Give the templates these words."""
    app.jinja_env.filters.update(
        amount=amount, energy=energy, kwh=kwh, power=power, percent=percent, day=day, dated=dated, moment=moment,
        month=month_of, sentence_case=sentence_case, decimal_text=decimal_text,
    )  # fmt: skip
    app.jinja_env.globals.update(service_name=service_name, tariff_period=tariff_period)


@dataclass(frozen=True)
class CertificateWords:
    """What the certificate that nothing is owed is called where the cooperative is."""

    name: str
    ask: str


def certificate_words(jurisdiction: str) -> CertificateWords:
    if jurisdiction == "ar":
        return CertificateWords(
            _("Debt-free certificate (libre de deuda)"), _("Ask for a debt-free certificate (libre de deuda)")
        )
    return CertificateWords(_("Debt-free certificate"), _("Ask for a debt-free certificate"))
