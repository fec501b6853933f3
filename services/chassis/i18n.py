"""Words and figures in a person's language, outside the web pages: documents and mails."""

from datetime import date
from decimal import Decimal
from functools import lru_cache
from pathlib import Path

from babel.dates import format_date as babel_date
from babel.numbers import format_currency, format_decimal
from babel.support import NullTranslations, Translations

_REGION = {"es": "es_ES", "en": "en_GB"}


def locale_for(language: str, jurisdiction: str) -> str:
    """Language and country together decide figures: ``es`` in Argentina writes money as ``es_AR`` does."""
    if language == "es" and jurisdiction == "ar":
        return "es_AR"
    return _REGION.get(language, language)


@lru_cache
def translations(folder: Path, language: str) -> NullTranslations:
    """The compiled catalogue ``folder/<language>/LC_MESSAGES/messages.mo``; English message ids where there is none."""
    return Translations.load(str(folder), [language.split("_")[0]])


def format_money(amount: Decimal, currency: str, locale: str) -> str:
    """``55,44 €`` with a no-break space, so that amount and unit stay on one line."""
    return str(format_currency(amount, currency, locale=locale))


def format_day(day: date, locale: str, style: str = "long") -> str:
    """A date with the month in words (``31 de octubre de 2026``) or as ``style`` says."""
    return str(babel_date(day, format=style, locale=locale))  # type: ignore[arg-type]


def format_kwh(wh: int, locale: str, places: int = 0) -> str:
    """Energy in kWh, from Wh."""
    pattern = "#,##0" + ("." + "0" * places if places else "")
    return f"{format_decimal(Decimal(wh) / 1000, format=pattern, locale=locale)}\N{NO-BREAK SPACE}kWh"
