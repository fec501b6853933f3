"""Where a retailer's electricity came from and what it did to the environment: the yearly table and label of every invoice
(Circular 2/2021 of the CNMC; Res. 28 April 2021, block 9)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from services.billing.domain.rows import civil_date, decimal, decimals, text
from services.chassis.errors import Invalid

SOURCES = ("renewable", "high_efficiency_chp", "chp", "gas", "coal", "oil", "nuclear", "other")
#: Letters of the label, from the least harm to the most.
LETTERS = "ABCDEFG"
WHOLE = Decimal(100)
#: Published shares are rounded, so they may miss the whole by this much.
TOLERANCE = Decimal("0.2")


@dataclass(frozen=True)
class Mix:
    """Shares in percent by source; kilograms of CO2 and milligrams of radioactive waste per kWh, with their letters."""

    shares: Mapping[str, Decimal]
    co2: Decimal
    waste: Decimal
    co2_letter: str = ""
    waste_letter: str = ""


@dataclass(frozen=True)
class EnergyOrigin:
    """The mix of a year, the retailer's own and the country's, printed from the day on which it was published."""

    year: int
    published: date
    source: str
    own: Mix
    country: Mix


def energy_origins(rows: Sequence[Mapping[str, Any]], place: str) -> tuple[EnergyOrigin, ...]:
    """The rows of `energy_origin.toml`, by date of publication. Invalid for shares that do not sum to 100."""
    found = [_origin(row, f"{place}, year {row.get('year', '?')}") for row in rows]
    return tuple(sorted(found, key=lambda each: each.published))


def origin_on(origins: Sequence[EnergyOrigin], day: date) -> EnergyOrigin | None:
    """The last mix published by a day; None before the first."""
    return next((each for each in reversed(origins) if each.published <= day), None)


def _origin(row: Mapping[str, Any], place: str) -> EnergyOrigin:
    year = row.get("year")
    if not isinstance(year, int):
        raise Invalid(f"{place}: year = {year!r} must be a year.", field="year")
    own, country = row.get("own", {}), row.get("country", {})
    return EnergyOrigin(
        year=year,
        published=civil_date(row, "published", place),
        source=text(row, "source", place),
        own=_mix(own, f"{place}, own", lettered=True),
        country=_mix(country, f"{place}, country", lettered=False),
    )


def _mix(row: Mapping[str, Any], place: str, *, lettered: bool) -> Mix:
    shares = decimals(row, "shares", place)
    strange = sorted(set(shares) - set(SOURCES))
    if strange:
        raise Invalid(f"{place}: the source {strange[0]!r} is not known; use {', '.join(SOURCES)}.", field="shares")
    total = sum(shares.values(), Decimal(0))
    if abs(total - WHOLE) > TOLERANCE:
        raise Invalid(f"{place}: the shares sum to {total} and must sum to 100.", field="shares")
    letters = [text(row, name, place) if lettered else "" for name in ("co2_letter", "waste_letter")]
    wrong = [letter for letter in letters if letter and letter not in LETTERS]
    if wrong:
        raise Invalid(f"{place}: the letter {wrong[0]!r} must be one of {', '.join(LETTERS)}.")
    return Mix(
        {name: shares[name] for name in SOURCES if name in shares},
        decimal(row, "co2", place),
        decimal(row, "waste", place),
        *letters,
    )
