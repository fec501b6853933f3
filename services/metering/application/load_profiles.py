"""Load profiles: uploaded by the office, one file with one or more tariffs; the last one of a tariff is in force."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from services.chassis.db import Database, RequestKey
from services.chassis.errors import Invalid
from services.chassis.ids import new_id
from services.metering.application.assessing import SAMPLES
from services.metering.domain.calendar import TARIFF_PERIODS
from services.metering.domain.estimation.profiles import LoadedProfiles, RefusedRow, load_profiles, sample_profile
from services.metering.repository import profiles
from services.metering.repository.profiles import StoredProfile

LARGEST = 3_000_000
"""Characters of a file: a coefficient for every hour of two years and three tariffs, with room to spare."""


@dataclass(frozen=True)
class ListedProfile:
    """A profile that was uploaded, or a sample that comes with the system (``uploaded_at`` None, no id)."""

    id: str
    tariff: str
    file_name: str
    sha256: str
    coefficients: int
    actor: str
    uploaded_at: datetime | None
    in_force: bool

    @property
    def sample(self) -> bool:
        return self.uploaded_at is None


def upload(
    database: Database, key: RequestKey, file_name: str, content: bytes, actor: str
) -> tuple[list[ListedProfile], tuple[RefusedRow, ...]]:
    """Keeps the profiles of a file, all or none: one with bad rows is refused row by row and nothing of it stored.

    The same request again gives the same answer, and a file that is in force already is not stored again. Raises Invalid
    for what is no profile file.
    """
    text = _text(content)
    loaded = _load(text)
    if loaded.refused:
        return [], loaded.refused
    if not loaded.profiles:
        raise Invalid("The file has a heading and no coefficient: nothing would be in force by it.", field="content")
    unknown = sorted(set(loaded.profiles) - set(TARIFF_PERIODS))
    if unknown:
        known = ", ".join(TARIFF_PERIODS)
        raise Invalid(f"The file is for tariff {unknown[0]!r}, which is unknown; known are {known}.", field="content")

    sha256 = hashlib.sha256(content).hexdigest()

    def keep() -> str:
        ids = []
        for tariff, profile in loaded.profiles.items():
            now = profiles.in_force(tx.connection, tariff)
            if now is not None and now.sha256 == sha256:
                ids.append(now.id)
                continue
            stored = StoredProfile(
                new_id(),
                tariff,
                file_name[:255],
                sha256,
                profile.coefficients,
                actor,
                tx.clock.now(),
            )
            profiles.add(tx, stored, text)
            ids.append(stored.id)
        return " ".join(ids)

    with database.write() as tx:
        ids = tx.once(key, keep).split()
        stored = profiles.every(tx.connection)
    return [one for one in _listed(stored) if one.id in ids], ()


def every(database: Database) -> list[ListedProfile]:
    """The samples and every upload, by tariff, what is in force first."""
    with database.read() as connection:
        uploaded = profiles.every(connection)
    tariffs = {one.tariff for one in uploaded}
    samples = [
        ListedProfile(
            "", tariff, f"sample_{tariff}.csv", "", sample_profile(tariff).coefficients, "", None, tariff not in tariffs
        )
        for tariff in SAMPLES
    ]
    return sorted([*_listed(uploaded), *samples], key=lambda one: (one.tariff, not one.in_force, one.sample))


def _listed(stored: list[StoredProfile]) -> list[ListedProfile]:
    """``stored``: by tariff, the newest first."""
    newest: dict[str, str] = {}
    for one in stored:
        newest.setdefault(one.tariff, one.id)
    return [ListedProfile(**vars(one), in_force=newest[one.tariff] == one.id) for one in stored]


def _text(content: bytes) -> str:
    if len(content) > LARGEST:
        raise Invalid(f"The file has {len(content):,} bytes, more than {LARGEST:,}: split it.", field="content")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as wrong:
        raise Invalid(
            f"The file is not UTF-8 text at byte {wrong.start:,}: save it as UTF-8.", field="content"
        ) from None


def _load(text: str) -> LoadedProfiles:
    try:
        return load_profiles(text.splitlines())
    except ValueError as wrong:
        raise Invalid(str(wrong), field="content") from wrong
