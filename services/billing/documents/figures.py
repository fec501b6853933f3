"""Amounts, quantities and dates as the reader's locale writes them, by Babel's CLDR data."""

from __future__ import annotations

from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

from babel import Locale, dates, lists, numbers

NBSP = "\u00a0"
MINUS = "\u2212"
# "lunes 23 de noviembre de 2026": CLDR's full format puts a comma that a sentence ("vence el lunes 23…") does not want.
_FULL_DATE = {"es": "EEEE d 'de' MMMM 'de' y", "en": "EEEE d MMMM y"}
_SPACED_PERCENT = {"es"}


class Figures:
    """Formats for one locale and currency; instances are shared, see `figures()`."""

    def __init__(self, locale: Locale, currency: str) -> None:
        self.locale = locale
        self.currency = currency
        self._language = locale.language

    def money(self, amount: Decimal) -> str:
        """«55,44 €», «$ 19.567,39»: no blank in it breaks."""
        text = numbers.format_currency(amount, self.currency, locale=self.locale)
        return text.replace(" ", NBSP).replace("-", MINUS)

    def signed_money(self, amount: Decimal) -> str:
        """Money with its sign always written, with the true minus."""
        sign = "+" if amount > 0 else MINUS if amount < 0 else ""
        return sign + self.money(abs(amount))

    def amount(self, amount: Decimal) -> str:
        """The number of an amount column: two decimals, no currency, the true minus."""
        text = numbers.format_decimal(abs(amount), format="#,##0.00", locale=self.locale)
        return f"{MINUS}{text}" if amount < 0 else text

    def price(self, price: Decimal, per: str) -> str:
        """A unit price with all the decimals it has (two at least) and what it is per: «0,196000 €/kWh», «−0,06 €/kWh»."""
        decimals = max(2, -int(price.as_tuple().exponent))
        text = numbers.format_decimal(
            abs(price), format="#,##0." + "0" * decimals, locale=self.locale, decimal_quantization=False
        )
        return f"{MINUS if price < 0 else ''}{text}{NBSP}{self.symbol}{per}"

    @property
    def symbol(self) -> str:
        return numbers.get_currency_symbol(self.currency, locale=self.locale)

    def number(self, value: Decimal) -> str:
        """A quantity without needless zeros: «245», «4,6», «−62»."""
        text = numbers.format_decimal(abs(value), format="#,##0.######", locale=self.locale, decimal_quantization=False)
        return f"{MINUS}{text}" if value < 0 else text

    def percent(self, rate: Decimal) -> str:
        """A rate already in percent: «5,11269632 %»."""
        text = numbers.format_decimal(rate, format="#,##0.########", locale=self.locale, decimal_quantization=False)
        return f"{text}{NBSP}%" if self._language in _SPACED_PERCENT else f"{text}%"

    def share(self, part: Decimal, whole: Decimal) -> str:
        """`part` of `whole` as a whole percentage, half-up."""
        return self.percent((part * 100 / whole).quantize(Decimal(1), ROUND_HALF_UP))

    def full_date(self, day: date) -> str:
        """«lunes 23 de noviembre de 2026»."""
        return dates.format_date(day, _FULL_DATE.get(self._language, "full"), locale=self.locale)

    def day(self, day: date) -> str:
        """«23 de noviembre de 2026»: the month in words, as Res. 28 Apr 2021 asks of Spanish invoices."""
        return dates.format_date(day, "long", locale=self.locale)

    def short_date(self, day: date) -> str:
        """«23 nov 2026», for table columns."""
        return dates.format_date(day, "d MMM y", locale=self.locale).replace(" ", NBSP)

    def month(self, day: date) -> str:
        """«octubre de 2026»."""
        return dates.format_skeleton("yMMMM", day, locale=self.locale)

    def month_name(self, day: date) -> str:
        """«octubre»."""
        return dates.format_date(day, "LLLL", locale=self.locale)

    def month_label(self, day: date, narrow: bool) -> str:
        """Under a bar: «oct», or «O» when narrow."""
        if narrow:
            return dates.format_date(day, "LLLLL", locale=self.locale)
        return dates.format_date(day, "LLL", locale=self.locale).rstrip(".")[:4]

    def period(self, start: date, last: date) -> str:
        """«1–31 de octubre de 2026»: CLDR interval, both days included."""
        return dates.format_interval(start, last, "yMMMMd", locale=self.locale)

    def listing(self, words: list[str]) -> str:
        """«electricidad y agua»."""
        return lists.format_list(words, locale=self.locale)

    def clock(self, instant: datetime, zone: str) -> str:
        """«17:00», in the cooperative's zone."""
        return dates.format_time(instant, "HH:mm", tzinfo=ZoneInfo(zone), locale=self.locale)

    def zone_name(self, instant: datetime, zone: str) -> str:
        """The offset of that instant, «UTC+01:00», so that the hour repeated in October is unambiguous."""
        offset = instant.astimezone(ZoneInfo(zone)).strftime("%z")
        return f"UTC{offset[:3]}:{offset[3:]}"


@lru_cache(maxsize=32)
def figures(locale: str, currency: str) -> Figures:
    """The shared formats of a locale such as «es_AR» and an ISO currency."""
    return Figures(Locale.parse(locale), currency)
