"""The profile's word on which days of a curve members see: ``[consumption]`` of ``coop.toml``."""

from __future__ import annotations

from services.chassis.environment import SettingsError
from services.chassis.profile import Profile
from services.metering.domain.publication import BILLED, MONTH_DAY, Publication

USUAL_DAY = 10
"""Day of the next month from which Spanish distributors offer a month for download."""


def publication_of(profile: Profile) -> Publication:
    """The policy of a profile; billed days alone when it says nothing. Raises SettingsError naming the file."""
    section = profile.section("consumption")
    policy = section.get("publication", BILLED)
    from_day = section.get("from_day", USUAL_DAY if policy == MONTH_DAY else 0)
    path = profile.folder / "coop.toml"
    if not isinstance(from_day, int):
        raise SettingsError([f"{path}: [consumption] from_day is {from_day!r}: give a whole number, 1 to 28."])
    try:
        return Publication(str(policy), from_day)
    except ValueError as wrong:
        raise SettingsError([f"{path}: [consumption] {wrong}."]) from wrong
