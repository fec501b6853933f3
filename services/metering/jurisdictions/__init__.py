"""What differs between countries in reading meters: data, one folder a country."""

from __future__ import annotations

import tomllib
from pathlib import Path

from services.chassis.workdays import WorkingCalendar

_FOLDER = Path(__file__).parent


def working_calendar(jurisdiction: str) -> WorkingCalendar:
    """The working days of a country ("es", "ar"), as its rules on readings count them."""
    path = _FOLDER / jurisdiction / "holidays.toml"
    return WorkingCalendar.of(tomllib.loads(path.read_text(encoding="utf-8")))
