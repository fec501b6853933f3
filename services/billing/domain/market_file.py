"""Files of hourly market prices: CSV in the columns of docs/market-prices.md, by local day and hour or by instant.

Quarter-hourly prices become those of the hour, their arithmetic mean: curves are hourly.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from services.chassis.errors import Invalid
from services.chassis.money import round_half_up
from services.chassis.periods import day_start, hours_in_day

#: Column of a file by the names it goes by.
NAMES: Mapping[str, str] = {
    "day": "day",
    "date": "day",
    "fecha": "day",
    "hour": "hour",
    "hora": "hour",
    "quarter": "quarter",
    "cuarto": "quarter",
    "start": "start",
    "inicio": "start",
    "price": "price",
    "precio": "price",
    "price_eur_mwh": "price",
}
QUARTERS = 4
QUARTER_MINUTES = 15
PLACES = 6
#: EUR/MWh. Markets clear between -500 and a few thousands: further away a file is in another unit.
LOWEST, HIGHEST = Decimal(-1000), Decimal(10000)
_NUMBER = re.compile(r"[+-]?\d{1,6}([.,]\d{1,6})?")
_WHOLE = re.compile(r"\d{1,2}")
_SPANISH_DAY = re.compile(r"(\d{2})/(\d{2})/(\d{4})")


@dataclass(frozen=True)
class RefusedRow:
    """A row that was not taken: its line in the file, the value at fault, and why, as a sentence."""

    line: int
    value: str
    reason: str


@dataclass(frozen=True)
class MarketFile:
    """Prices in EUR/MWh by UTC start of the hour, in order, and the rows that were refused."""

    prices: Mapping[datetime, Decimal]
    refused: tuple[RefusedRow, ...]


class _Wrong(Exception):
    def __init__(self, value: str, reason: str) -> None:
        super().__init__(reason)
        self.value = value
        self.reason = reason


@dataclass
class _Hour:
    """What a file says of one hour: prices by quarter (0 to 3), and the line of each."""

    prices: dict[int, Decimal] = field(default_factory=dict)
    lines: dict[int, int] = field(default_factory=dict)


def read_market_file(text: str, tz: ZoneInfo) -> MarketFile:
    """Reads a file, row by row; `tz` is that of its local days. Raises Invalid when its heading is none.

    An hour that a file has twice keeps its first price, and an hour that lacks a quarter is refused.
    """
    lines = text.splitlines()
    rows = _rows(lines)
    _, heading = next(rows, (0, []))
    columns = _columns(heading)
    hours: dict[datetime, _Hour] = {}
    refused: list[RefusedRow] = []
    for line, cells in rows:
        try:
            _take(hours, line, _named(columns, cells), tz)
        except _Wrong as wrong:
            refused.append(RefusedRow(line, wrong.value[:80], wrong.reason))
    by_quarter = "quarter" in columns or any(set(hour.prices) - {0} for hour in hours.values())
    prices: dict[datetime, Decimal] = {}
    for start, hour in sorted(hours.items()):
        if by_quarter and len(hour.prices) < QUARTERS:
            when = start.astimezone(tz).isoformat(timespec="minutes")
            value = f"{len(hour.prices)} of {QUARTERS} quarters"
            reason = f"The hour {when} is not whole; a file by quarter-hours needs all four of each hour."
            refused.append(RefusedRow(min(hour.lines.values()), value, reason))
            continue
        prices[start] = round_half_up(sum(hour.prices.values(), Decimal(0)) / len(hour.prices), PLACES)
    return MarketFile(prices, tuple(sorted(refused, key=lambda row: row.line)))


def _rows(lines: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """Line number and cells of each line that is neither empty nor a comment; the heading decides what separates cells."""
    content = [(number, line) for number, line in enumerate(lines, start=1) if line.strip() and line.lstrip()[0] != "#"]
    separator = next((sign for sign in ";\t" if content and sign in content[0][1]), ",")
    for number, line in content:
        yield number, [cell.strip() for cell in next(csv.reader([line], delimiter=separator))]


def _columns(heading: Sequence[str]) -> list[str]:
    columns = [NAMES.get(name.lower(), "") for name in heading]
    named = [column for column in columns if column]
    if len(set(named)) == len(named) and set(named) in (
        {"day", "hour", "price"},
        {"day", "hour", "quarter", "price"},
        {"start", "price"},
    ):
        return columns
    raise Invalid(
        f"The file's heading is {', '.join(heading)!r}; it must name the columns day, hour (and quarter) and price, or "
        "start and price.",
        field="content",
    )


def _named(columns: Sequence[str], cells: Sequence[str]) -> dict[str, str]:
    if len(cells) < len(columns):
        raise _Wrong(" ".join(cells), f"The row has {len(cells)} columns, the heading {len(columns)}.")
    return {column: cell for column, cell in zip(columns, cells, strict=False) if column}


def _take(hours: dict[datetime, _Hour], line: int, row: Mapping[str, str], tz: ZoneInfo) -> None:
    price = _price(row["price"])
    start, quarter = _instant(row["start"]) if "start" in row else _local(row, tz)
    hour = hours.setdefault(start, _Hour())
    if quarter in hour.prices:
        when = (start + timedelta(minutes=QUARTER_MINUTES * quarter)).astimezone(tz).isoformat(timespec="minutes")
        raise _Wrong(row["price"], f"{when} has a price on line {hour.lines[quarter]} already; give it once.")
    hour.prices[quarter] = price
    hour.lines[quarter] = line


def _price(text: str) -> Decimal:
    if not _NUMBER.fullmatch(text):
        raise _Wrong(text, "This is no price in EUR/MWh such as 84.32 or 84,32, without signs between thousands.")
    price = Decimal(text.replace(",", "."))
    if not LOWEST <= price <= HIGHEST:
        raise _Wrong(text, f"The price is not between {LOWEST} and {HIGHEST} EUR/MWh; is the file in another unit?")
    return price


def _instant(text: str) -> tuple[datetime, int]:
    """The UTC start of the hour and the quarter of an ISO instant with its offset."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise _Wrong(text, "This is no instant such as 2026-10-14T11:00+02:00.") from None
    if at.tzinfo is None:
        raise _Wrong(text, "The instant lacks its offset, without which the repeated hour of October is two.")
    at = at.astimezone(UTC)
    if at.minute % QUARTER_MINUTES or at.second or at.microsecond:
        raise _Wrong(text, "The instant is not the start of an hour or of a quarter of one.")
    return at.replace(minute=0), at.minute // QUARTER_MINUTES


def _local(row: Mapping[str, str], tz: ZoneInfo) -> tuple[datetime, int]:
    """The UTC start of hour n of a local day, which has 23, 24 or 25 of them, and the quarter."""
    day = _day(row["day"])
    hour, last = row["hour"], hours_in_day(day, tz)
    if not _WHOLE.fullmatch(hour) or not 1 <= int(hour) <= last:
        raise _Wrong(hour, f"{day} has the hours 1 to {last}; the first starts at midnight.")
    quarter = row.get("quarter", "1")
    if not _WHOLE.fullmatch(quarter) or not 1 <= int(quarter) <= QUARTERS:
        raise _Wrong(quarter, "An hour has the quarters 1 to 4.")
    return day_start(day, tz) + timedelta(hours=int(hour) - 1), int(quarter) - 1


def _day(text: str) -> date:
    spanish = _SPANISH_DAY.fullmatch(text)
    try:
        found = date.fromisoformat("-".join(reversed(spanish.groups())) if spanish else text)
    except ValueError:
        raise _Wrong(text, "This is no day of the calendar such as 2026-10-14 or 14/10/2026.") from None
    if not 2000 <= found.year < 2100:
        raise _Wrong(text, "The day is outside the years 2000 to 2099.")
    return found
