"""A cooperative's profile: one folder with ``coop.toml``, read once at start.

Everything that differs between two cooperatives and is no law stands there.
"""

import tomllib
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from services.chassis.environment import SettingsError
from services.chassis.money import minor_units
from services.chassis.periods import zone

JURISDICTIONS = ("es", "ar")
POLICIES = ("direct", "confirm")


@dataclass(frozen=True)
class Profile:
    """The parts every service reads, and ``raw`` for what one service alone understands."""

    folder: Path
    name: str
    legal_name: str
    tax_id: str
    address: str
    email: str
    phone: str
    web: str
    jurisdiction: str
    currency: str
    default_language: str
    languages: tuple[str, ...]
    time_zone: str
    tariff_zone: str
    association_policy: str
    brand_color: str
    demo: bool
    raw: dict[str, Any]

    @cached_property
    def tz(self) -> ZoneInfo:
        return zone(self.time_zone)

    def section(self, name: str) -> dict[str, Any]:
        """A table of ``coop.toml``, empty when it is not there."""
        found = self.raw.get(name, {})
        return found if isinstance(found, dict) else {}


def load_profile(folder: Path) -> Profile:
    """Reads ``coop.toml``. Raises SettingsError with one sentence per problem."""
    path = folder / "coop.toml"
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except FileNotFoundError:
        raise SettingsError([f"{path} does not exist: COOP_PROFILE_DIR must be a folder with a coop.toml."]) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as wrong:
        raise SettingsError([f"{path} is not TOML: {wrong}."]) from None
    problems: list[str] = []

    def text(key: str, default: str | None = None) -> str:
        value = raw.get(key, default)
        if not isinstance(value, str) or (not value and default is None):
            problems.append(f"{path}: {key} must be a text, and is {value!r}.")
            return ""
        return value

    languages = raw.get("languages", [])
    if not isinstance(languages, list) or not languages:
        problems.append(f'{path}: languages must be a list such as ["es", "en"].')
        languages = ["es"]
    profile = Profile(
        folder=folder,
        name=text("name"),
        legal_name=text("legal_name"),
        tax_id=text("tax_id"),
        address=text("address"),
        email=text("email"),
        phone=text("phone", ""),
        web=text("web", ""),
        jurisdiction=text("jurisdiction"),
        currency=text("currency"),
        default_language=text("default_language", str(languages[0])),
        languages=tuple(str(language) for language in languages),
        time_zone=text("time_zone"),
        tariff_zone=text("tariff_zone", "peninsula"),
        association_policy=text("association_policy", "confirm"),
        brand_color=text("brand_color", "#0b5a57"),
        demo=raw.get("demo", False) is True,
        raw=raw,
    )
    if profile.jurisdiction not in JURISDICTIONS:
        problems.append(f"{path}: jurisdiction is {profile.jurisdiction!r}: known are {', '.join(JURISDICTIONS)}.")
    if profile.association_policy not in POLICIES:
        known = ", ".join(POLICIES)
        problems.append(f"{path}: association_policy is {profile.association_policy!r}: known are {known}.")
    for check in (lambda: minor_units(profile.currency), lambda: zone(profile.time_zone)):
        try:
            check()
        except ValueError as wrong:
            problems.append(f"{path}: {wrong}.")
    if problems:
        raise SettingsError(problems)
    return profile
