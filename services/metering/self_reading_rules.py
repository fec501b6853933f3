"""The profile's word on self-readings: ``[self_reading]`` of ``coop.toml``, with the country's working days."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from services.chassis.environment import SettingsError
from services.chassis.grpc.sizes import MAX_MESSAGE
from services.chassis.profile import Profile
from services.metering.domain.estimation.self_reading import WORKING_DAYS_BEFORE_CYCLE, Late, Window, window
from services.metering.jurisdictions import working_calendar

DIGITS = {"kWh": 6, "m3": 5}
"""Digits of a meter's display, unless the cooperative says else."""
MAX_PHOTO_MB = 5
MEGABYTE = 1_000_000
_ENVELOPE = 100_000
"""Bytes of a message that are not the photo."""


@dataclass(frozen=True)
class SelfReadingRules:
    """``digits`` by unit as shown ("kWh", "m3"); ``working_days`` before a cycle by which a reading comes in time."""

    digits: Mapping[str, int]
    working_days: int
    late: Late
    max_photo_mb: int
    is_working_day: Callable[[date], bool]

    @property
    def max_photo_bytes(self) -> int:
        return self.max_photo_mb * MEGABYTE

    def window(self, today: date) -> Window:
        """The bill that a reading given today enters."""
        return window(today, self.is_working_day, self.working_days, self.late)


def rules_of(profile: Profile) -> SelfReadingRules:
    """The rules of a profile; what it does not say is as the trade does it. Raises SettingsError naming the file."""
    section = profile.section("self_reading")
    where = f"{profile.folder / 'coop.toml'}: [self_reading]"
    largest = (MAX_MESSAGE - _ENVELOPE) // MEGABYTE
    digits = section.get("digits", DIGITS)
    if not isinstance(digits, dict):
        raise SettingsError([f"{where} digits is {digits!r}: write {{ kWh = 6, m3 = 5 }}."])
    late = section.get("late", Late.REFUSE.value)
    if late not in list(Late):
        raise SettingsError([f"{where} late is {late!r}: known are {', '.join(Late)}."])
    return SelfReadingRules(
        digits={unit: _whole(digits, unit, usual, 1, 12, where) for unit, usual in DIGITS.items()},
        working_days=_whole(section, "working_days", WORKING_DAYS_BEFORE_CYCLE, 0, 20, where),
        late=Late(late),
        max_photo_mb=_whole(section, "max_photo_mb", MAX_PHOTO_MB, 1, largest, where),
        is_working_day=working_calendar(profile.jurisdiction).is_working_day,
    )


def _whole(section: Mapping[str, Any], name: str, usual: int, least: int, most: int, where: str) -> int:
    value = section.get(name, usual)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise SettingsError([f"{where} {name} is {value!r}: give a whole number, {least} to {most}."])
    return value
