"""Amounts, energy and dates as the reader's language writes them.

Everything here returns text in which a number and its unit are joined by a no-break space, so that they never
break across lines. Energy is integer Wh, money is `Decimal` with an ISO 4217 code, dates are civil dates.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_datetime
from babel.numbers import format_currency, format_decimal

NO_BREAK = "\u00a0"
# Patterns of Unicode TR 35. `full` names the weekday, `day` does not, `short` abbreviates the month.
_PATTERNS = {
    "es": {
        "full": "EEEE d 'de' MMMM",
        "day": "d 'de' MMMM",
        "short": "d MMM",
        "weekday": "EEE d MMM",
        "month": "LLLL",
        "year": " 'de' y",
    },
    "en": {
        "full": "EEEE d MMMM",
        "day": "d MMMM",
        "short": "d MMM",
        "weekday": "EEE d MMM",
        "month": "LLLL",
        "year": " y",
    },
    "ca": {
        "full": "EEEE d MMMM",
        "day": "d MMMM",
        "short": "d MMM",
        "weekday": "EEE d MMM",
        "month": "LLLL",
        "year": " 'de' y",
    },
}


def money(amount: Decimal, currency: str, locale: Locale, *, signed: bool = False) -> str:
    """`Decimal("55.44")`, `"EUR"` -> "55,44 €"; `signed` writes the plus too."""
    text = format_currency(abs(amount), currency, locale=locale).replace(" ", NO_BREAK)
    sign = "−" if amount < 0 else "+" if signed and amount > 0 else ""
    return sign + text


def number(value: Decimal | int, locale: Locale, places: int = 0) -> str:
    """A number with exactly `places` decimals, half-up."""
    exact = Decimal(value).quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)
    pattern = "#,##0" + ("." + "0" * places if places else "")
    return format_decimal(exact, format=pattern, locale=locale)


def energy(wh: int, locale: Locale) -> str:
    """Wh -> "245 kWh" from 100 kWh up, "9,21 kWh" (or "21 kWh") from 1, "0,117 kWh" below."""
    if abs(wh) >= 100_000:
        return f"{kwh(wh, locale, 0)}{NO_BREAK}kWh"
    if abs(wh) >= 1_000:
        hundredths = (Decimal(wh) / 1000).quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)
        return f"{format_decimal(hundredths, format='#,##0.##', locale=locale)}{NO_BREAK}kWh"
    return f"{kwh(wh, locale, 3)}{NO_BREAK}kWh" if wh else f"0{NO_BREAK}kWh"


def kwh(wh: int, locale: Locale, places: int = 3) -> str:
    """Wh as kWh without the unit, for table cells."""
    return number(Decimal(wh) / 1000, locale, places)


def power(watts: int, locale: Locale) -> str:
    """4600 -> "4,6 kW"."""
    return f"{format_decimal(Decimal(watts) / 1000, format='#,##0.###', locale=locale)}{NO_BREAK}kW"


def percent(share: Decimal, locale: Locale) -> str:
    """Decimal("0.12") -> "12 %" (a no-break space before the sign in Spanish, none in English)."""
    space = "" if locale.language == "en" else NO_BREAK
    return f"{number(share * 100, locale)}{space}%"


def civil_date(day: date, locale: Locale, style: str = "day", *, today: date | None = None) -> str:
    """`full` "lunes 23 de noviembre", `day` "23 de noviembre", `short` "23 nov",
    `weekday` "lun 23 nov"; with the year unless it is today's."""
    patterns = _PATTERNS.get(locale.language, _PATTERNS["en"])
    pattern = patterns[style]
    if today is None or day.year != today.year:
        pattern += " y" if style in ("short", "weekday") else patterns["year"]
    return format_date(day, pattern, locale=locale)


def month_name(day: date, locale: Locale, *, today: date | None = None) -> str:
    """ "octubre", or "octubre de 2025" when it is not this year's."""
    patterns = _PATTERNS.get(locale.language, _PATTERNS["en"])
    pattern = patterns["month"]
    if today is None or day.year != today.year:
        pattern += patterns["year"]
    return format_date(day, pattern, locale=locale)


def month_letter(day: date, locale: Locale) -> str:
    """The month's one letter for a chart's axis: "o"."""
    return format_date(day, "LLLLL", locale=locale).lower()


def weekday_name(day: date, locale: Locale) -> str:
    """The weekday in three letters or so: "lun"."""
    return format_date(day, "ccc", locale=locale)


def moment(instant: datetime, zone: ZoneInfo, locale: Locale) -> str:
    """An instant in local words: "21 de noviembre de 2026, 17:00"."""
    local = instant.astimezone(zone)
    return f"{civil_date(local.date(), locale)}, {format_datetime(local, 'HH:mm', locale=locale)}"
