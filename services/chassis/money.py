"""Exact money: Decimal amounts, rounded half-up once per invoice line."""

from decimal import ROUND_HALF_UP, Decimal
from functools import cache

# ISO 4217 minor units of the currencies our profiles use.
_MINOR_UNITS = {"EUR": 2, "ARS": 2, "USD": 2}


def minor_units(currency: str) -> int:
    """Digits after the point of a currency. Raises ValueError for one we have no row for."""
    try:
        return _MINOR_UNITS[currency]
    except KeyError:
        raise ValueError(f"currency {currency!r} is unknown: known are {', '.join(sorted(_MINOR_UNITS))}") from None


@cache
def _last_of(places: int) -> Decimal:
    return Decimal(1).scaleb(-places)


def round_half_up(value: Decimal, places: int = 2) -> Decimal:
    """``value`` rounded to ``places`` digits, halves away from zero (the rounding of printed invoices)."""
    return value.quantize(_last_of(places), rounding=ROUND_HALF_UP)
