"""Dates as an office writes them: ISO (1984-03-12) or the day first (12/03/1984)."""

import re
from calendar import monthrange
from datetime import date

from services.chassis.errors import Invalid

_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
_DAY_FIRST = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})")
#: Nobody born before this day holds a supply today.
OLDEST_BIRTH = date(1900, 1, 1)


def parse_day(text: str, field: str) -> date:
    """A day that exists. Raises Invalid that says why it does not."""
    written = text.strip()
    found = _ISO.fullmatch(written)
    if found:
        year, month, day = (int(part) for part in found.groups())
    else:
        found = _DAY_FIRST.fullmatch(written)
        if not found:
            raise Invalid(
                f"{written!r} is not a date: write it as 1984-03-12 or 12/03/1984.", "DATE_MALFORMED", field=field
            )
        day, month, year = (int(part) for part in found.groups())
    if not 1 <= month <= 12:
        raise Invalid(f"{written} does not exist: there is no month {month}.", "DATE_UNKNOWN", field=field)
    if year < 1:
        raise Invalid(f"{written} does not exist: there is no year {year}.", "DATE_UNKNOWN", field=field)
    last = monthrange(year, month)[1]
    if not 1 <= day <= last:
        raise Invalid(f"{written} does not exist: {year}-{month:02d} has {last} days.", "DATE_UNKNOWN", field=field)
    return date(year, month, day)


def parse_birth_date(text: str, today: date, field: str = "birth_date") -> date:
    """A birth date that exists, not before 1900 and not in the future. ``today`` is the cooperative's local day."""
    born = parse_day(text, field)
    if born > today:
        raise Invalid(f"The birth date {born} is in the future: today is {today}.", "BIRTH_DATE_FUTURE", field=field)
    if born < OLDEST_BIRTH:
        raise Invalid(
            f"The birth date {born} is before {OLDEST_BIRTH.year}: check the year.", "BIRTH_DATE_OLD", field=field
        )
    return born
